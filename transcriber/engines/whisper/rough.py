"""The vocabulary's logits in two passes, on CPUs with VNNI: all of them roughly, then those exactly that may matter.

The rough ones are products of 8 bits, within a few hundredths of the exact ones: enough for what all of them add up to.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.whisper.byte_tiles import ZERO, byte_tile, packed_in_fours
from transcriber.engines.whisper.candidates import likeliest_of_rows
from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.integers import OUTPUTS_AT_ONCE, loudest, normalise, whole_rows
from transcriber.engines.whisper.tiles import COLUMNS, ROWS

EXACT = 24
"""Of each row the highest so many become exact: more than are followed, since some of them are forbidden."""

INPUT_STEPS = 127.0
PANELS_AT_ONCE = 16

one_row, two_rows, three_rows, four_rows, five_rows, six_rows = (byte_tile(rows) for rows in range(1, ROWS + 1))


class Rough(NamedTuple):
    """Weights for numba: ``panels``, see byte_tiles; ``begins`` and ``scales``: (outputs filled up,)."""

    panels: NDArray[Any]
    begins: NDArray[np.int32]
    scales: NDArray[np.float32]


def rough(weight: Tensor) -> Rough:
    """From float32 ``weight`` (outputs, inputs), the inputs a multiple of 4."""
    source = weight.float().numpy()
    filled = -(-len(source) // COLUMNS) * COLUMNS
    whole, begins, scales = np.zeros(source.shape, np.int8), np.zeros(filled, np.int32), np.zeros(filled, np.float32)
    for first in range(0, len(source), OUTPUTS_AT_ONCE):
        last = min(first + OUTPUTS_AT_ONCE, len(source))
        whole[first:last], scales[first:last] = whole_rows(source[first:last], 8)
    begins[: len(source)] = -ZERO * whole.sum(1, dtype=np.int32)
    return Rough(packed_in_fours(whole), begins, scales)


def follow(x: NDArray[np.float32], norms: NDArray[np.float32], weights: Rough, logits: NDArray[np.float32]) -> None:
    """As decoder_kernels.follow: x (tokens, width) to logits (tokens, vocabulary)."""
    normed = np.empty_like(x)
    multiply_roughly(x, norms, weights, normed, logits)
    values, indices = np.empty((len(x), EXACT), np.float32), np.empty((len(x), EXACT), np.int64)
    likeliest_of_rows(logits, values, indices)
    make_exact(normed, weights, indices, logits)


@kernel(parallel=True)
def multiply_roughly(x, norms, weights, normed, logits):
    """Last norm, which ``normed`` keeps, and all logits."""
    count, inputs = x.shape
    rows, factors = np.empty((count, inputs), np.uint8), np.empty(count, np.float32)
    for row in range(count):
        normalise(x[row], norms[0, 0], norms[0, 1], normed[row])
        factors[row] = unsigned(normed[row], rows[row])
    panels = weights.panels.shape[0]
    for job in numba.prange(-(-panels // PANELS_AT_ONCE)):
        for panel in range(job * PANELS_AT_ONCE, min((job + 1) * PANELS_AT_ONCE, panels)):
            column = panel * COLUMNS
            if column + COLUMNS <= logits.shape[1]:
                multiply_panel(rows, factors, weights, panel, logits, column)
            else:
                rest = np.empty((count, COLUMNS), np.float32)
                multiply_panel(rows, factors, weights, panel, rest, 0)
                logits[:, column:] = rest[:, : logits.shape[1] - column]


@kernel()
def unsigned(source, out):
    """(n,) float32 to uint8 around ``ZERO``; gives the scale."""
    top = loudest(source)
    inverse = np.float32(INPUT_STEPS) / top
    for i in range(source.size):
        out[i] = np.uint8(np.rint(source[i] * inverse) + np.float32(ZERO))
    return top / np.float32(INPUT_STEPS)


@kernel()
def multiply_panel(rows, factors, weights, panel, out, to):
    """All rows by a panel into the columns of ``out`` from ``to`` on."""
    panels, begins, scales = weights.panels, weights.begins, weights.scales
    count, n = rows.shape
    at, fours, column, stride = panel * n * COLUMNS, n // 4, panel * COLUMNS, out.shape[1]
    row = 0
    while row + ROWS <= count:
        o = row * stride + to
        six_rows(rows, row * n, n, panels, at, fours, begins, factors, row, scales, column, out, o, stride)
        row += ROWS
    a, o = row * n, row * stride + to
    if count - row == 5:
        five_rows(rows, a, n, panels, at, fours, begins, factors, row, scales, column, out, o, stride)
    elif count - row == 4:
        four_rows(rows, a, n, panels, at, fours, begins, factors, row, scales, column, out, o, stride)
    elif count - row == 3:
        three_rows(rows, a, n, panels, at, fours, begins, factors, row, scales, column, out, o, stride)
    elif count - row == 2:
        two_rows(rows, a, n, panels, at, fours, begins, factors, row, scales, column, out, o, stride)
    elif count - row == 1:
        one_row(rows, a, n, panels, at, fours, begins, factors, row, scales, column, out, o, stride)


@kernel(parallel=True)
def make_exact(normed, weights, indices, logits):
    """Compute the logits at ``indices`` (tokens, so many) again, from ``normed`` (tokens, width) as it is."""
    for row in numba.prange(indices.shape[0]):
        for index in indices[row]:
            panel, column = weights.panels[index // COLUMNS], index % COLUMNS
            total = np.float32(0)
            for four in range(panel.shape[0]):
                for one in range(4):
                    total += normed[row, 4 * four + one] * np.float32(panel[four, column, one])
            logits[row, index] = total * weights.scales[index]
