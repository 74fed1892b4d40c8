"""Silero's voice activity network: its convolutions as plain products, its memory as ONNX Runtime runs it.

The weights are those that faster-whisper ships. ONNX Runtime takes three quarters of its time for convolutions of four
positions and few channels, which as products of matrices are three times as fast.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from faster_whisper.utils import get_assets_path
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from onnx import numpy_helper, utils
from threadpoolctl import ThreadpoolController

Floats = NDArray[np.float32]

FRAME_SAMPLES = 512
BEFORE_SAMPLES = 64
"""Of the frame before, heard with each; as many after it are the frame's own last ones in a mirror."""

SPAN_SAMPLES, STEP_SAMPLES = 256, 128
"""What a spectrum is taken of, and how far apart: four spectra of a frame."""

AT_ONCE = 256
"""Frames whose values in between stay in the cache."""

STRIDES = (1, 2, 2, 1)
UNITS = 128
HEARD = "/Transpose_output_0"
"""What the convolutions give and the memory takes: (frames, 1, units)."""


class Silero:
    """Speech probabilities, 16 kHz. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(path)
        weights = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
        self._basis: Floats = np.ascontiguousarray(weights["encoder.feature_extractor.forward_basis_buffer"][:, 0].T)
        self._convolutions = [
            (_product(weights[f"encoder.conv_layers.{index}.weight"]), weights[f"encoder.conv_layers.{index}.bias"])
            for index in range(len(STRIDES))
        ]
        rest = utils.Extractor(model).extract_model([HEARD, "h", "c"], ["speech_probs", "hn", "cn"])
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        # Products as small as these are over before OpenBLAS's threads have found each other; they wait by spinning.
        self._blas = ThreadpoolController().select(user_api="blas")
        self._memory = onnxruntime.InferenceSession(
            rest.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, audio: Floats) -> Floats:
        """Probability of speech in each frame of ``audio`` (frames × 512,) float32 at 16 kHz: (frames,)."""
        frames = audio.reshape(-1, FRAME_SAMPLES)
        before = np.zeros(BEFORE_SAMPLES, np.float32)
        hidden = cell = np.zeros((1, 1, UNITS), np.float32)
        found = [np.zeros(0, np.float32)]
        for first in range(0, len(frames), AT_ONCE):
            some = frames[first : first + AT_ONCE]
            with self._blas.limit(limits=1):
                heard = self._hear(some, before)
            before = some[-1, -BEFORE_SAMPLES:]
            chances, hidden, cell = self._memory.run(None, {HEARD: heard, "h": hidden, "c": cell})
            found.append(chances.reshape(-1))
        return np.concatenate(found)

    def _hear(self, frames: Floats, before: Floats) -> Floats:
        """What is heard in each frame, (frames, 1, units)."""
        count = len(frames)
        end = BEFORE_SAMPLES + FRAME_SAMPLES
        padded = np.empty((count, end + BEFORE_SAMPLES), np.float32)
        padded[0, :BEFORE_SAMPLES] = before
        padded[1:, :BEFORE_SAMPLES] = frames[:-1, -BEFORE_SAMPLES:]
        padded[:, BEFORE_SAMPLES:end] = frames
        padded[:, end:] = padded[:, end - BEFORE_SAMPLES - 1 : end - 1][:, ::-1]
        spans = sliding_window_view(padded, SPAN_SAMPLES, axis=1)[:, ::STEP_SAMPLES]
        waves = spans.reshape(-1, SPAN_SAMPLES) @ self._basis
        waves *= waves
        bins = waves.shape[1] // 2
        x = np.sqrt(waves[:, :bins] + waves[:, bins:]).reshape(count, -1, bins)
        for (weight, bias), stride in zip(self._convolutions, STRIDES, strict=True):
            x = _convolved(x, weight, bias, stride)
        return x


def _product(weight: Floats) -> Floats:
    """Weights of a convolution, (outputs, inputs, 3), as a matrix (3 × inputs, outputs)."""
    return np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0]))


def _convolved(x: Floats, weight: Floats, bias: Floats, stride: int) -> Floats:
    """(frames, positions, inputs) to (frames, positions / stride, outputs), none below zero."""
    count, positions, inputs = x.shape
    padded = np.zeros((count, positions + 2, inputs), np.float32)
    padded[:, 1:-1] = x
    threes = sliding_window_view(padded, 3, axis=1)[:, ::stride].transpose(0, 1, 3, 2)
    out = threes.reshape(-1, 3 * inputs) @ weight
    out += bias
    np.maximum(out, 0, out=out)
    return out.reshape(count, -1, bias.size)


@cache
def silero() -> Silero:
    """The network, loaded once."""
    return Silero(Path(get_assets_path()) / "silero_vad_v6.onnx")
