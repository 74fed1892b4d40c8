"""The rules for each row of logits in one pass, on a CPU. What they are is in rules.py, whose results these are."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.integers import two_to

_LOG2_E = np.float32(1.4426950408889634)
_FLAGS = {"nnan", "nsz", "arcp", "contract", "afn", "reassoc"}
"""Of fastmath all but ``ninf``: what is forbidden is minus infinity."""


@numba.njit(cache=True, nogil=True, fastmath=_FLAGS, error_model="numpy")
def restrict_rows(logits, never, bounds, no_words, no_end, end, first, sums):
    """Set what is forbidden to minus infinity; ``sums`` (rows,) gets what is left, as log-sums.

    logits: (rows, vocabulary) float32. bounds: (2, rows), the lowest and the highest timestamp's number. no_words,
    no_end: (rows,) bool. Words end at ``end``, timestamps begin at ``first``.
    """
    rows, size = logits.shape
    for row in range(rows):
        z = logits[row]
        for token in never:
            z[token] = -np.inf
        for token in range(first, size):
            if token - first < bounds[0, row] or token - first > bounds[1, row]:
                z[token] = -np.inf
        if no_words[row]:
            z[:end] = -np.inf
        if no_end[row]:
            z[end:first] = -np.inf
        likeliest = highest(z[:first])
        timestamps, text = log_sum(z[first:], highest(z[first:])), log_sum(z[:first], likeliest)
        # The chance of any timestamp, when greater than that of the likeliest word, decides for one.
        if timestamps > likeliest:
            z[:first] = -np.inf
            sums[row] = timestamps
        else:
            high, low = max(timestamps, text), min(timestamps, text)
            sums[row] = high + np.log1p(np.exp(low - high))


@numba.njit(cache=True, nogil=True, fastmath=_FLAGS, error_model="numpy")
def highest(x):
    """As ``x.max()``, which looks at one value after the other for what is no number."""
    top = np.float32(-np.inf)
    for i in range(x.size):
        top = max(top, x[i])
    return top


@numba.njit(cache=True, nogil=True, fastmath=_FLAGS, error_model="numpy")
def log_sum(x, top):
    """log of the sum of exponentials of (n,) float32, none above ``top``; minus infinity where all are."""
    if top == -np.inf:
        return top
    total = np.float32(0)
    for i in range(x.size):
        total += two_to(max((x[i] - top) * _LOG2_E, np.float32(-120)))
    return top + np.log(total)
