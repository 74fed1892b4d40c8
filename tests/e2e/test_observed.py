"""One real run, seen from outside: its trace, kept and exported, and what the logs say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from polyvox import tracing
from polyvox.client import Client
from polyvox.contracts import Options
from tests.support.command import polyvox
from tests.support.media import tone, wav
from tests.support.otlp import Collector, collecting
from tests.support.product import Product
from tests.support.stack import speech

pytestmark = pytest.mark.models

CALLER = tracing.new()
FILENAME = "Kündigung Quetzalcoatl.flac"
METADATA = {"casenumber": "wolpertinger-4711"}
STAGES = ["upload", "normaliser", "transcriber", "diarizer", "projection"]


@dataclass(frozen=True)
class Seen:
    """A product that went through one good recording and one that cannot be decoded, and was stopped."""

    collector: Collector
    media_id: str
    failed_id: str
    words: set[str]
    trace: dict[str, Any]
    failed_trace: dict[str, Any]
    shown: str
    top: dict[str, Any]
    log: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("observed")
    recording = speech(folder / "speech.flac", 8.0)
    with collecting() as collector:
        product = Product(
            folder / "data",
            environment={
                "POLYVOX_OTLP_ENDPOINT": collector.endpoint,
                "POLYVOX_OTLP_HEADERS": "x-scope = acme",
                "POLYVOX_DRAIN_TIMEOUT_S": "2",
            },
        )
        product.start()
        try:
            with Client(product.url) as client:
                answer = httpx.post(
                    f"{product.url}/v1/media",
                    files={"file": (FILENAME, recording.read_bytes(), "audio/flac")},
                    data={"metadata": json.dumps(METADATA), "language": "en"},
                    headers={"traceparent": CALLER.traceparent},
                )
                media_id = answer.raise_for_status().json()["media_id"]
                broken = folder / "Gehaltsliste Ostrogoten.wav"
                broken.write_bytes(wav(tone(0.0)))
                failed_id = client.upload(broken, Options(metadata=METADATA))
                assert client.wait(media_id, timeout_s=180).status == "completed"
                assert client.wait(failed_id, timeout_s=60).status == "failed"
                words = {word.strip(" .,?!").lower() for word in client.transcript(media_id).text.split()}
                trace, failed_trace = client.trace(media_id), client.trace(failed_id)
            shown = polyvox("trace", media_id, "--server", product.url, cwd=folder)
            assert shown.status == 0, shown.err
            top = polyvox("top", "--once", "--json", "--every", "0.5", "--server", product.url, cwd=folder)
            assert top.status == 0, top.err
        finally:
            product.stop()
        log = product.log_file.read_text()
        known = json.loads(top.out)
        yield Seen(collector, media_id, failed_id, words, trace, failed_trace, shown.out, known, log)


def test_a_trace_leads_from_the_upload_to_the_result(seen: Seen) -> None:
    spans = {span["name"]: span for span in seen.trace["spans"]}
    assert sorted(spans) == sorted(STAGES)
    assert {span["trace_id"] for span in spans.values()} == {seen.trace["trace_id"]} == {CALLER.trace_id}
    assert spans["upload"]["parent_id"] == CALLER.span_id
    assert spans["normaliser"]["parent_id"] == spans["upload"]["span_id"]
    assert spans["transcriber"]["parent_id"] == spans["diarizer"]["parent_id"] == spans["normaliser"]["span_id"]
    assert seen.trace["began_at"] == spans["upload"]["began_at"]
    assert seen.trace["ended_at"] == spans["projection"]["ended_at"]
    for name in STAGES[1:]:
        assert spans[name]["queued_at"] <= spans[name]["began_at"] <= spans[name]["ended_at"], name
        assert spans[name]["member"] == name
    steps = {name: [step["name"] for step in span["steps"]] for name, span in spans.items()}
    assert {"decoder", "store"} <= set(steps["normaliser"])
    assert {"fetch", "transcriber"} <= set(steps["transcriber"])
    assert {"fold", "merge", "store"} <= set(steps["projection"])


def test_what_joins_several_stages_links_those_that_it_did_not_hear_of_last(seen: Seen) -> None:
    spans = {span["name"]: span for span in seen.trace["spans"]}
    last = max(("transcriber", "diarizer"), key=lambda name: spans[name]["ended_at"])
    (first,) = {"transcriber", "diarizer"} - {last}
    assert spans["projection"]["parent_id"] == spans[last]["span_id"]
    linked = {link.split("-")[2] for link in spans["projection"]["links"]}
    assert linked == {spans["normaliser"]["span_id"], spans[first]["span_id"]}


def test_a_failure_is_where_its_trace_ends(seen: Seen) -> None:
    upload, normaliser, *rest = seen.failed_trace["spans"]
    assert (upload["status"], normaliser["status"]) == ("done", "failed")
    assert normaliser["code"]
    assert [span["name"] for span in rest] == ["projection"]
    assert seen.failed_trace["trace_id"] != seen.trace["trace_id"]


def test_the_terminal_shows_who_waited_and_who_worked(seen: Seen) -> None:
    head, trace, *rows = seen.shown.splitlines()
    assert head.startswith(seen.media_id)
    assert "8.0 s of audio" in head
    assert trace == f"trace {CALLER.trace_id}"
    bars = {row.split()[0]: row for row in rows if "█" in row}
    assert {"upload", "normaliser", "transcriber", "diarizer", "projection"} <= bars.keys()
    assert bars["upload"].index("█") <= bars["normaliser"].index("█") < bars["projection"].index("█")


def test_top_asks_one_server_for_all_processes(seen: Seen) -> None:
    assert (seen.top["completed"], seen.top["failed"], seen.top["silent"]) == (1, 1, [])
    stages = {stage["name"]: stage for stage in seen.top["stages"]}
    assert stages["normalise"]["given_up"] == 1
    for name in ("transcribe", "diarize"):
        assert stages[name]["rtfx"] > 0, name
        assert stages[name]["interactive_s"] == 0.0, name


def test_a_collector_gets_the_same_trace_as_spans_below_that_of_the_caller(seen: Seen) -> None:
    spans = {span.span_id.hex(): span for span in seen.collector.of_trace(CALLER.trace_id)}
    assert len(spans) == len(seen.collector.of_trace(CALLER.trace_id))
    # What is kept of a recording is a part of what happened to it: each event is folded, too.
    for kept in seen.trace["spans"]:
        sent = spans[kept["span_id"]]
        assert sent.parent_span_id.hex() == kept["parent_id"]
        assert sent.name.split()[0] == kept["name"]
        assert sent.start_time_unix_nano < sent.end_time_unix_nano
        attributes = {one.key: one.value for one in sent.attributes}
        assert attributes["polyvox.media_id"].string_value == seen.media_id
    assert all(span.parent_span_id.hex() in {*spans, CALLER.span_id} for span in spans.values())
    (join,) = [span for span in spans.values() if span.links]
    assert {link.trace_id.hex() for link in join.links} == {CALLER.trace_id}
    failures = [
        span
        for span in seen.collector.of_trace(seen.failed_trace["trace_id"])
        if span.status.code == span.status.STATUS_CODE_ERROR
    ]
    assert {span.name for span in failures} == {"normaliser"}
    assert {headers["x-scope"] for headers in seen.collector.headers} == {"acme"}
    assert {one["service.name"] for one in seen.collector.resources} == {"polyvox"}


def test_every_line_of_a_service_is_an_object_that_says_what_it_is_about(seen: Seen) -> None:
    lines = [json.loads(line) for line in seen.log.splitlines() if line.startswith("{")]
    assert all({"time", "level", "process", "logger", "message"} <= line.keys() for line in lines)
    (gave_up,) = [line for line in lines if "gave up" in line["message"]]
    assert (gave_up["level"], gave_up["process"], gave_up["stage"]) == ("error", "normaliser", "normaliser")
    assert gave_up["media_id"] == seen.failed_id
    assert gave_up["trace_id"] == seen.failed_trace["trace_id"]


def test_logs_hold_nothing_of_what_recordings_hold(seen: Seen) -> None:
    said = seen.log.lower()
    for text in (FILENAME, "quetzalcoatl", "ostrogoten", *METADATA, *METADATA.values()):
        assert text.lower() not in said
    # Short words are in any text.
    telling = {word for word in seen.words if len(word) > 5}
    assert len(telling) >= 1, seen.words
    for word in telling:
        assert word not in said, word
