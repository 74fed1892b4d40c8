"""How the keys of audio lie in memory, and how queries are multiplied with them: as the CPU does it fastest.

With VNNI both are bytes, four side by side, the keys unsigned; else 16-bit queries by pairs of 16 or 8 bits.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.whisper.byte_tiles import ZERO, host_multiplies_bytes, scored_byte_tile
from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.integers import quantise
from transcriber.engines.whisper.tiles import COLUMNS, aligned, scored_tile

BYTES = host_multiplies_bytes()
BYTE_STEPS = 127.0

TOGETHER = 4 if BYTES else 2
"""Of a key's numbers that lie side by side."""

NOTHING = ZERO if BYTES else 0
"""What stands for zero in a key."""

KIND = np.int8 if BYTES else np.int16
"""Of queries."""

scored = scored_byte_tile if BYTES else scored_tile


def key_panels(before: tuple[int, ...], positions: int, size: int, bits: int) -> NDArray[Any]:
    """Panels (…, positions / 16, size / together, 16, together) for keys of ``bits`` where they are no bytes."""
    kind = np.uint8 if BYTES else np.int16 if bits == 16 else np.int8
    return aligned((*before, -(-positions // COLUMNS), size // TOGETHER, COLUMNS, TOGETHER), kind)


@kernel(fastmath=False)
def put_key(whole, keys, p):
    """One position's key (size,) into panels."""
    panel = keys[p // COLUMNS]
    for i in range(whole.size):
        panel[i // TOGETHER, p % COLUMNS, i % TOGETHER] = whole[i] + NOTHING


@kernel(fastmath=False)
def fill(keys, scales, positions):
    """Let what fills up the last panel of keys score as the last position does: it moves no maximum."""
    last = positions - 1
    for p in range(positions, -(-positions // COLUMNS) * COLUMNS):
        scales[p] = scales[last]
        keys[p // COLUMNS, :, p % COLUMNS] = keys[last // COLUMNS, :, last % COLUMNS]


@kernel()
def put_query(source, steps, out):
    """(size,) float32 to ``out`` of KIND, of at most ``steps``; gives the scale and what its sums begin with."""
    scale = quantise(source, steps, out)
    total = np.int32(0)
    for i in range(out.size):
        total += np.int32(out[i])
    return scale, np.int32(-NOTHING) * total
