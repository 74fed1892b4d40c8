"""A recording was decoded to 16 kHz mono FLAC and cut into parts."""

from __future__ import annotations

from typing import ClassVar

from polyvox.contracts.envelope import Contract, Fact
from polyvox.contracts.options import Options


class SourceInfo(Contract):
    """What the uploaded file was."""

    container: str
    codec: str
    sample_rate_hz: int
    channels: int
    audio_tracks: int = 1
    duration_s: float | None = None
    """What the container claims; None where it claims nothing."""


class AudioTrack(Contract):
    """One 16 kHz mono FLAC. ``channel`` None is the mix of all channels."""

    key: str
    size_bytes: int
    channel: int | None = None


class PartSpan(Contract):
    """Seconds from the start of the recording; parts follow each other without a gap."""

    part: int
    start_s: float
    end_s: float
    start_byte: int | None = None
    """Where the part's frames begin in the mix; see part-ready. None in events before 0.2."""
    end_byte: int | None = None


class MediaReady(Fact):
    TYPE: ClassVar[str] = "polyvox.media-ready.v1"
    TOPIC: ClassVar[str] = "media-ready"

    duration_s: float
    tracks: list[AudioTrack]
    peaks_key: str
    parts: list[PartSpan]
    source: SourceInfo
    lost_s: float = 0.0
    """Seconds that the container promised and that could not be decoded."""
    warnings: list[str] = []
    options: Options = Options()
    force: bool | None = None
    """Of a replay: do not take turns that are there."""

    def weight_s(self) -> float:
        return self.duration_s
