"""What schemathesis cannot know from the document; loaded by its command (schemathesis.toml).

Each of these makes valid what is meant to be valid. What is meant to be wrong stays as it was made.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.core.parameters import ParameterLocation

from tests.support.uploads import wav

# A schema says that a file is bytes. Whether they are a recording is decided by looking at them (415 where not).
RECORDING = wav(0.01)
schemathesis.openapi.media_type(
    "audio/wav", st.just(RECORDING), aliases=["audio/*", "video/*", "application/octet-stream"]
)


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
    elif case.query:
        _let_agree(case.query)
    if case.headers and (key := case.headers.get("idempotency-key")):
        # Which keys were used for another request no schema can say.
        case.headers["idempotency-key"] = f"{key[:200]}{_digest(case)}"
    if case.operation.label == "POST /v1/webhooks":
        # Which addresses are private is no matter of a schema. This one leads nowhere (RFC 2606).
        case.body["url"] = "https://webhooks.invalid/"
    return case


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leaves out what would say nothing."""
    if case.path_parameters and case.path_parameters.get("key_id") == os.environ["CONFORMANCE_KEY_ID"]:
        # The key that everything is asked with: once it is revoked, all that follows is refused.
        return False
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY):
        # Counted as a wrong body by schemathesis, though none is sent where none is needed.
        return case.body is not NOT_SET or any(body.is_required for body in case.operation.body)
    return True


def _digest(case: Any) -> str:
    return hashlib.sha256(repr((case.path, case.query, case.body)).encode()).hexdigest()[:32]


def _let_agree(options: dict[str, Any]) -> None:
    if "num_speakers" in options:
        options.pop("min_speakers", None)
    if "min_speakers" in options or "num_speakers" in options:
        # Which is the larger one no schema can say either.
        options.pop("max_speakers", None)
    if "languages" in options:
        options.pop("language", None)
    if "language" in options or "languages" in options or "task" in options:
        # Some models know English only.
        options.pop("model", None)
