"""Rows of 8-bit integers that lie here and there: products with one row, and sums. LLVM, by way of numba."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"
# ruff: noqa: ARG001 - numba asks for these arguments

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from transcriber.engines.whisper.lanes import (
    FAST,
    FLOATS,
    I32,
    I64,
    NOTHING,
    PAIRS,
    SUMS,
    load,
    pairwise,
    pointers,
    spread,
    store,
)


def dotted(size: int, *, general: bool = False) -> Callable[..., int]:
    """``dot(a, b, place)`` for numba: the sum of ``size`` (of 16 a multiple) products of int16 by int8.

    ``a`` from its beginning, ``b`` from the element ``place`` on.
    """

    @intrinsic
    def multiply(typing_context, a, b, place):
        def generate(context, builder, signature, arguments):
            left, right, place = pointers(context, builder, signature, arguments)
            total = NOTHING
            for first in range(0, size, 16):
                inputs, weights = (
                    load(builder, *at, 16) for at in ((left, I64(first)), (right, builder.add(place, I64(first))))
                )
                weights = builder.sext(weights, PAIRS)
                total = builder.add(total, pairwise(builder, inputs, weights, general))
            kind = ir.FunctionType(I32, [SUMS])
            return builder.call(builder.module.declare_intrinsic("llvm.vector.reduce.add.v8i32", (), kind), [total])

        return types.int32(a, b, types.int64), generate

    made: Callable[..., int] = multiply
    return made


def weighed(size: int, count: int) -> Callable[..., None]:
    """``weigh(values, places, weights, out)`` for numba: adds ``count`` of ``values`` times their weights onto ``out``.

    Each is ``size`` (of 8 a multiple) int8 from the element ``places[n]`` on; weights are float32, as is ``out``.
    """

    @intrinsic
    def add(typing_context, values, places, weights, out):
        def generate(context, builder, signature, arguments):
            values, places, weights, out = pointers(context, builder, signature, arguments)
            starts = [builder.load(builder.gep(places, [I64(n)])) for n in range(count)]
            factors = [spread(builder, weights, I64(n)) for n in range(count)]
            for first in range(0, size, 8):
                total = load(builder, out, I64(first))
                for start, factor in zip(starts, factors, strict=True):
                    value = load(builder, values, builder.add(start, I64(first)))
                    value = builder.sitofp(builder.sext(value, SUMS), FLOATS)
                    total = builder.fadd(total, builder.fmul(value, factor, FAST), FAST)
                store(builder, total, out, I64(first))
            return context.get_dummy_value()

        return types.void(values, places, weights, out), generate

    made: Callable[..., None] = add
    return made
