"""From samples to what is heard: who speaks in each window, and with which voice.

Segmentation looks at windows of 10 s that begin every 3 s, or every second where the recording is so short
that it makes few of them. The network of voices goes over the
recording once, in chunks of 10 s, whatever the windows: its frames do not depend on who speaks in them,
and each voice of a window is the mean of the frames in which it speaks alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from diarizer.engines import campplus
from diarizer.engines import segmentation as pyannet
from diarizer.engines.heard import Heard
from diarizer.engines.masks import alone_where_possible
from diarizer.engines.timeline import FRAMES, MAX_SPEAKERS, WINDOW_S

RATE_HZ = campplus.SAMPLE_RATE_HZ
WINDOW = round(WINDOW_S * RATE_HZ)
STEP = 3 * RATE_HZ
SHORT = 120 * RATE_HZ
SHORT_STEP = RATE_HZ
STRETCH_S = 600.0
"""What is listened to at once: a crash costs that much, and memory is bounded by it."""
STRETCH = round(STRETCH_S * RATE_HZ)
FRAME = 320
"""Samples from one frame of the network of voices to the next."""
WINDOW_FRAMES = WINDOW // FRAME
TAIL = 240
"""Samples beyond a chunk that its last frame needs."""
READ = STRETCH + WINDOW + TAIL
"""Samples of a stretch and of what its last window sees beyond it."""
MIN_CLEAN_S = 0.3
"""Speech of one voice alone that is enough for its vector; below it, overlapped speech counts as well."""


class Listener:
    """Segmentation and voices on one device. Not thread-safe."""

    def __init__(
        self,
        segmentation: pyannet.PyanNet,
        voices: campplus.CamPlusPlus,
        device: torch.device,
        *,
        batch_sizes: tuple[int, int],
    ) -> None:
        """``batch_sizes``: windows of segmentation and chunks of voices that go through at once."""
        self._segmentation = segmentation.to(device).eval()
        self._voices = voices.to(device).eval()
        self._device = device
        self._batch_sizes = batch_sizes
        self._members = pyannet.members()

    @torch.inference_mode()
    def hear(self, samples: NDArray[np.float32], stretch: int, progress: Callable[[float], None]) -> Heard:
        """What is heard in a stretch.

        Args:
            samples: from the stretch's beginning, mono, 16 kHz; ``READ`` of them, fewer where the recording ends.
            stretch: its number, from 0.
            progress: gets 0 to 1.
        """
        is_last = len(samples) < READ
        sound = torch.from_numpy(samples)
        starts = _starts(
            len(samples), is_last, SHORT_STEP if is_last and not stretch and len(samples) <= SHORT else STEP
        )
        active = self._active(sound, starts, lambda share: progress(0.4 * share))
        masks = alone_where_possible(active.astype(np.float32), round(MIN_CLEAN_S / WINDOW_S * FRAMES))
        vectors = self._vectors(sound, starts, masks, lambda share: progress(0.4 + 0.6 * share))
        offset = stretch * STRETCH
        return Heard(
            starts_s=(starts + offset) / RATE_HZ,
            active=active,
            vectors=vectors,
            end_s=(offset + (len(samples) if is_last else STRETCH)) / RATE_HZ,
            is_last=is_last,
        )

    def _active(self, sound: Tensor, starts: NDArray[np.intp], progress: Callable[[float], None]) -> NDArray[np.bool_]:
        result = np.zeros((len(starts), FRAMES, MAX_SPEAKERS), np.bool_)
        size = self._batch_sizes[0]
        for done in range(0, len(starts), size):
            windows = [sound[start : start + WINDOW] for start in starts[done : done + size]]
            batch = torch.stack([functional.pad(window, (0, WINDOW - len(window))) for window in windows])
            classes = self._segmentation(batch[:, None].to(self._device)).argmax(dim=-1)
            result[done : done + size] = self._members[classes.cpu().numpy()]
            progress(min(1.0, (done + size) / len(starts)))
        return result

    def _vectors(
        self,
        sound: Tensor,
        starts: NDArray[np.intp],
        masks: NDArray[np.float32],
        progress: Callable[[float], None],
    ) -> NDArray[np.float32]:
        vectors = np.full((len(starts), MAX_SPEAKERS, campplus.DIMENSION), np.nan, np.float32)
        speaking = masks.max(axis=1) > 0.0
        spoken = [int(start) // WINDOW for start in starts[masks.any(axis=(1, 2))]]
        frames = self._frames(sound, sorted({*spoken, *(chunk + 1 for chunk in spoken)}), progress)
        for index, start in enumerate(starts):
            voices = np.flatnonzero(speaking[index])
            if voices.size:
                heard = frames[:, start // FRAME : start // FRAME + WINDOW_FRAMES]
                mask = torch.from_numpy(masks[index].T[voices]).to(self._device)
                weights = functional.interpolate(mask[None], size=WINDOW_FRAMES, mode="nearest")[0]
                rows = heard.expand(len(voices), -1, -1)
                vectors[index, voices] = self._voices.pool(rows, weights).cpu().numpy()
        return vectors

    def _frames(self, sound: Tensor, chunks: list[int], progress: Callable[[float], None]) -> Tensor:
        """Frames of voices, shape (512, frames of the stretch); zeros outside ``chunks``."""
        length = -(-len(sound) // WINDOW) * WINDOW_FRAMES + WINDOW_FRAMES
        result = torch.zeros(campplus.FRAME_CHANNELS, length, device=self._device)
        whole = [chunk for chunk in chunks if (chunk + 1) * WINDOW + TAIL <= len(sound)]
        # The last one begins earlier rather than be shorter: a second says little of a voice.
        partial = [chunk for chunk in chunks if chunk not in whole and chunk * WINDOW < len(sound)]
        size = self._batch_sizes[1]
        for done in range(0, len(whole), size):
            batch = whole[done : done + size]
            features = [self._features(sound[chunk * WINDOW :][: WINDOW + TAIL]) for chunk in batch]
            for chunk, frames in zip(batch, self._voices.frames(torch.stack(features)), strict=True):
                result[:, chunk * WINDOW_FRAMES : (chunk + 1) * WINDOW_FRAMES] = frames
            progress(min(1.0, (done + size) / len(whole)))
        for chunk in partial:
            begin = max(0, len(sound) - WINDOW - TAIL) // FRAME * FRAME
            own = min(begin, chunk * WINDOW)
            frames = self._voices.frames(self._features(sound[own:][: WINDOW + TAIL])[None])[0]
            kept = frames[:, (chunk * WINDOW - own) // FRAME :]
            result[:, chunk * WINDOW_FRAMES : chunk * WINDOW_FRAMES + kept.shape[1]] = kept
        return result

    def _features(self, sound: Tensor) -> Tensor:
        least = 2 * campplus.FRAME_SAMPLES
        return campplus.filter_bank(functional.pad(sound, (0, max(0, least - len(sound)))).to(self._device))


def _starts(length: int, is_last: bool, step: int) -> NDArray[np.intp]:
    """Samples at which windows begin; the last may reach beyond the end, none begins for what is heard already."""
    windows = 1 + max(0, -(-(length - WINDOW) // step)) if is_last else STRETCH // step
    return np.arange(windows, dtype=np.intp) * step
