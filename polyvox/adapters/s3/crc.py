"""CRC-32 of a whole from those of its parts, so that parts may be summed in any order. Pure.

The method of zlib's crc32_combine: appending n zero bytes to a message is a linear map of its CRC over
GF(2), a 32×32 matrix; those of powers of two come from squaring.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import lru_cache

_POLYNOMIAL = 0xEDB88320

Matrix = tuple[int, ...]
"""Column i is what bit i becomes."""


def text_of(crc: int) -> str:
    """As S3 writes it: base64 of 4 bytes, most significant first."""
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def of_text(text: str) -> int:
    return int.from_bytes(base64.b64decode(text), "big")


def combined(parts: Iterable[tuple[int, int]]) -> int:
    """CRC of the parts one after the other, each given as (crc, size_bytes)."""
    whole = 0
    for crc, size_bytes in parts:
        whole = _times(_shift(size_bytes), whole) ^ crc
    return whole


def _times(matrix: Matrix, vector: int) -> int:
    total, index = 0, 0
    while vector:
        if vector & 1:
            total ^= matrix[index]
        vector >>= 1
        index += 1
    return total


@lru_cache(maxsize=8)
def _shift(size_bytes: int) -> Matrix:
    """What ``size_bytes`` zero bytes do to a CRC."""
    result: Matrix = tuple(1 << bit for bit in range(32))
    for power in range(size_bytes.bit_length()):
        if size_bytes >> power & 1:
            factor = _zeros(power)
            result = tuple(_times(factor, column) for column in result)
    return result


@lru_cache(maxsize=64)
def _zeros(power: int) -> Matrix:
    """What 2**power zero bytes do to a CRC."""
    if power == 0:
        step: Matrix = (_POLYNOMIAL, *(1 << bit for bit in range(31)))
        for _ in range(3):
            step = tuple(_times(step, column) for column in step)
        return step
    half = _zeros(power - 1)
    return tuple(_times(half, column) for column in half)
