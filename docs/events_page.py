"""docs/events.md: every event with its fields and an example, made from the contracts and their golden messages."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from polyvox import topics
from polyvox.contracts import EVENTS
from polyvox.contracts.envelope import Contract, Event
from polyvox.schemas import KEYS

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "contracts" / "golden"

INTRO = """\
# Events

What happens to a recording is told on Kafka (or on the embedded log), so that anybody can follow. A downstream
consumer usually needs three topics: `transcript-segments`, `media-completed` and `media-failed`, and `media-deleted`
if it keeps copies. [examples/downstream](../examples/downstream) has one that runs.

## What every message has

- The value is a [CloudEvents 1.0](https://cloudevents.io) envelope in JSON; what it is about is in `data`.
- The key is the `media_id` unless the table says otherwise: messages about one recording are in one partition of a
  topic, in the order in which they were written.
- Headers: `content-type`; `traceparent` ([W3C Trace Context](https://www.w3.org/TR/trace-context/)), one trace from the
  upload to the last event; `polyvox-tenant`, `polyvox-lane` (`interactive` or `bulk`) and `polyvox-audio-s` (seconds of
  audio that the message asks work for, 0 where it asks for none), so that a consumer can choose without decoding;
  `polyvox-span` on what the projection reads: what the work took that made the message, for Polyvox itself.
- Topics ending in `-bulk` carry the same events for bulk work. What is meant for downstream has one topic for both.

## What you can rely on

- **At least once.** A message may come again after a crash or a rebalance. It then has the same `id`: keep the ids
  you have seen (a day is enough), or make what you do with a message the same the second time.
- **Exactly one end.** Every accepted recording ends in one `media-completed` or one `media-failed` per `version`.
  A later version replaces an earlier one as a whole: a replay of a stage, or a part that was mended.
- **Segments before completion.** All `transcript-segments` of a version are written before its `media-completed`.
  They are in one partition each, but in another topic: wait for `segment_count` segments of the version, or take
  them as they come.
- **Order across topics is not promised.** Use `version` and `id`, not arrival.
- **Bytes do not travel.** Events hold keys into the object store, and `result_key` is where the whole transcript lies.
- **Contracts only gain optional fields.** Ignore what you do not know. A change that breaks would be a new type
  (`….v2`) on the same topic, announced in the changelog; every old message keeps decoding.
- Consumers that fall behind have as long as the topic keeps messages; after that, GET /v1/media has everything.
"""


def events_page() -> str:
    parts = [INTRO, "## The events\n"]
    parts += [_event(fact) for fact in EVENTS.values()]
    parts += ["## What events are made of\n", *_pieces()]
    return "\n".join(parts)


def _event(fact: type[Event]) -> str:
    carriers = [topic for topic in topics.TOPICS.values() if topic.event is fact]
    producers = sorted({name for topic in carriers for name in topic.producers})
    consumers = sorted({name for topic in carriers for name in topic.consumers})
    name = fact.TYPE.removeprefix("polyvox.")
    lines = [f"### {name.rpartition('.')[0]}", "", _about(fact), ""]
    lines += [
        f"Type `{fact.TYPE}`, on {_listed(topic.name for topic in carriers)}, key `{KEYS.get(fact, 'media_id')}`, "
        f"from {', '.join(producers)} to {', '.join(consumers)}. [JSON Schema](schemas/{name}.json)",
        "",
        "| field of `data` | type | default | meaning |",
        "|---|---|---|---|",
        *_rows(fact.model_json_schema(mode="validation"), _notes(fact)),
        "",
        "```json",
        json.dumps(_example(name), indent=2, ensure_ascii=False),
        "```",
        "",
    ]
    return "\n".join(lines)


def _about(fact: type[Event]) -> str:
    module = inspect.cleandoc(sys.modules[fact.__module__].__doc__ or "")
    own = fact.__dict__.get("__doc__")
    return "\n\n".join([module, *([inspect.cleandoc(own)] if own else [])])


def _pieces() -> Iterator[str]:
    """The models within events, each once."""
    schemas: dict[str, dict[str, Any]] = {}
    for fact in EVENTS.values():
        schemas |= fact.model_json_schema(mode="validation").get("$defs", {})
    kinds = {kind.__name__: kind for kind in _below(Contract)}
    for name, schema in sorted(schemas.items()):
        about = inspect.cleandoc(kinds[name].__dict__.get("__doc__") or "")
        rows = _rows(schema, _notes(kinds[name]))
        heads = ["| field | type | default | meaning |", "|---|---|---|---|"]
        yield "\n".join([f"### {name}", "", *([about, ""] if about else []), *heads, *rows, ""])


def _below(kind: type[Contract]) -> Iterator[type[Contract]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def _rows(schema: dict[str, Any], notes: dict[str, str]) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        given = field.get("default")
        # What a whole object is by default is told where the object is.
        has_default = name not in required and not (isinstance(given, dict) and given)
        default = f"`{json.dumps(given, ensure_ascii=False)}`" if has_default else ""
        meaning = field.get("description") or notes.get(name, "")
        yield f"| `{name}` | {_type(field)} | {default} | {' '.join(meaning.split())} |"


def _notes(contract: type[Contract]) -> dict[str, str]:
    """The texts under the fields of a class and of those it inherits from."""
    notes: dict[str, str] = {}
    for kind in reversed([base for base in contract.__mro__ if issubclass(base, Contract)]):
        body = ast.parse(inspect.getsource(kind).lstrip()).body[0]
        assert isinstance(body, ast.ClassDef)
        for before, after in zip(body.body, body.body[1:], strict=False):
            is_note = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and is_note:
                notes[before.target.id] = str(after.value.value)  # type: ignore[attr-defined]
    return notes


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'])}"
    kind = str(field.get("type", "any"))
    return "time" if field.get("format") == "date-time" else kind


def _listed(names: Iterator[str] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _example(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / name / "valid-full.json").read_text())
    return document
