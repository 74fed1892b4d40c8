"""What schemathesis cannot know from the document; loaded by its command (schemathesis.toml).

Each of these makes valid what is meant to be valid. What is meant to be wrong stays as it was made.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.jsonschema import strategy
from schemathesis.transport.serialization import Binary

from tests.support.uploads import wav

# A schema says that a file is bytes. Whether they are a recording is decided by looking at them (415 where not).
RECORDING = wav(0.01)
NOT_OF_BASE = ("yue", "cantonese")
schemathesis.openapi.media_type(
    "audio/wav", st.just(RECORDING), aliases=["audio/*", "video/*", "application/octet-stream"]
)


# What tus calls the bytes that it sends.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


class BytesAsText:
    """A validator that lets schemathesis' own wrapper of bytes pass for an empty text.

    Some of its filters (4.32.5: formats and patterns that are excluded) hand the wrapper to jsonschema_rs, which
    knows no such type, and end the run of an operation.
    """

    def __init__(self, validator: Any) -> None:
        self._validator = validator

    def is_valid(self, value: Any) -> bool:
        return bool(self._validator.is_valid(_as_text(value)))


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_text(one) for one in value]
    return "" if isinstance(value, Binary) else value


def _lenient(make: Callable[..., Any]) -> Callable[..., BytesAsText]:
    return lambda *arguments: BytesAsText(make(*arguments))


for _name in ("make_validator", "make_validator_for", "build_validator_for"):
    setattr(strategy, _name, _lenient(getattr(strategy, _name)))


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Makes true what OpenAPI has no way to say.

    Options in the query go with a body that is the recording, and would be given twice beside a form; some of them
    exclude each other, which only schemas of bodies can say.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return case
    if case.media_type == "multipart/form-data":
        case.query = {}
        if isinstance(case.body, dict):
            _let_bounds_agree(case.body)
    elif case.query:
        _let_agree(case.query)
    if case.headers and (key := case.headers.get("idempotency-key")):
        # Which keys were used for another request no schema can say.
        case.headers["idempotency-key"] = f"{key[:200]}{_digest(case)}"
    if "/v1/tus" in case.path and case.headers:
        _speak_tus(case)
    if case.operation.label == "POST /v1/replays":
        _let_agree(case.body.get("set", {}))
    if case.operation.label == "GET /v1/search" and not any(map(str.isalnum, case.query["q"])):
        # Which of all characters words are made of no pattern says.
        case.query["q"] += "a"
    if case.operation.label == "POST /v1/webhooks":
        # Which addresses are private is no matter of a schema. This one leads nowhere (RFC 2606).
        case.body["url"] = "https://webhooks.invalid/"
    return case


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leaves out what would say nothing."""
    if case.headers and "x-schemathesis-unknown-property" in case.headers:
        # Headers that a server does not know are no fault of a request (RFC 9110, 5.1).
        return False
    if case.path_parameters and case.path_parameters.get("key_id") == os.environ["CONFORMANCE_KEY_ID"]:
        # The key that everything is asked with: once it is revoked, all that follows is refused.
        return False
    if case.operation.label == "POST /v1/keys" and not os.environ["CONFORMANCE_KEY_ID"]:
        # From the first key on nobody is let in without one, which is what this run is about.
        return case.meta is not None and not case.meta.generation.mode.is_positive
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY):
        # Counted as a wrong body by schemathesis, though none is sent where none is needed.
        return case.body is not NOT_SET or any(body.is_required for body in case.operation.body)
    return True


def _digest(case: Any) -> str:
    return hashlib.sha256(repr((case.path, case.query, case.body)).encode()).hexdigest()[:32]


def _speak_tus(case: Any) -> None:
    """One of two headers is needed, and not both; what is in base64 is UTF-8, and the checksum that of the body."""
    if case.method == "POST" and not {"Upload-Length", "Upload-Defer-Length"} & set(case.headers):
        case.headers["Upload-Defer-Length"] = "1"
    elif case.method == "POST" and "Upload-Length" in case.headers:
        case.headers.pop("Upload-Defer-Length", None)
    if "Upload-Metadata" in case.headers:
        case.headers["Upload-Metadata"] = f"filename {base64.b64encode(b'call.wav').decode()}"
    if "Upload-Checksum" in case.headers:
        body = case.body if isinstance(case.body, bytes) else b""
        case.headers["Upload-Checksum"] = f"sha256 {base64.b64encode(hashlib.sha256(body).digest()).decode()}"


def _let_bounds_agree(options: dict[str, Any]) -> None:
    """Which is the larger one no schema can say."""
    if "min_speakers" in options:
        options.pop("max_speakers", None)


def _let_agree(options: dict[str, Any]) -> None:
    for name in ("language", "languages"):
        if any(code in str(options.get(name)).lower() for code in NOT_OF_BASE):
            # The default model does not know it.
            options.pop(name)
    if "num_speakers" in options:
        options.pop("min_speakers", None)
        options.pop("max_speakers", None)
    _let_bounds_agree(options)
    if "languages" in options:
        options.pop("language", None)
    if "language" in options or "languages" in options or "task" in options:
        # Some models know English only.
        options.pop("model", None)
