"""One finished segment, for consumers that want who said what as a stream."""

from __future__ import annotations

from typing import ClassVar

from polyvox.contracts.envelope import Fact
from polyvox.contracts.transcript import TranscriptSegment


class SegmentPublished(Fact):
    TYPE: ClassVar[str] = "polyvox.transcript-segment.v1"
    TOPIC: ClassVar[str] = "transcript-segments"

    version: int = 1
    segment: TranscriptSegment
    segment_count: int
    speaker_label: str | None = None

    def identity(self) -> tuple[str, ...]:
        return (self.media_id, str(self.version), str(self.segment.id))
