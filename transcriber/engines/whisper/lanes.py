"""Vectors of eight or sixteen lanes in LLVM, for the kernels that numba does not write well by itself."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types

I32, I64 = ir.IntType(32), ir.IntType(64)
PAIRS, SUMS = ir.VectorType(ir.IntType(16), 16), ir.VectorType(I32, 8)
FLOATS = ir.VectorType(ir.FloatType(), 8)
NOTHING = ir.Constant(SUMS, [0] * 8)
FAST = ("fast",)
AHEAD_BYTES = 4096
"""How far before its turn a weight is asked for: a page, which is as far as a CPU sees ahead by itself."""


def host_multiplies_pairs() -> bool:
    return bool(llvmlite.binding.get_host_cpu_features().get("avx2", False))


def load(builder, array, place, count=8):
    """So many values from the element ``place`` of ``array`` (a pointer to elements) on."""
    source = builder.gep(array, [place])
    values = ir.VectorType(source.type.pointee, count)
    return builder.load(builder.bitcast(source, values.as_pointer()), align=1)


def store(builder, value, array, place):
    """Eight ``value``s to the element ``place`` and those after."""
    to = builder.gep(array, [place])
    builder.store(value, builder.bitcast(to, value.type.as_pointer()), align=4)


def everywhere(builder, value):
    """A vector of eight times ``value``."""
    kind = ir.VectorType(value.type, 8)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return builder.shuffle_vector(first, first, NOTHING)


def pointers(context, builder, signature, arguments):
    """The arguments with pointers to the elements in place of arrays."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def spread(builder, array, place):
    """The element ``place`` of ``array`` in all of eight lanes."""
    return everywhere(builder, builder.load(builder.gep(array, [place]), align=1))


def pairwise(builder, left, right, general):
    """(16,) by (16,) of 16 bits to (8,) of 32: products of neighbours added. ``general``: as on no x86."""
    if host_multiplies_pairs() and not general:
        kind = ir.FunctionType(SUMS, [PAIRS, PAIRS])
        return builder.call(builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", (), kind), [left, right])
    wide = ir.VectorType(I32, 16)
    products = builder.mul(builder.sext(left, wide), builder.sext(right, wide))
    even, odd = (
        builder.shuffle_vector(products, products, ir.Constant(SUMS, list(range(side, 16, 2)))) for side in (0, 1)
    )
    return builder.add(even, odd)


def summed(builder, starts, count, panel, onto, begins):
    """The loop of a tile: ``begins``, two vectors of sums for each row, and ``onto`` them ``count`` times some inputs.

    ``starts``: where each row begins, as pointers to 32 bits, which go to all lanes. ``panel``: a pointer to vectors,
    of which each step takes two.
    """
    before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(loop)
    builder.position_at_end(loop)
    index = builder.phi(I64)
    index.add_incoming(I64(0), before)
    totals = [builder.phi(SUMS) for _ in begins]
    places = [builder.gep(panel, [builder.add(builder.shl(index, I64(1)), I64(half))]) for half in range(2)]
    halves = [builder.load(place, align=1) for place in places]
    prefetch(builder, places[0])
    sums = []
    for row, start in enumerate(starts):
        inputs = spread(builder, start, index)
        sums += [onto(totals[2 * row + half], inputs, halves[half]) for half in range(2)]
    for total, begin, new in zip(totals, begins, sums, strict=True):
        total.add_incoming(begin, before)
        total.add_incoming(new, loop)
    following = builder.add(index, I64(1))
    index.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    return sums


def prefetch(builder, place):
    """Ask for what lies ahead of ``place``, which may be the next panel, or nothing: then nothing happens."""
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, I32, I32, I32])
    ask = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
    to_read, soon, data_cache = I32(0), I32(3), I32(1)
    ahead = builder.gep(builder.bitcast(place, byte), [I64(AHEAD_BYTES)])
    builder.call(ask, [ahead, to_read, soon, data_cache])


def scored(builder, totals, scales, column, scores, stride, tops):
    """What tiles of scores make of their sums, two vectors of eight for each row; see tiles.scored_tile."""
    places = [builder.add(column, I64(8 * half)) for half in range(2)]
    scale = [load(builder, scales, place) for place in places]
    for r in range(len(totals) // 2):
        top = load(builder, tops, I64(8 * r))
        for half in range(2):
            value = builder.fmul(builder.sitofp(totals[2 * r + half], FLOATS), scale[half])
            top = builder.select(builder.fcmp_ordered(">", value, top, FAST), value, top)
            store(builder, value, scores, builder.add(builder.mul(stride, I64(r)), places[half]))
        store(builder, top, tops, I64(8 * r))


def row_starts(builder, a, at, stride, rows):
    """Pointers to 32 bits, where ``rows`` rows of ``a`` begin: at the element ``at``, then ``stride`` apart."""
    return [
        builder.bitcast(builder.gep(a, [builder.add(at, builder.mul(stride, I64(row)))]), I32.as_pointer())
        for row in range(rows)
    ]
