"""What alignment follows, in one pass on a CPU. What it is stands in alignment.py, whose results these are."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numpy as np

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.exponentials import softmax

REACH = 3
"""Positions to either side of one whose median is taken."""


@kernel()
def emphasise(scores, likely):
    """scores: (heads, tokens, positions) float32; likely: (tokens, positions) float32, zeros."""
    heads, tokens, positions = scores.shape
    weights = np.empty((tokens, positions), np.float32)
    share = np.float32(1) / np.float32(heads)
    padded = np.empty(positions + 2 * REACH, np.float32)
    for h in range(heads):
        mean, spread = np.zeros(positions, np.float32), np.zeros(positions, np.float32)
        for t in range(tokens):
            softmax(scores[h, t], weights[t])
            for p in range(positions):
                mean[p] += weights[t, p]
        for p in range(positions):
            mean[p] /= np.float32(tokens)
        for t in range(tokens):
            for p in range(positions):
                spread[p] += (weights[t, p] - mean[p]) * (weights[t, p] - mean[p])
        for p in range(positions):
            spread[p] = np.float32(1) / max(np.sqrt(spread[p] / np.float32(tokens)), np.float32(1e-9))
        for t in range(tokens):
            for p in range(positions):
                padded[REACH + p] = (weights[t, p] - mean[p]) * spread[p]
            if positions <= REACH:
                likely[t] += share * padded[REACH : REACH + positions]
                continue
            for p in range(REACH):
                padded[p] = padded[2 * REACH - p]
                padded[REACH + positions + p] = padded[REACH + positions - 2 - p]
            add_medians(padded, share, likely[t])


@kernel()
def add_medians(x, share, out):
    """Onto ``out`` (n,) the medians of seven neighbours in ``x`` (n + 6,), times ``share``.

    The exchanges are those of alignment.median_of_seven, without what nobody asks for afterwards.
    """
    for p in range(out.size):
        a, b, c, d, e, f, g = x[p], x[p + 1], x[p + 2], x[p + 3], x[p + 4], x[p + 5], x[p + 6]
        a, f = min(a, f), max(a, f)
        a, d = min(a, d), max(a, d)
        b, g = min(b, g), max(b, g)
        c, e = min(c, e), max(c, e)
        b = max(a, b)
        d, f = min(d, f), max(d, f)
        c, g = min(c, g), max(c, g)
        d = min(max(c, d), g)
        e = min(e, f)
        b, e = min(b, e), max(b, e)
        out[p] += share * min(max(b, d), e)
