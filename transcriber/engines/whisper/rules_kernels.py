"""The rules for each row of logits in one pass, on a CPU. What they are is in rules.py, whose results these are."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.exponentials import WITH_INFINITY, highest, log_sum


@kernel(parallel=True, fastmath=WITH_INFINITY)
def restrict_rows(logits, never, bounds, no_words, no_end, end, first, sums):
    """Set what is forbidden to minus infinity; ``sums`` (rows,) gets what is left, as log-sums.

    logits: (rows, vocabulary) float32. bounds: (2, rows), the lowest and the highest timestamp's number. no_words,
    no_end: (rows,) bool. Words end at ``end``, timestamps begin at ``first``.
    """
    rows, size = logits.shape
    for row in numba.prange(rows):
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
