"""One sound track to 16 kHz mono, every sample at the time at which a player would play it.

Decoded frames are laid on the recording's time line by their time stamps. Stamps jitter, so a
frame counts as contiguous within 0.1 s; beyond that a jump ahead becomes silence, and a jump
back (a stream that was joined or whose clock was reset) moves the clock, never drops sound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ingest.decode.mix import BLOCK_SAMPLES, ChannelMix
from ingest.decode.opening import trouble_with
from polyvox.audio import SAMPLE_RATE_HZ

_TOLERANCE_S = 0.1
_LATE_START_S = 0.01
_LONGEST_GAP_S = 3600.0
_ABSURD = 1e6
_GRAPH_BLOCK = 8 * BLOCK_SAMPLES


class Resampler:
    """libswresample for one input format: frames in, float32 (channels, n) at 16 kHz out."""

    def __init__(self, frame: Any) -> None:
        self.format = format_of(frame)
        self._channels = frame.layout.nb_channels
        graph = av.filter.Graph()
        graph.threads = 1
        source = graph.add_abuffer(sample_rate=frame.sample_rate, format=frame.format, layout=frame.layout)
        nodes = [
            source,
            # Twice the default length of the anti-alias filter: consonants live near 8 kHz.
            graph.add("aresample", f"{SAMPLE_RATE_HZ}:filter_size=64"),
            graph.add("aformat", f"sample_fmts=flt:sample_rates={SAMPLE_RATE_HZ}"),
            graph.add("asetnsamples", f"n={_GRAPH_BLOCK}:p=0"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(*nodes)
        graph.configure()
        self._graph = graph

    def push(self, frame: Any | None) -> Iterator[NDArray[np.float32]]:
        """Give a frame, or None at the end; take what is ready."""
        if frame is not None:
            frame.pts = None
        self._graph.push(frame)
        while True:
            try:
                block = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            # Interleaved: of planes, PyAV reaches no more than eight.
            yield block.to_ndarray().reshape(-1, self._channels).T


def format_of(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


class Track:
    """Decodes one stream. ``end`` is how many samples of the recording it has reached."""

    def __init__(self, *, origin_s: float, promised_s: float | None, channels: int = 0) -> None:
        """``channels``: how many to keep beside their mix; a piece that has another number gives its mix for each."""
        self.end = 0
        self.finished = False
        self.bad_samples = 0
        self.failed_s = 0.0
        self.failed_packets = 0
        self.gaps_s = 0.0
        self._origin_s = origin_s
        self._promised_s = promised_s
        self._resampler: Resampler | None = None
        self._mix: ChannelMix | None = None
        self._kept = channels
        self._clock_s: float | None = None
        self._ready: deque[NDArray[np.float32] | int] = deque()

    def feed(self, packet: Any) -> None:
        """Decode one packet; what cannot be decoded is counted and skipped."""
        try:
            for frame in packet.decode():
                if frame.samples:
                    self._place(frame)
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError):
            self.failed_packets += 1
            if packet.duration and packet.time_base:
                self.failed_s += float(packet.duration * packet.time_base)

    def finish(self) -> None:
        """No packet follows."""
        self._flush()
        self.finished = True

    def take(self, samples: int) -> NDArray[np.float32]:
        """The next ``samples`` of this track, silence where it has not so many: the mix, then the channels that
        are kept. Shape (1 + channels, samples).
        """
        taken: list[NDArray[np.float32]] = []
        missing = samples
        while missing and self._ready:
            piece = self._ready.popleft()
            if isinstance(piece, int):
                used = min(piece, missing)
                taken.append(self._silence(used))
                if piece > used:
                    self._ready.appendleft(piece - used)
            else:
                used = min(piece.shape[1], missing)
                taken.append(piece[:, :used])
                if piece.shape[1] > used:
                    self._ready.appendleft(piece[:, used:])
            missing -= used
        if missing:
            taken.append(self._silence(missing))
        return np.concatenate(taken, axis=1) if taken else self._silence(0)

    def _silence(self, samples: int) -> NDArray[np.float32]:
        return np.zeros((1 + self._kept, samples), np.float32)

    def _place(self, frame: Any) -> None:
        if (trouble := trouble_with(frame.layout.nb_channels, frame.sample_rate)) is not None:
            raise ValueError(trouble)
        self._keep_time(None if frame.time is None else float(frame.time) - self._origin_s)
        if self._resampler is None or self._resampler.format != format_of(frame):
            self._flush()
            self._resampler = Resampler(frame)
        assert self._clock_s is not None
        self._clock_s += frame.samples / frame.sample_rate
        self._keep(self._resampler.push(frame))

    def _keep_time(self, frame_s: float | None) -> None:
        """Move the clock to a frame that begins at ``frame_s`` by its stamp; insert silence for a gap."""
        tolerance_s = _TOLERANCE_S
        if self._clock_s is None:
            self._clock_s, tolerance_s = 0.0, _LATE_START_S
        if frame_s is None:
            return
        gap_s = frame_s - self._clock_s
        if abs(gap_s) <= tolerance_s:
            return
        if gap_s < 0 or not self._plausible(frame_s, gap_s):
            self._origin_s += gap_s
            return
        self._flush()
        silence = round(frame_s * SAMPLE_RATE_HZ) - self.end
        if silence > 0:
            self._ready.append(silence)
            self.end += silence
            self.gaps_s += gap_s
        self._clock_s = frame_s

    def _plausible(self, frame_s: float, gap_s: float) -> bool:
        """Whether a jump ahead may be meant: a flipped bit in a stamp can claim a gap of years."""
        if self._promised_s is not None:
            return frame_s <= self._promised_s + 1.0
        return gap_s <= _LONGEST_GAP_S

    def _flush(self) -> None:
        resampler, self._resampler = self._resampler, None
        if resampler is not None:
            self._keep(resampler.push(None))

    def _keep(self, blocks: Iterator[NDArray[np.float32]]) -> None:
        for block in blocks:
            sound = self._finite(block)
            if self._mix is None or self._mix.channels != len(sound):
                self._mix = ChannelMix(len(sound))
            mono = self._mix.mix(sound)
            kept = sound if len(sound) == self._kept else np.broadcast_to(mono, (self._kept, mono.size))
            self._ready.append(np.vstack([mono, kept]) if self._kept else mono[None])
            self.end += mono.size

    def _finite(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        good = np.abs(block) < _ABSURD  # also False for NaN
        if good.all():
            return block
        self.bad_samples += int(good.size - np.count_nonzero(good))
        return np.where(good, block, np.float32(0))
