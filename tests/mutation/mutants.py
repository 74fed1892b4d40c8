"""Damage that files come to, and that people do to them. Pure: the same seed makes the same mutants."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

HEAD_BYTES = 512
"""Where formats say how many channels, samples and bytes there are."""
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
_SIGNS = (
    b"fmt ",
    b"data",
    b"moov",
    b"stsz",
    b"stts",
    b"stsc",
    b"mdhd",
    b"esds",
    b"OggS",
    b"OpusHead",
    b"\x1aE\xdf\xa3",
)
"""Before numbers that are believed, wherever in a file they are."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """``how`` names the damage."""

    how: str
    content: bytes


def mutants(good: bytes, *, seed: int, count: int) -> Iterator[Mutant]:
    """``count`` damaged versions of ``good``, every kind of damage in turn."""
    chance = random.Random(seed)
    kinds = list(KINDS)
    for number in range(count):
        kind = kinds[(seed + number) % len(kinds)]
        yield Mutant(kind.__name__, kind(good, chance))


def truncated(good: bytes, chance: random.Random) -> bytes:
    return good[: chance.randrange(len(good))]


def cut_in_its_head(good: bytes, chance: random.Random) -> bytes:
    return good[: chance.randrange(min(len(good), HEAD_BYTES))]


def without_its_start(good: bytes, chance: random.Random) -> bytes:
    return good[chance.randrange(1, min(len(good), 4096)) :]


def bits_flipped(good: bytes, chance: random.Random) -> bytes:
    return _flipped(good, chance, chance.choice((1, 8, 64)), len(good))


def bits_of_its_head_flipped(good: bytes, chance: random.Random) -> bytes:
    return _flipped(good, chance, chance.choice((1, 4, 16)), HEAD_BYTES)


def chunks_swapped(good: bytes, chance: random.Random) -> bytes:
    first, second, third = sorted(chance.randrange(len(good)) for _ in range(3))
    return good[:first] + good[second:third] + good[first:second] + good[third:]


def a_chunk_repeated(good: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(good)) for _ in range(2))
    return good[:end] + good[start:end] * chance.randrange(1, 4) + good[end:]


def a_chunk_blanked(good: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(good)) for _ in range(2))
    return good[:start] + bytes([chance.choice((0, 0xFF))]) * (end - start) + good[end:]


def noise_put_in(good: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(good))
    return good[:at] + chance.randbytes(chance.randrange(1, 4096)) + good[at:]


def absurd_numbers(good: bytes, chance: random.Random) -> bytes:
    """Numbers of the head, or behind a sign of the format, become as large or as small as they can be."""
    damaged = bytearray(good)
    for _ in range(chance.randrange(1, 4)):
        width = chance.choice((1, 2, 4, 8))
        value = chance.choice([extreme for extreme in _EXTREMES if extreme < 1 << 8 * width])
        at = min(_place(good, chance), max(0, len(good) - width))
        damaged[at : at + width] = value.to_bytes(width, chance.choice(("little", "big")))
    return bytes(damaged)


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncated,
    absurd_numbers,
    bits_flipped,
    bits_of_its_head_flipped,
    cut_in_its_head,
    absurd_numbers,
    chunks_swapped,
    a_chunk_repeated,
    without_its_start,
    a_chunk_blanked,
    noise_put_in,
)


def _flipped(good: bytes, chance: random.Random, times: int, within: int) -> bytes:
    damaged = bytearray(good)
    for _ in range(times):
        damaged[chance.randrange(min(len(damaged), within))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _place(good: bytes, chance: random.Random) -> int:
    sign = chance.choice(_SIGNS)
    found = good.find(sign)
    if found >= 0 and chance.random() < 0.7:
        return found + len(sign) + chance.randrange(32)
    return chance.randrange(min(len(good), HEAD_BYTES))
