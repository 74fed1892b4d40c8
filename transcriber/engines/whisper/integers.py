"""Linear layers in whole numbers on a CPU: rows of the input in 16 bits, weights in 16 or 8, sums in 32.

Each row of the input and each output of the weights has a scale of its own. Inputs take as many steps as the largest
sum of an output's weights leaves room for, so nothing overflows, whatever is said.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"
# ruff: noqa: ARG001 - numba asks for these arguments

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.tiles import COLUMNS, aligned, packed, scaled_tile

STEPS = {16: 2047, 8: 127}
"""In the weights, by their bits: the more steps they have, the fewer are left for the input."""

KINDS = {16: np.int16, 8: np.int8}

OUTPUTS_AT_ONCE = 4096
"""What is between float32 and panels stays small beside a vocabulary."""

LARGEST_SUM = 2**31 - 1
LARGEST_INPUT = 32767

LOG2_E = np.float32(1.4426950408889634)

scaled_six = scaled_tile(6)


@intrinsic
def float_of_bits(typing_context, bits):
    """The float32 that is written as these 32 bits."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(builder.trunc(arguments[0], ir.IntType(32)), ir.FloatType())

    return types.float32(types.int64), generate


class Layer(NamedTuple):
    """Weights of a linear layer, for numba. ``panels``: see tiles; ``scales`` and ``bias``: (outputs filled up,)."""

    panels: NDArray[Any]
    scales: NDArray[np.float32]
    bias: NDArray[np.float32]
    steps: Any
    """The largest integer that an input may be."""


def stacked(layers: Sequence[Layer]) -> Layer:
    """Layers of one shape as one, each array with a dimension more."""
    panels, *others = zip(*layers, strict=True)
    room = aligned((len(layers), *panels[0].shape), panels[0].dtype)
    return Layer(np.stack(panels, out=room), *(np.stack(parts) for parts in others))


def layer(weight: Tensor, bias: Tensor | None, bits: int) -> Layer:
    """From float32 ``weight`` (outputs, inputs) and ``bias`` (outputs,)."""
    panels, scales, sizes = in_panels(weight, bits, 2, np.abs)
    shift = np.zeros_like(scales)
    if bias is not None:
        shift[: len(bias)] = bias.float().numpy()
    return Layer(panels, scales, shift, float(min(LARGEST_INPUT, LARGEST_SUM // max(1, int(sizes.max())))))


def in_panels(
    weight: Tensor, bits: int, together: int, counted: Callable[[NDArray[Any]], NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[np.int64]]:
    """float32 ``weight`` (outputs, inputs) as integers in panels (see tiles.packed), which begin with a line.

    Beside them for each output, filled up: its scale, and the sum of what ``counted`` makes of its integers.
    """
    source = weight.float().numpy()
    outputs, inputs = source.shape
    panels = aligned((-(-outputs // COLUMNS), inputs // together, COLUMNS, together), KINDS[bits])
    scales, sums = np.zeros(len(panels) * COLUMNS, np.float32), np.zeros(len(panels) * COLUMNS, np.int64)
    for first in range(0, outputs, OUTPUTS_AT_ONCE):
        some = source[first : first + OUTPUTS_AT_ONCE]
        last = first + len(some)
        scale = np.maximum(np.maximum(some.max(1), -some.min(1)), 1e-12) / STEPS[bits]
        whole = np.rint(some / scale[:, None]).astype(KINDS[bits])
        scales[first:last], sums[first:last] = scale, counted(whole).sum(1, dtype=np.int64)
        panels[first // COLUMNS : -(-last // COLUMNS)] = packed(whole, together)
    return panels, scales, sums


@kernel()
def loudest(source):
    """The largest of (n,) float32 whatever its sign, and no less than what may divide.

    Without their sign floats are in order as integers are, whose largest takes a vector at a time.
    """
    bits = source.view(np.int32)
    top = np.int32(0)
    for i in range(bits.size):
        top = max(top, np.int32(bits[i] & np.int32(0x7FFFFFFF)))
    return max(float_of_bits(top), np.float32(1e-20))


@kernel()
def quantise(source, steps, out):
    """(n,) float32 to int16 of at most ``steps``; gives the scale."""
    top = loudest(source)
    inverse = np.float32(steps) / top
    for i in range(source.size):
        out[i] = np.int16(np.rint(source[i] * inverse))
    return top / np.float32(steps)


@kernel()
def normalise(source, weight, bias, out):
    """A layer norm of one row."""
    size = source.size
    total = np.float32(0)
    for i in range(size):
        total += source[i]
    mean = total / np.float32(size)
    square = np.float32(0)
    for i in range(size):
        square += (source[i] - mean) * (source[i] - mean)
    factor = np.float32(1) / np.sqrt(square / np.float32(size) + np.float32(1e-5))
    for i in range(size):
        out[i] = (source[i] - mean) * factor * weight[i] + bias[i]


@kernel()
def two_to(x):
    """2^x of a float32 from -126 to 127, 2.6e-6 of it off at most.

    The nearest whole number goes into the exponent's bits; the rest is a polynomial, the best of its degree.
    """
    whole = np.rint(x)
    f = x - whole
    power = float_of_bits((np.int32(whole) + np.int32(127)) << np.int32(23))
    tail = np.float32(0.24024744) + f * (np.float32(0.05591786) + f * np.float32(0.0095701))
    return power * (np.float32(0.9999993) + f * (np.float32(0.6931218) + f * tail))


@kernel()
def gelu(x):
    """In place, (n,) float32. The error function by Abramowitz and Stegun 7.1.26, 1.5e-7 off at most."""
    for i in range(x.size):
        z = abs(x[i]) * np.float32(0.70710678)
        t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
        tail = np.float32(1.421413741) + t * (np.float32(-1.453152027) + t * np.float32(1.061405429))
        poly = t * (np.float32(0.254829592) + t * (np.float32(-0.284496736) + t * tail))
        less = np.float32(0.5) * poly * two_to(max(z * z * np.float32(-1.44269504), np.float32(-120)))
        x[i] = x[i] - x[i] * less if x[i] >= np.float32(0) else x[i] * less


@kernel()
def multiply(rows, factors, count, weights, shift, first, column, added, out):
    """``count`` rows by a part of ``weights`` (a Layer) into ``out``, or ``added`` onto what is there.

    rows: (count filled up to 6, inputs) int16, the layer's inputs from ``first`` on, which may overlap in memory;
    factors: (as many,), the rows' scales. out: (as many or more, outputs), float32, the layer's outputs from ``column``
    on. shift: (all of the layer's outputs,), what is put on top.
    """
    inputs, outputs = rows.shape[1], out.shape[1]
    stride = rows.strides[0] // rows.itemsize
    every, pairs = 2 * weights.panels.shape[1], inputs // 2
    panels, scales = weights.panels, weights.scales
    for c in range(0, outputs, 16):
        b, o = (column + c) * every + first * 16, column + c
        for r in range(0, count, 6):
            a, to = r * stride, r * outputs + c
            scaled_six(rows, a, stride, panels, b, pairs, factors, r, scales, shift, o, added, out, to, outputs)
