"""A product of 8-bit integers, four at a time, on CPUs with VNNI: twice as fast as of 16 bits, and rough.

One side is unsigned: what it stands for plus 128. Weights lie in panels of sixteen outputs, four inputs side by side:
(outputs / 16, inputs / 4, 16, 4).
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"
# ruff: noqa: ARG001 - numba asks for these arguments

from __future__ import annotations

from collections.abc import Callable

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from transcriber.engines.whisper.lanes import (
    FLOATS,
    I64,
    SUMS,
    load,
    pointers,
    row_starts,
    scored,
    spread,
    store,
    summed,
)

ZERO = 128
"""What stands for nothing in a row."""


def host_multiplies_bytes() -> bool:
    features = llvmlite.binding.get_host_cpu_features()
    return bool(features.get("avx512vnni") and features.get("avx512vl")) or bool(features.get("avxvnni"))


def byte_tile(rows: int) -> Callable[..., None]:
    """``tile(a, at, stride, b, panel_at, fours, begins, factors, row, scales, column, out, out_at, out_stride)``.

    Rows of ``a`` (uint8, row r begins at ``at + r × stride``, multiples of 4) by the panel of ``b`` (int8) that begins
    at ``panel_at``, of ``fours`` × 4 inputs. Sums begin with ``begins[column + c]`` (int32), are multiplied by
    ``factors[row + r]`` and ``scales[column + c]`` and go to ``out`` (float32), in which row r begins at
    ``out_at + r × out_stride``.
    """

    @intrinsic
    def multiply(context, a, at, stride, b, panel_at, fours, begins, f, row, s, column, out, out_at, out_stride):
        whole = types.int64
        signature = types.void(a, whole, whole, b, whole, whole, begins, f, whole, s, whole, out, whole, whole)

        def generate(context, builder, signature, arguments):
            a, at, stride, b, panel_at, fours, begins, *after = pointers(context, builder, signature, arguments)
            factors, row, scales, column, out, out_at, out_stride = after
            places = [builder.add(column, I64(8 * half)) for half in range(2)]
            first = [load(builder, begins, place) for place in places]
            panel = builder.bitcast(builder.gep(b, [panel_at]), SUMS.as_pointer())
            product = _product(builder)
            fence = builder.module.declare_intrinsic(
                "llvm.arithmetic.fence.v8f32", (), ir.FunctionType(FLOATS, [FLOATS])
            )

            def onto(total, inputs, weights):
                return builder.call(product, [total, inputs, weights])

            totals = summed(builder, row_starts(builder, a, at, stride, rows), fours, panel, onto, first * rows)
            scale = [load(builder, scales, place) for place in places]
            for r in range(rows):
                factor = spread(builder, factors, builder.add(row, I64(r)))
                for half in range(2):
                    value = builder.fmul(builder.sitofp(totals[2 * r + half], FLOATS), factor)
                    # Rounded here whatever the tile's height: a row's numbers are the same among any others.
                    value = builder.call(fence, [value])
                    place = builder.add(out_at, builder.add(builder.mul(out_stride, I64(r)), I64(8 * half)))
                    store(builder, builder.fmul(value, scale[half]), out, place)
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = multiply
    return made


def scored_byte_tile(rows: int) -> Callable[..., None]:
    """As tiles.scored_tile, by fours: here rows of ``a`` are int8, and ``b`` is unsigned.

    ``begins[r]`` (int32) is what row r's sums begin with: -128 times the sum of the row.
    """

    @intrinsic
    def multiply(context, a, at, stride, b, panel_at, groups, begins, scales, column, scores, scores_stride, tops):
        whole = types.int64
        signature = types.void(a, whole, whole, b, whole, whole, begins, scales, whole, scores, whole, tops)

        def generate(context, builder, signature, arguments):
            a, at, stride, b, panel_at, fours, begins, *after = pointers(context, builder, signature, arguments)
            panel = builder.bitcast(builder.gep(b, [panel_at]), SUMS.as_pointer())
            product = _product(builder)

            def onto(total, inputs, weights):
                return builder.call(product, [total, weights, inputs])

            first = [spread(builder, begins, I64(r)) for r in range(rows) for _ in range(2)]
            scored(
                builder, summed(builder, row_starts(builder, a, at, stride, rows), fours, panel, onto, first), *after
            )
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = multiply
    return made


def _product(builder):
    """Sums plus products of four unsigned bytes by four with a sign each."""
    kind = ir.FunctionType(SUMS, [SUMS] * 3)
    return builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.256", (), kind)
