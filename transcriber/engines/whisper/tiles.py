"""The innermost product: a few rows of 16-bit integers by sixteen columns of weights. LLVM, by way of numba.

A CPU without VNNI multiplies 16-bit integers in pairs (``vpmaddwd``) as fast as it does 8-bit ones, twice as fast as
float32, and the sums do not overflow. Weights lie in panels of sixteen outputs, two inputs side by side:
(outputs / 16, inputs / 2, 16, 2), of 16 or 8 bits. What is no x86 gets the same in LLVM's general terms.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"
# ruff: noqa: ARG001 - numba asks for these arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

COLUMNS = 16
ROWS = 6
"""The most rows of a tile: its sums, 12 registers of 16, stay where they are."""

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_PAIRS, _SUMS = ir.VectorType(ir.IntType(16), 16), ir.VectorType(_I32, 8)


def packed(weight: NDArray[Any]) -> NDArray[Any]:
    """Integers (outputs, inputs), the inputs even, to panels; outputs are filled up with zeros to whole ones."""
    outputs, inputs = weight.shape
    panels = -(-outputs // COLUMNS)
    full = np.zeros((panels * COLUMNS, inputs), weight.dtype)
    full[:outputs] = weight
    return np.ascontiguousarray(full.reshape(panels, COLUMNS, inputs // 2, 2).transpose(0, 2, 1, 3))


def host_multiplies_pairs() -> bool:
    return bool(llvmlite.binding.get_host_cpu_features().get("avx2", False))


def tile(rows: int, *, general: bool = False) -> Callable[..., None]:
    """``tile(a, at, stride, b, panel_at, pairs, sums)`` for numba: sums (rows, 16) int32 of a product.

    ``a``: int16, contiguous; row r begins at ``at + r × stride`` (even numbers of elements). ``b``: int16 or int8, the
    panel begins at ``panel_at``. ``pairs``: inputs / 2. All in elements. ``general``: as on no x86.
    """
    by_pairs = host_multiplies_pairs() and not general

    @intrinsic
    def multiply(typing_context, a, at, stride, b, panel_at, pairs, sums):
        bits = b.dtype.bitwidth
        signature = types.void(a, types.int64, types.int64, b, types.int64, types.int64, sums)

        def generate(context, builder, signature, arguments):
            def pointer(index, offset, element):
                array = context.make_array(signature.args[index])(context, builder, arguments[index])
                start = array.data if offset is None else builder.gep(array.data, [offset])
                return builder.bitcast(start, element.as_pointer())

            inputs = pointer(0, arguments[1], _I32)
            panel = pointer(3, arguments[4], ir.VectorType(ir.IntType(bits), 16))
            stride = builder.lshr(arguments[2], _I64(1))
            starts = [builder.gep(inputs, [builder.mul(stride, _I64(row))]) for row in range(rows)]
            totals = _loop(builder, starts, panel, arguments[5], bits, by_pairs)
            for index, total in enumerate(totals):
                place = builder.gep(pointer(6, None, _SUMS), [_I64(index)])
                builder.store(total, place, align=4)
            return context.get_dummy_value()

        return signature, generate

    made: Callable[..., None] = multiply
    return made


def _loop(builder, starts, panel, pairs, bits, by_pairs):
    before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)
    builder.position_at_end(loop)
    index = builder.phi(_I64)
    index.add_incoming(_I64(0), before)
    totals = [builder.phi(_SUMS) for _ in range(2 * len(starts))]
    weights = []
    for half in range(2):
        place = builder.gep(panel, [builder.add(builder.shl(index, _I64(1)), _I64(half))])
        loaded = builder.load(place, align=bits // 8)
        weights.append(loaded if bits == 16 else builder.sext(loaded, _PAIRS))
    sums = []
    for row, start in enumerate(starts):
        pair = builder.load(builder.gep(start, [index]), align=2)
        first = builder.insert_element(ir.Constant(_SUMS, ir.Undefined), pair, _I32(0))
        everywhere = builder.shuffle_vector(first, first, ir.Constant(_SUMS, [0] * 8))
        inputs = builder.bitcast(everywhere, _PAIRS)
        for half in range(2):
            product = _pairwise(builder, inputs, weights[half], by_pairs)
            sums.append(builder.add(totals[2 * row + half], product))
    for total, new in zip(totals, sums, strict=True):
        total.add_incoming(ir.Constant(_SUMS, [0] * 8), before)
        total.add_incoming(new, loop)
    following = builder.add(index, _I64(1))
    index.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, pairs), loop, after)
    builder.position_at_end(after)
    return sums


def _pairwise(builder, left, right, by_pairs):
    """(16,) by (16,) of 16 bits to (8,) of 32: products of neighbours added."""
    if by_pairs:
        kind = ir.FunctionType(_SUMS, [_PAIRS, _PAIRS])
        return builder.call(builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", (), kind), [left, right])
    wide = ir.VectorType(_I32, 16)
    products = builder.mul(builder.sext(left, wide), builder.sext(right, wide))
    even, odd = (
        builder.shuffle_vector(products, products, ir.Constant(_SUMS, list(range(side, 16, 2)))) for side in (0, 1)
    )
    return builder.add(even, odd)
