"""CAM++ as pyannote.audio asks for an embedding: waveforms and masks in, vectors out."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio.core.inference import BaseInference
from torch import Tensor
from torch.nn import functional

from diarizer.engines import campplus


class VoiceEmbedding(BaseInference):
    """What pyannote.audio calls a pretrained speaker embedding, and its pipelines move to devices."""

    sample_rate = campplus.SAMPLE_RATE_HZ
    dimension = campplus.DIMENSION
    metric = "cosine"
    min_num_samples = campplus.FRAME_SAMPLES

    def __init__(self, network: campplus.CamPlusPlus, *, remember: bool = False) -> None:
        """``remember``: what is asked for twice in a row, with another mask, is worked out once."""
        super().__init__()
        self._network = network
        self._remember = remember
        self._last: tuple[Tensor, Tensor] | None = None
        self.device = torch.device("cpu")

    def to(self, device: torch.device) -> VoiceEmbedding:
        self._network.to(device)
        self.device = device
        return self

    @torch.inference_mode()
    def __call__(self, waveforms: Tensor, masks: Tensor | None = None) -> NDArray[np.float32]:
        """Vectors of voices.

        The network runs once for each waveform, however many speakers its masks tell apart.

        Args:
            waveforms: float32 (batch, 1, samples), at least ``min_num_samples`` of them.
            masks: (batch, frames) or (batch, speakers, frames) of 0 and 1 at any frame rate; None takes
                all of the waveform.

        Returns:
            (batch, 192) or (batch, speakers, 192); NaN where a mask is empty.
        """
        frames = self._frames(waveforms)
        if masks is None:
            vectors = self._network.pool(frames, frames.new_ones(frames.shape[0], frames.shape[2]))
            return vectors.cpu().numpy()
        by_speaker = masks if masks.ndim == 3 else masks[:, None]
        batch, speakers, _ = by_speaker.shape
        weights = functional.interpolate(by_speaker.to(frames), size=frames.shape[-1], mode="nearest")
        rows = frames[:, None].expand(-1, speakers, -1, -1).flatten(0, 1)
        vectors = self._network.pool(rows, weights.flatten(0, 1)).unflatten(0, (batch, speakers))
        return (vectors if masks.ndim == 3 else vectors[:, 0]).cpu().numpy()

    def _frames(self, waveforms: Tensor) -> Tensor:
        if self._last is not None and torch.equal(self._last[0], waveforms):
            return self._last[1]
        features = torch.stack([campplus.filter_bank(waveform[0]) for waveform in waveforms.to(self.device)])
        frames = self._network.frames(features)
        if self._remember:
            self._last = waveforms, frames
        return frames
