"""Exponentials of float32 that a CPU takes eight at a time, minus infinity among them."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numpy as np

from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.integers import LOG2_E, two_to

WITH_INFINITY = {"nnan", "nsz", "arcp", "contract", "afn", "reassoc"}
"""Of fastmath all but ``ninf``, for those who may meet minus infinity."""


@kernel(fastmath=WITH_INFINITY)
def highest(x):
    """As ``x.max()``, which looks at one value after the other for what is no number."""
    top = np.float32(-np.inf)
    for i in range(x.size):
        top = max(top, x[i])
    return top


@kernel(fastmath=WITH_INFINITY)
def e_to(x):
    """e^x of a float32 up to 87; below -83 it is 1e-36."""
    return two_to(max(x * LOG2_E, np.float32(-120)))


@kernel(fastmath=WITH_INFINITY)
def softmax(x, out):
    """(n,) float32 to ``out`` (n,)."""
    top = highest(x)
    total = np.float32(0)
    for i in range(x.size):
        out[i] = e_to(x[i] - top)
        total += out[i]
    share = np.float32(1) / total
    for i in range(x.size):
        out[i] *= share


@kernel(fastmath=WITH_INFINITY)
def log_sum(x, top):
    """log of the sum of exponentials of (n,) float32, none above ``top``; minus infinity where all are."""
    if top == -np.inf:
        return top
    total = np.float32(0)
    for i in range(x.size):
        total += e_to(x[i] - top)
    return top + np.log(total)
