"""The innermost product: a few rows of 16-bit integers by sixteen columns of weights. LLVM, by way of numba.

A CPU without VNNI multiplies 16-bit integers in pairs (``vpmaddwd``) as fast as it does 8-bit ones, twice as fast as
float32, and the sums do not overflow; with VNNI, LLVM makes one instruction of product and sum (``vpdpwssd``). Weights
lie in panels of sixteen outputs, two inputs side by side: (outputs / 16, inputs / 2, 16, 2), of 16 or 8 bits. What is
no x86 gets the same in LLVM's general terms.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"
# ruff: noqa: ARG001 - numba asks for these arguments

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

from transcriber.engines.whisper.lanes import (
    FLOATS,
    I64,
    NOTHING,
    PAIRS,
    load,
    pairwise,
    pointers,
    row_starts,
    scored,
    spread,
    store,
    summed,
)

COLUMNS = 16
LINE_BYTES = 64

ROWS = 6
"""The most rows of a tile: its sums, 12 registers of 16, stay where they are."""


def packed(weight: NDArray[Any], together: int = 2) -> NDArray[Any]:
    """Integers (outputs, inputs) to panels with so many inputs (of which there are a multiple) side by side.

    Outputs are filled up with zeros to whole panels.
    """
    outputs, inputs = weight.shape
    panels = -(-outputs // COLUMNS)
    full = np.zeros((panels * COLUMNS, inputs), weight.dtype)
    full[:outputs] = weight
    return np.ascontiguousarray(full.reshape(panels, COLUMNS, inputs // together, together).transpose(0, 2, 1, 3))


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros that begin with a line of the cache, so that nothing a tile loads at once lies in two of them."""
    size_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.zeros(size_bytes + LINE_BYTES, np.uint8)
    first = -room.ctypes.data % LINE_BYTES
    return room[first : first + size_bytes].view(dtype).reshape(shape)


def tile(rows: int, *, general: bool = False) -> Callable[..., None]:
    """``tile(a, at, stride, b, panel_at, pairs, sums)`` for numba: sums (rows, 16) int32 of a product.

    ``a``: int16, contiguous; row r begins at ``at + r × stride`` (even numbers of elements). ``b``: int16 or int8, the
    panel begins at ``panel_at``. ``pairs``: inputs / 2. All in elements. ``general``: as on no x86.
    """

    @intrinsic
    def multiply(typing_context, a, at, stride, b, panel_at, pairs, sums):
        signature = types.void(a, types.int64, types.int64, b, types.int64, types.int64, sums)

        def generate(context, builder, signature, arguments):
            data = pointers(context, builder, signature, arguments)
            for index, total in enumerate(_totals(builder, data, rows, b.dtype.bitwidth, general)):
                store(builder, total, data[6], I64(8 * index))
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = multiply
    return made


def scaled_tile(rows: int, *, general: bool = False) -> Callable[..., None]:
    """``tile(a, at, stride, b, panel_at, pairs, factors, row, scales, shift, column, added, out, out_at, out_stride)``.

    As ``tile``, and what a linear layer makes of the sums: times ``factors[row + r]`` and ``scales[column + c]``, plus
    ``shift[column + c]``, to (or ``added`` onto) ``out``, in which row r begins at ``out_at + r × out_stride``. The
    sums never leave the registers. All float32.
    """

    @intrinsic
    def multiply(context, a, at, stride, b, panel_at, pairs, f, row, s, shift, column, added, out, out_at, out_stride):
        whole = types.int64
        signature = types.void(
            a, whole, whole, b, whole, whole, f, whole, s, shift, whole, types.boolean, out, whole, whole
        )

        def generate(context, builder, signature, arguments):
            data = pointers(context, builder, signature, arguments)
            totals = _totals(builder, data, rows, b.dtype.bitwidth, general)
            factors, row, scales, shift, column, added, out, out_at, out_stride = data[6:]
            fused = builder.module.declare_intrinsic("llvm.fma.v8f32", (), ir.FunctionType(FLOATS, [FLOATS] * 3))
            found = []
            for half in range(2):
                place = builder.add(column, I64(8 * half))
                scale, constant = (load(builder, array, place) for array in (scales, shift))
                for r in range(rows):
                    factor = spread(builder, factors, builder.add(row, I64(r)))
                    # Rounded alike whatever the tile's height: a row's numbers are the same among any others.
                    value = builder.fmul(builder.sitofp(totals[2 * r + half], FLOATS), factor)
                    value = builder.call(fused, [value, scale, constant])
                    place = builder.add(out_at, builder.add(builder.mul(out_stride, I64(r)), I64(8 * half)))
                    found.append((value, place))
            with builder.if_else(added) as (onto, instead):
                with onto:
                    for value, place in found:
                        store(builder, builder.fadd(value, load(builder, out, place)), out, place)
                with instead:
                    for value, place in found:
                        store(builder, value, out, place)
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = multiply
    return made


def scored_tile(rows: int, *, general: bool = False) -> Callable[..., None]:
    """``tile(a, at, stride, b, panel_at, groups, begins, scales, column, scores, stride, tops)``.

    As ``tile`` (``groups`` are pairs, ``begins`` nothing here); the sums times ``scales[column + c]`` go to ``scores``,
    in which row r begins at ``r × stride``, from ``column`` on; ``tops`` (rows, 8) keeps the highest of each row, by
    lane. All float32.
    """

    @intrinsic
    def multiply(context, a, at, stride, b, panel_at, groups, begins, scales, column, scores, scores_stride, tops):
        whole = types.int64
        signature = types.void(a, whole, whole, b, whole, whole, begins, scales, whole, scores, whole, tops)

        def generate(context, builder, signature, arguments):
            data = pointers(context, builder, signature, arguments)
            scored(builder, _totals(builder, data, rows, b.dtype.bitwidth, general), *data[7:])
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = multiply
    return made


def _totals(builder, data, rows, bits, general):
    """The product's sums, two vectors of eight for each row."""
    a, at, stride, b, panel_at, pairs = data[:6]
    panel = builder.bitcast(builder.gep(b, [panel_at]), ir.VectorType(ir.IntType(bits), 16).as_pointer())

    def onto(total, inputs, weights):
        weights = weights if bits == 16 else builder.sext(weights, PAIRS)
        return builder.add(total, pairwise(builder, builder.bitcast(inputs, PAIRS), weights, general))

    return summed(builder, row_starts(builder, a, at, stride, rows), pairs, panel, onto, [NOTHING] * (2 * rows))
