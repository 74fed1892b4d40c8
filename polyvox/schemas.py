"""JSON Schemas and the AsyncAPI 3 document, made from the models. Pure."""

from __future__ import annotations

from typing import Any

from polyvox import __version__
from polyvox.contracts.envelope import Envelope, Event
from polyvox.contracts.part_ready import PartReady
from polyvox.contracts.registry import EVENTS
from polyvox.contracts.retake_ready import RetakeReady
from polyvox.contracts.tenant_backlog import TenantBacklog
from polyvox.contracts.transcript import Transcript

KEYS: dict[type[Event], str] = {
    PartReady: "media_id/part",
    RetakeReady: "media_id/part",
    TenantBacklog: "tenant",
}
"""What the key of a topic's messages is, where it is not the media_id."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def event_schema(fact: type[Event]) -> dict[str, Any]:
    """JSON Schema of one event as it lies on the log, envelope included."""
    schema = Envelope[fact].model_json_schema(mode="validation")  # type: ignore[valid-type]
    schema["properties"]["type"] = {"const": fact.TYPE, "type": "string"}
    schema["properties"]["dataschema"] = {"const": fact.schema_id(), "type": "string"}
    schema["title"] = fact.__name__
    schema["description"] = _first_line(fact)
    return {"$schema": DIALECT, "$id": fact.schema_id(), **schema}


def transcript_schema() -> dict[str, Any]:
    """JSON Schema of a transcript."""
    return {"$schema": DIALECT, "$id": "urn:polyvox:schema:transcript.v1", **Transcript.model_json_schema()}


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file name."""
    events = {f"{fact.TYPE.removeprefix('polyvox.')}.json": event_schema(fact) for fact in EVENTS.values()}
    return {**events, "transcript.v1.json": transcript_schema()}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document of all topics that carry events."""
    from polyvox.topics import TOPICS

    topics = [topic for topic in TOPICS.values() if topic.event is not None]
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for topic in topics:
        fact = topic.event
        if fact is None:
            continue
        channels[topic.name] = {
            "address": topic.name,
            "description": topic.meaning,
            "messages": {fact.__name__: {"$ref": f"#/components/messages/{fact.__name__}"}},
            "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": "0.5.0"}},
        }
        messages[fact.__name__] = {
            "name": fact.TYPE,
            "contentType": "application/cloudevents+json",
            "summary": _first_line(fact),
            "headers": {
                "type": "object",
                "properties": {"traceparent": {"type": "string", "description": "W3C Trace Context."}},
            },
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": f"schemas/{fact.TYPE.removeprefix('polyvox.')}.json"},
            },
            "bindings": {
                "kafka": {
                    "key": {"type": "string", "description": KEYS.get(fact, "media_id")},
                    "bindingVersion": "0.5.0",
                }
            },
        }
        for action, parties in (("send", topic.producers), ("receive", topic.consumers)):
            for party in parties:
                operations[f"{party}-{action}-{topic.name}"] = {
                    "action": action,
                    "channel": {"$ref": f"#/channels/{topic.name}"},
                    "summary": f"{party} {'writes' if action == 'send' else 'reads'} {topic.name}",
                }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Polyvox events",
            "version": __version__,
            "description": "CloudEvents 1.0 in JSON. Messages have the media_id as key, on part-ready and retake-ready "
            "media_id/part, on tenant-backlog the tenant.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _first_line(fact: type[Event]) -> str:
    import sys

    module = sys.modules[fact.__module__]
    return (module.__doc__ or fact.__name__).strip().splitlines()[0]
