"""CAM++, the network that turns a voice into a vector.

A densely connected time-delay network whose layers mask their own output by the context
around it (Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using
Context-Aware Masking", Interspeech 2023). The sizes and the names of the modules are those
of 3D-Speaker's Chinese-English checkpoint of 192 dimensions, which loads strictly.

The network is cut in two, because diarization asks for several speakers of one stretch:
`frames` does the work and knows nothing of speakers, `pool` makes one vector per mask.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.compliance import kaldi

SAMPLE_RATE_HZ = 16_000
MEL_BINS = 80
FRAME_SAMPLES = 400  # 25 ms; frames are 10 ms apart, and 20 ms after the network's first layers
DIMENSION = 192
FRAME_CHANNELS = 512

_STEM_CHANNELS = 32
_GROWTH = 32
_BOTTLENECK = 4 * _GROWTH
_CONTEXT_FRAMES = 100  # 2 s: the stretch whose mean a mask sees besides the mean of all
_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers, dilation


def filter_bank(samples: Tensor) -> Tensor:
    """Log mel energies, shape (frames, 80), of mono samples at 16 kHz, shape (n,), n >= 400.

    Frames are independent of each other: a slice of the result is the result of a slice
    that starts at a multiple of 160 samples. Not yet mean-normalised.
    """
    return kaldi.fbank(samples[None], num_mel_bins=MEL_BINS, sample_frequency=SAMPLE_RATE_HZ, dither=0.0)


class CamPlusPlus(nn.Module):
    """Weights of CAM++. Inference only: call ``eval()`` first."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _Stem()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 128
        layers["tdnn"] = _TimeDelay(_STEM_CHANNELS * MEL_BINS // 8, channels)
        for index, (depth, dilation) in enumerate(_BLOCKS, 1):
            layers[f"block{index}"] = _DenseBlock(depth, channels, dilation)
            channels += depth * _GROWTH
            layers[f"transit{index}"] = _Transit(channels)
            channels //= 2
        layers["out_nonlinear"] = _norm_relu(channels)
        layers["dense"] = _Output(2 * channels)
        self.xvector = nn.Sequential(layers)

    def frames(self, features: Tensor) -> Tensor:
        """From ``filter_bank`` features (batch, frames, 80) to (batch, 512, frames / 2).

        Features are mean-normalised here, over each item of the batch.
        """
        features = features - features.mean(dim=1, keepdim=True)
        hidden = self.head(features.transpose(1, 2))
        for name, layer in self.xvector.named_children():
            if name != "dense":
                hidden = layer(hidden)
        return hidden

    def pool(self, frames: Tensor, weights: Tensor) -> Tensor:
        """One vector per row: (rows, 512, n) weighted by (rows, n) to (rows, 192).

        Mean and unbiased standard deviation over the weighted frames. A row of a single
        frame has no deviation; a row without weight gives NaN.
        """
        weights = weights[:, None]
        total = weights.sum(dim=-1)
        mean = (frames * weights).sum(dim=-1) / total
        square = ((frames - mean[..., None]) ** 2 * weights).sum(dim=-1)
        deviation = (square / (total - 1).clamp(min=1.0)).sqrt()
        return self.xvector.dense(torch.cat([mean, deviation], dim=-1))

    def forward(self, features: Tensor) -> Tensor:
        """Vectors (batch, 192) of whole utterances of features (batch, frames, 80)."""
        frames = self.frames(features)
        return self.pool(frames, frames.new_ones(frames.shape[0], frames.shape[2]))


def load(checkpoint: Path) -> CamPlusPlus:
    """The network with the weights of ``checkpoint``, on the CPU, ready to be asked."""
    network = CamPlusPlus()
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True), strict=True)
    return network.eval()


class _Stem(nn.Module):
    """Residual 2-D convolutions that make frequencies comparable; they fold 80 bins into 10."""

    def __init__(self) -> None:
        super().__init__()
        width = _STEM_CHANNELS
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(_Residual(width, stride=2), _Residual(width, stride=1))
        self.layer2 = nn.Sequential(_Residual(width, stride=2), _Residual(width, stride=1))
        self.conv2 = nn.Conv2d(width, width, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, spectrum: Tensor) -> Tensor:
        hidden = functional.relu(self.bn1(self.conv1(spectrum[:, None])))
        hidden = self.layer2(self.layer1(hidden))
        return functional.relu(self.bn2(self.conv2(hidden))).flatten(1, 2)


class _Residual(nn.Module):
    def __init__(self, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(width, width, 1, stride=(stride, 1), bias=False))
            self.shortcut.append(nn.BatchNorm2d(width))

    def forward(self, image: Tensor) -> Tensor:
        hidden = functional.relu(self.bn1(self.conv1(image)))
        return functional.relu(self.bn2(self.conv2(hidden)) + self.shortcut(image))


def _norm_relu(channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU(inplace=True)))


class _TimeDelay(nn.Module):
    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels_in, channels_out, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _norm_relu(channels_out)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.nonlinear(self.linear(hidden))


class _ContextMask(nn.Module):
    """A convolution whose output is masked by what is said around it, and in all."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_BOTTLENECK, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _GROWTH, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        length = hidden.shape[-1]
        # The mask is the same for all frames of a stretch: it is worked out once for each.
        around = functional.avg_pool1d(hidden, _CONTEXT_FRAMES, _CONTEXT_FRAMES, ceil_mode=True)
        context = hidden.mean(dim=-1, keepdim=True) + around
        mask = torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))
        masks = mask.repeat_interleave(_CONTEXT_FRAMES, dim=-1)[..., :length]
        return self.linear_local(hidden) * masks


class _DenseLayer(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _norm_relu(channels)
        self.linear1 = nn.Conv1d(channels, _BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _norm_relu(_BOTTLENECK)
        self.cam_layer = _ContextMask(dilation)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(hidden))))


class _DenseBlock(nn.Module):
    """Every layer sees the output of all before it."""

    def __init__(self, depth: int, channels: int, dilation: int) -> None:
        super().__init__()
        for index in range(depth):
            self.add_module(f"tdnnd{index + 1}", _DenseLayer(channels + index * _GROWTH, dilation))

    def forward(self, hidden: Tensor) -> Tensor:
        batch, filled, length = hidden.shape
        # One buffer that fills up: concatenating after each layer would copy all that came before.
        seen = hidden.new_empty(batch, filled + len(self._modules) * _GROWTH, length)
        seen[:, :filled] = hidden
        for layer in self.children():
            seen[:, filled : filled + _GROWTH] = layer(seen[:, :filled])
            filled += _GROWTH
        return seen


class _Transit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = _norm_relu(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.linear(self.nonlinear(hidden))


class _Output(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, DIMENSION, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(DIMENSION, affine=False)))

    def forward(self, statistics: Tensor) -> Tensor:
        return self.nonlinear(self.linear(statistics[..., None])[..., 0])
