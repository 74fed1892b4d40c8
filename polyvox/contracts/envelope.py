"""CloudEvents 1.0 in structured JSON mode (https://cloudevents.io), with stable ids.

The id is a UUIDv5 of the event's type and its ``identity()``: an event that is produced
again after a crash has the id it had before, so consumers can tell a repeat from news.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from functools import cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

_NAMESPACE = uuid.UUID("6b1f5d0e-1d1c-5e0a-9c55-8a6f0c1f7a11")

MediaId = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{8,64}$")]
Lane = Literal["interactive", "bulk"]


class Contract(BaseModel):
    """Base of everything that crosses a process boundary: frozen, unknown fields ignored."""

    # Errors end up in logs, where nothing of a recording may stand.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)


class Event(Contract):
    """The data of an event. Subclasses say their CloudEvents ``TYPE`` and their ``TOPIC``."""

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    def identity(self) -> tuple[str, ...]:
        """What makes this event the same event when it is produced again."""
        raise NotImplementedError

    def key(self) -> str:
        """Key of the message: messages of one key keep their order and are handled one at a time."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        """What the event is about."""
        raise NotImplementedError

    @classmethod
    def schema_id(cls) -> str:
        return f"urn:polyvox:schema:{cls.TYPE}"


class Fact(Event):
    """What happened to a recording."""

    media_id: MediaId
    """The recording."""
    tenant: str = "default"
    """Whose it is."""
    lane: Lane = "interactive"
    """Interactive work goes before bulk."""
    replay: str | None = Field(default=None, pattern=r"^[0-9A-Za-z_-]{8,64}$")
    """Which replay this belongs to; None for what happens to a recording at first."""

    def identity(self) -> tuple[str, ...]:
        return (self.media_id,)

    def key(self) -> str:
        return self.media_id

    @property
    def subject(self) -> str:
        return self.media_id

    def weight_s(self) -> float:
        """Seconds of audio that this event asks work for: what tenants share fairly. 0 where it is next to nothing."""
        return 0.0


D = TypeVar("D", bound=Event)


class Envelope(Contract, Generic[D]):
    """A CloudEvents 1.0 envelope around the data of one event."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    data: D

    @classmethod
    def of(cls, data: D, *, source: str, time: datetime) -> Self:
        return cls(
            id=event_id(data),
            source=source,
            type=data.TYPE,
            subject=data.subject,
            time=time,
            dataschema=data.schema_id(),
            data=data,
        )


def event_id(data: Event) -> str:
    """Stable id of an event (UUIDv5 of its type and identity)."""
    identity = [data.TYPE, *data.identity(), *([data.replay] if isinstance(data, Fact) and data.replay else [])]
    # What json.dumps and uuid.uuid5 give, in a quarter of the time: every segment of every transcript has an id.
    name = f"[{', '.join(map(_quoted, identity))}]"
    digest = hashlib.sha1(_NAMESPACE.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


@cache
def envelope_type(event: type[Event]) -> type[Envelope[Any]]:
    """``Envelope[event]``. Pydantic itself forgets it with its last use, and making it takes milliseconds."""
    return Envelope[event]  # type: ignore[valid-type]


def wrap(data: D, *, source: str, time: datetime) -> Envelope[D]:
    """Put ``data`` into an envelope. ``source`` is a URI reference such as ``/polyvox/ingest``."""
    return envelope_type(type(data)).of(data, source=source, time=time)


def encode(envelope: Envelope[Any]) -> bytes:
    return envelope.model_dump_json(exclude_none=True).encode()
