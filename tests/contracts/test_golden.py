"""Golden messages of every version keep decoding, and broken ones keep being refused."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from polyvox.contracts import EVENTS, decode, encode
from polyvox.contracts.envelope import event_id
from polyvox.errors import Invalid
from polyvox.schemas import event_schema

GOLDEN = Path(__file__).parent / "golden"
VALID = sorted(GOLDEN.glob("*/valid-*.json"))
INVALID = sorted(GOLDEN.glob("*/invalid-*.json"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", VALID, ids=_name)
def test_a_golden_message_decodes_and_encodes_to_itself(path: Path) -> None:
    envelope = decode(path.read_bytes())
    assert json.loads(encode(envelope)) == json.loads(path.read_text())
    assert envelope.type == f"polyvox.{path.parent.name}"


@pytest.mark.parametrize("path", VALID, ids=_name)
def test_the_id_of_an_event_never_changes(path: Path) -> None:
    envelope = decode(path.read_bytes())
    assert event_id(envelope.data) == envelope.id


@pytest.mark.parametrize("path", VALID, ids=_name)
def test_the_schema_accepts_what_the_code_accepts(path: Path) -> None:
    document = json.loads(path.read_text())
    jsonschema.validate(document, event_schema(EVENTS[document["type"]]), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("path", INVALID, ids=_name)
def test_a_broken_message_is_refused_by_code_and_schema(path: Path) -> None:
    document = json.loads(path.read_text())
    with pytest.raises(Invalid, match="breaks its contract"):
        decode(path.read_bytes())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, event_schema(EVENTS[document["type"]]), cls=jsonschema.Draft202012Validator)


def test_every_event_has_golden_messages_valid_and_invalid() -> None:
    types = {kind.removeprefix("polyvox.") for kind in EVENTS}
    assert {path.parent.name for path in VALID} == types
    assert {path.parent.name for path in INVALID} == types


@pytest.mark.parametrize("path", VALID, ids=_name)
def test_a_field_of_a_later_version_is_ignored(path: Path) -> None:
    document = json.loads(path.read_text())
    document["data"]["from_the_future"] = {"x": 1}
    assert decode(json.dumps(document).encode()) == decode(path.read_bytes())


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"\xff\xfe", "not-json"),
        (b"{", "not-json"),
        (b"[]", "unknown-type"),
        (b'{"type": "polyvox.media-cooked.v1"}', "unknown-type"),
        (b'{"type": ["polyvox.media-deleted.v1"]}', "unknown-type"),
    ],
)
def test_what_is_not_an_event_is_refused_with_its_cause(value: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(value)
    assert caught.value.code == code
