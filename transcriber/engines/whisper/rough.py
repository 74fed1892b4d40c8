"""The vocabulary's logits in two passes, on CPUs with VNNI: all of them roughly, then those exactly that may matter.

The rough ones are products of 8 bits, within a few hundredths of the exact ones: enough for what all of them add up to.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.whisper.byte_tiles import ZERO, byte_tile
from transcriber.engines.whisper.candidates import likeliest
from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.decoder_kernels import norm
from transcriber.engines.whisper.integers import in_panels, quantise
from transcriber.engines.whisper.kernels import STEPS
from transcriber.engines.whisper.tiles import COLUMNS, ROWS

EXACT = 24
"""Of each row the highest so many become exact: more than are followed, since some of them are forbidden."""

PANELS_AT_ONCE = 16

one_row, two_rows, three_rows, four_rows, five_rows, six_rows = (byte_tile(rows) for rows in range(1, ROWS + 1))


class Rough(NamedTuple):
    """Weights for numba: ``panels``, see byte_tiles; ``begins`` and ``scales``: (outputs filled up,)."""

    panels: NDArray[Any]
    begins: NDArray[np.int32]
    scales: NDArray[np.float32]


def rough(weight: Tensor) -> Rough:
    """From float32 ``weight`` (outputs, inputs), the inputs a multiple of 4."""
    panels, scales, sums = in_panels(weight, 8, 4, np.asarray)
    return Rough(panels, (-ZERO * sums).astype(np.int32), scales)


def follow(x: NDArray[np.float32], norms: NDArray[np.float32], weights: Rough, logits: NDArray[np.float32]) -> None:
    """As decoder_kernels.follow: x (tokens, width) to logits (tokens, vocabulary)."""
    normed = np.empty_like(x)
    multiply_roughly(x, norms, weights, normed, logits)
    _, indices = likeliest(torch.from_numpy(logits), EXACT)
    make_exact(normed, weights, indices, logits)


@kernel(parallel=True)
def multiply_roughly(x, norms, weights, normed, logits):
    """Last norm, which ``normed`` keeps, and all logits."""
    count, inputs = x.shape
    whole, factors = np.empty((count, inputs), np.int8), np.empty(count, np.float32)
    norm(x, norms, 0, normed)
    for row in range(count):
        factors[row] = quantise(normed[row], STEPS, whole[row])
    # The highest bit is worth 128 less with a sign than without.
    rows = whole.view(np.uint8) ^ np.uint8(ZERO)
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
