"""All sound tracks of a file as one mono recording, with an account of what was lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.stream import Discard
from numpy.typing import NDArray

from ingest.decode.mix import BLOCK_SAMPLES, ChannelMix, Limiter
from ingest.decode.opening import Opened, usable_tracks
from ingest.decode.track import Track
from polyvox.audio import FULL_SCALE, SAMPLE_RATE_HZ
from polyvox.contracts import SourceInfo
from polyvox.errors import Invalid

_BLOCK = 8 * BLOCK_SAMPLES
_MOST_LAG_S = 60.0
"""A track may be this far behind the others before it counts as silent."""
_MOST_READ_ERRORS = 20
_LEAST_LOSS_S = 0.5
"""Encoders pad and round; less than this is no loss."""
_LEAST_BYTES_PER_S = 10.0
"""A file that promises more seconds than this allows is lying."""
_MAX_TRACKS = 16
CALL_CHANNELS = 2
"""One for each end of a call."""


class Recording:
    """All usable sound tracks of an open container, as one mono recording.

    ``channels``: how many channels are kept beside it; two where that is wanted and one track has two, else none.
    """

    def __init__(self, opened: Opened, *, split: bool = False) -> None:
        container = self._container = opened.container
        streams = usable_tracks(container)
        self._streams = streams[:_MAX_TRACKS]
        self._left_out = sum(stream.type == "audio" for stream in container.streams) - len(self._streams)
        ends = [_end_s(stream) for stream in self._streams]
        claims = [end_s for end_s in ends if end_s is not None]
        self._breaks_off = opened.breaks_off
        self._own_claims = bool(claims)
        self._origin_s = _origin_s(container, self._streams)
        whole_s = None if container.duration is None else container.duration / av.time_base
        promised_s = _promised_s(opened, max(claims, default=whole_s), self._streams[0], self._origin_s)
        self.promised_s = promised_s
        first = self._streams[0]
        is_call = split and len(self._streams) == 1 and first.codec_context.channels == CALL_CHANNELS
        self.channels = CALL_CHANNELS if is_call else 0
        self._tracks = {
            stream.index: Track(origin_s=self._origin_s, promised_s=promised_s, channels=self.channels)
            for stream in self._streams
        }
        self._last_packet_s = 0.0
        self._read_errors = 0
        self.source = SourceInfo(
            container=container.format.name,
            codec=first.codec_context.name,
            sample_rate_hz=first.codec_context.sample_rate,
            channels=first.codec_context.channels,
            audio_tracks=len(self._streams) + self._left_out,
            duration_s=promised_s,
        )

    @property
    def heard(self) -> bool:
        """Whether any track gave a sample."""
        return any(track.end for track in self._tracks.values())

    def refuse_longer_than(self, max_duration_s: float) -> None:
        """Spare the work where the file itself says that it is too long."""
        if self.promised_s is not None and self.promised_s > max_duration_s + 1:
            raise too_long(max_duration_s)

    def samples(self) -> Iterator[NDArray[np.int16]]:
        """The mix of all tracks, then the channels that are kept: int16 of shape (1 + channels, n), in blocks of
        about half a second.
        """
        mix, limiters = ChannelMix(len(self._tracks)), [Limiter() for _ in range(1 + self.channels)]
        for block in self._blocks():
            rows = np.vstack([mix.mix(block[:, 0]), *block[:, 1:]])
            pieces = [rows[:, at : at + BLOCK_SAMPLES] for at in range(0, rows.shape[1], BLOCK_SAMPLES)]
            limited = [[limiter.limit(row) for limiter, row in zip(limiters, piece, strict=True)] for piece in pieces]
            yield _pcm16(np.concatenate([np.stack(rows) for rows in limited], axis=1))
        yield _pcm16(np.stack([limiter.flush() for limiter in limiters]))

    def lost_s(self, decoded_s: float) -> float:
        """Seconds that the file promised and that could not be decoded."""
        missing_s = 0.0
        if self.promised_s is not None:
            missing_s = max(0.0, self.promised_s - max(decoded_s, self._last_packet_s))
        failed_s = max(track.failed_s for track in self._tracks.values())
        return round(missing_s + failed_s, 3) if missing_s + failed_s >= _LEAST_LOSS_S else 0.0

    def warnings(self, lost_s: float) -> tuple[str, ...]:
        """Sentences for the person who uploaded the recording."""
        tracks = self._tracks.values()
        said = []
        if lost_s:
            said.append(f"The file is damaged or incomplete: {lost_s:.1f} s of it could not be decoded.")
        elif self._breaks_off:
            said.append("The file breaks off before its end; how much is missing it does not say.")
        elif any(track.failed_packets for track in tracks) or self._read_errors:
            said.append("The file is damaged in places: short pieces could not be decoded.")
        if bad := sum(track.bad_samples for track in tracks):
            said.append(f"{bad} samples were not valid numbers and were replaced by silence.")
        if (gaps_s := max(track.gaps_s for track in tracks)) >= 1.0:
            said.append(f"The recording has gaps of {gaps_s:.1f} s in total; they are kept as silence.")
        if self._left_out:
            said.append(f"{self._left_out} of the file's sound tracks could not be used.")
        return tuple(said)

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        """All tracks side by side, shape (tracks, 1 + channels, n), in whole blocks until the end."""
        position = 0
        for packet in self._packets():
            track = self._tracks.get(packet.stream_index)
            if track is None:
                continue
            track.feed(packet)
            while self._ready() - position >= _BLOCK:
                yield np.stack([t.take(_BLOCK) for t in self._tracks.values()])
                position += _BLOCK
        for track in self._tracks.values():
            track.finish()
        end = max(track.end for track in self._tracks.values())
        while position < end:
            size = min(_BLOCK, end - position)
            yield np.stack([t.take(size) for t in self._tracks.values()])
            position += size

    def _ready(self) -> int:
        ends = [track.end for track in self._tracks.values()]
        return max(min(ends), max(ends) - round(_MOST_LAG_S * SAMPLE_RATE_HZ))

    def _packets(self) -> Iterator[Any]:
        """Packets to the end of the file; a stretch that cannot be read is skipped, but not for ever."""
        wanted = self._streams
        if not self._own_claims and self.promised_s is not None:
            # Only the end of the last packet, of pictures too, tells whether the file is whole.
            wanted = list(self._container.streams)
        for stream in self._container.streams:
            if stream not in wanted:
                stream.discard = Discard.all
        while True:
            try:
                for packet in self._container.demux(wanted):
                    if packet.pts is not None and packet.time_base:
                        end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base) - self._origin_s
                        if self.promised_s is not None and end_s <= self.promised_s + 1:
                            self._last_packet_s = max(self._last_packet_s, end_s)
                    yield packet
                return
            except MemoryError:
                raise
            except (av.error.FFmpegError, OSError):
                self._read_errors += 1
                if self._read_errors > _MOST_READ_ERRORS:
                    return


def _end_s(stream: Any) -> float | None:
    """When a track says it ends, on the clock of its stamps."""
    if stream.duration is None or not stream.time_base:
        return None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)


def _origin_s(container: Any, streams: list[Any]) -> float:
    """What the stamps say where the recording begins: with its first picture or sound."""
    if container.start_time is not None:
        return float(container.start_time / av.time_base)
    return min((float(s.start_time * s.time_base) for s in streams if s.start_time is not None), default=0.0)


def _promised_s(opened: Opened, end_s: float | None, first: Any, origin_s: float) -> float | None:
    """How long the file says its sound is; None where it says nothing or nothing credible."""
    if end_s is None:
        return None
    said_s = end_s - origin_s
    if not opened.claims_duration:
        bytes_per_s = (first.codec_context.bit_rate or 0) / 8
        if not opened.missing_bytes or not bytes_per_s:
            return None
        said_s += opened.missing_bytes / bytes_per_s
    return said_s if 0 < said_s * _LEAST_BYTES_PER_S <= opened.size_bytes else None


def too_long(max_duration_s: float) -> Invalid:
    """The refusal of a recording that is longer than is accepted."""
    return Invalid(
        f"The recording is longer than {max_duration_s / 3600:g} hours, the most that is accepted: "
        "cut it into shorter files.",
        code="too-long",
    )


def _pcm16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    scaled: NDArray[np.float32] = np.rint(samples * np.float32(FULL_SCALE))
    return scaled.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
