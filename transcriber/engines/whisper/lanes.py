"""Vectors of eight or sixteen lanes in LLVM, for the kernels that numba does not write well by itself."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc, import-untyped"

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types

I32, I64 = ir.IntType(32), ir.IntType(64)
PAIRS, SUMS = ir.VectorType(ir.IntType(16), 16), ir.VectorType(I32, 8)
FLOATS = ir.VectorType(ir.FloatType(), 8)
FAST = ("fast",)


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
    return builder.shuffle_vector(first, first, ir.Constant(SUMS, [0] * 8))


def pointers(context, builder, signature, arguments):
    """The arguments with pointers to the elements in place of arrays."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def pairwise(builder, left, right, by_pairs):
    """(16,) by (16,) of 16 bits to (8,) of 32: products of neighbours added."""
    if by_pairs:
        kind = ir.FunctionType(SUMS, [PAIRS, PAIRS])
        return builder.call(builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", (), kind), [left, right])
    wide = ir.VectorType(I32, 16)
    products = builder.mul(builder.sext(left, wide), builder.sext(right, wide))
    even, odd = (
        builder.shuffle_vector(products, products, ir.Constant(SUMS, list(range(side, 16, 2)))) for side in (0, 1)
    )
    return builder.add(even, odd)
