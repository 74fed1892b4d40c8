"""From the bytes of a message to its envelope."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from polyvox.contracts.envelope import Envelope, envelope_type
from polyvox.contracts.registry import EVENTS
from polyvox.errors import Invalid


def decode(value: bytes) -> Envelope[Any]:
    """Parse one message.

    Raises:
        Invalid: not JSON, not an envelope, of a type this version does not know, or with
            data that breaks its contract.
    """
    try:
        raw = json.loads(value)
    except (ValueError, UnicodeDecodeError) as error:
        raise Invalid(f"the message is not JSON: {error}", code="not-json") from error
    kind = raw.get("type") if isinstance(raw, dict) else None
    fact = EVENTS.get(kind) if isinstance(kind, str) else None
    if fact is None:
        raise Invalid(f"the message has the unknown event type {kind!r}", code="unknown-type")
    try:
        return envelope_type(fact).model_validate(raw)
    except ValidationError as error:
        raise Invalid(f"the {kind} message breaks its contract: {error}", code="bad-contract") from error
