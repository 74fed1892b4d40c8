"""PyanNet, the network that says who speaks in each frame of a window.

SincNet, whose first filters are band passes, then bidirectional LSTMs and a classifier (Bredin and Laurent, "End-to-end
speaker segmentation for overlap-aware resegmentation", Interspeech 2021; Plaquet and Bredin, "Powerset multi-class
cross entropy loss for neural speaker diarization", Interspeech 2023). The sizes and the names of the modules are those
of pyannote's segmentation-3.0, which loads strictly. The module of that name in pyannote.audio is not used: its import
takes seconds, most of them for what trains networks.
"""

from __future__ import annotations

import pickle
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from polyvox.errors import Invalid

SAMPLE_RATE_HZ = 16_000
SPEAKERS = 3
"""Of one window."""
TOGETHER = 2
"""Who speaks at once; more are heard as the two loudest."""

_FILTERS = 80
_FILTER_SAMPLES = 251
_STRIDE = 10
_LEAST_HZ = 50.0
_CHANNELS = 60
_LSTM = 128
_LSTM_LAYERS = 4
_LINEAR = 128


def members() -> NDArray[np.bool_]:
    """Who is in each class, shape (classes, SPEAKERS): nobody, one, two of them."""
    sets = [who for size in range(TOGETHER + 1) for who in combinations(range(SPEAKERS), size)]
    return np.array([[speaker in who for speaker in range(SPEAKERS)] for who in sets], np.bool_)


class PyanNet(nn.Module):
    """Weights of segmentation-3.0. Inference only: call ``eval()`` first."""

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = _SincNet()
        self.lstm = nn.LSTM(_CHANNELS, _LSTM, _LSTM_LAYERS, batch_first=True, bidirectional=True)
        self.linear = nn.ModuleList([nn.Linear(2 * _LSTM, _LINEAR), nn.Linear(_LINEAR, _LINEAR)])
        self.classifier = nn.Linear(_LINEAR, len(members()))

    def forward(self, samples: Tensor) -> Tensor:
        """Logits, shape (windows, frames, classes), of mono samples at 16 kHz, shape (windows, 1, n)."""
        hidden, _ = self.lstm(self.sincnet(samples).transpose(1, 2))
        for layer in self.linear:
            hidden = functional.leaky_relu(layer(hidden))
        return self.classifier(hidden)


class _SincNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        sizes = (_FILTERS, _CHANNELS, _CHANNELS)
        self.conv1d = nn.ModuleList([_Encoder(), *(nn.Conv1d(one, other, 5) for one, other in pairwise(sizes))])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(size, affine=True) for size in sizes])

    def forward(self, samples: Tensor) -> Tensor:
        heard = self.wav_norm1d(samples)
        for conv, norm in zip(self.conv1d, self.norm1d, strict=True):
            heard = functional.leaky_relu(norm(functional.max_pool1d(conv(heard), 3)))
        return heard


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.filterbank = _BandPasses()

    def forward(self, samples: Tensor) -> Tensor:
        return functional.conv1d(samples, self.filterbank.filters(), stride=_STRIDE).abs()


class _BandPasses(nn.Module):
    """Half of the filters are even, half odd; two numbers in Hz make one of each."""

    window_: Tensor
    n_: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.zeros(_FILTERS // 2, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(_FILTERS // 2, 1))
        half = _FILTER_SAMPLES // 2
        self.register_buffer("window_", torch.zeros(half))
        self.register_buffer("n_", torch.zeros(1, half))

    def filters(self) -> Tensor:
        """Shape (filters, 1, samples). Each is a sinc of its band, as wide as half of it: the other half mirrors it."""
        low = _LEAST_HZ + self.low_hz_.abs()
        high = (low + _LEAST_HZ + self.band_hz_.abs()).clamp(_LEAST_HZ, SAMPLE_RATE_HZ / 2)
        band = high - low
        at_low, at_high = low @ self.n_, high @ self.n_
        even = (at_high.sin() - at_low.sin()) / (self.n_ / 2) * self.window_
        odd = (at_low.cos() - at_high.cos()) / (self.n_ / 2) * self.window_
        both = [
            torch.cat([even, 2 * band, even.flip(1)], dim=1),
            torch.cat([odd, torch.zeros_like(band), -odd.flip(1)], dim=1),
        ]
        return torch.cat([filters / (2 * band) for filters in both])[:, None]


class _Note:
    """What a checkpoint says of its training; read over."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


_NOTES = [
    *((_Note, f"pyannote.audio.core.task.{name}") for name in ("Specifications", "Problem", "Resolution")),
    (_Note, "torch.torch_version.TorchVersion"),
]


def load(checkpoint: Path) -> PyanNet:
    """The network with the weights of a checkpoint of pyannote's.

    Raises:
        Invalid: it is none of segmentation-3.0's form.
    """
    network = PyanNet()
    try:
        with torch.serialization.safe_globals(_NOTES):
            saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network.load_state_dict(saved["state_dict"])
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError) as error:
        raise Invalid(f"{checkpoint} is not a checkpoint of segmentation-3.0", code="diarizer-pipeline") from error
    return network.eval()
