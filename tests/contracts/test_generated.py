"""What is generated from code is current, and the code's own rules about topics hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jsonschema

from polyvox.contracts import EVENTS
from polyvox.schemas import asyncapi, schemas
from polyvox.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]


def test_generated_documents_are_current() -> None:
    run = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_every_event_has_a_topic_and_every_topic_a_reader_and_a_writer() -> None:
    assert {topic.event for topic in TOPICS.values() if topic.event} == set(EVENTS.values())
    for topic in TOPICS.values():
        assert topic.producers
        assert topic.consumers


def test_topic_names_have_hyphens_and_no_dots() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in TOPICS)


def test_schemas_are_schemas() -> None:
    for document in schemas().values():
        jsonschema.Draft202012Validator.check_schema(document)


def test_the_asyncapi_document_refers_only_to_what_exists() -> None:
    document = asyncapi()
    known = set(schemas())
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            name = message["$ref"].rsplit("/", 1)[1]
            payload = document["components"]["messages"][name]["payload"]["schema"]["$ref"]
            assert payload.removeprefix("schemas/") in known
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].rsplit("/", 1)[1] in document["channels"]
