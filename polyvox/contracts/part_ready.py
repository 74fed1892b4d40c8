"""One part of a recording (at most 10 minutes) is ready to be transcribed."""

from __future__ import annotations

from typing import ClassVar

from polyvox.contracts.envelope import Contract, Fact
from polyvox.contracts.options import Options


class AudioSlice(Contract):
    """A byte range of a FLAC file that decodes on its own.

    The first ``header_bytes`` of the object followed by bytes ``start_byte`` up to, not
    including, ``end_byte`` are a FLAC stream of exactly this part: parts are cut at frame
    borders, so a worker fetches a part of a long recording without its rest.
    """

    key: str
    header_bytes: int
    start_byte: int
    end_byte: int


class PartReady(Fact):
    TYPE: ClassVar[str] = "polyvox.part-ready.v1"
    TOPIC: ClassVar[str] = "part-ready"

    part: int
    part_count: int
    start_s: float
    end_s: float
    audio: AudioSlice
    options: Options = Options()
    force: bool | None = None
    """Of a replay: do not take words that are there."""

    def key(self) -> str:
        """A key of its own: the parts of one recording spread over all transcribers."""
        return f"{self.media_id}/{self.part}"

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.part))

    def weight_s(self) -> float:
        return self.end_s - self.start_s
