"""The likeliest tokens of many. On a CPU one pass over the logits finds them: few are looked at one by one."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.whisper.caches import Indices
from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.exponentials import WITH_INFINITY, highest

RUN = 256
"""Logits whose highest is looked for before any of them is looked at."""


def likeliest(logits: Tensor, count: int) -> tuple[NDArray[np.float32], Indices]:
    """The ``count`` highest of each row of (rows, vocabulary) float32 and where they are: (rows, count), in order."""
    if logits.device.type != "cpu":
        best = logits.topk(count)
        return best.values.cpu().numpy(), best.indices.cpu().numpy()
    values, indices = np.empty((len(logits), count), np.float32), np.empty((len(logits), count), np.int64)
    likeliest_of_rows(logits.numpy(), values, indices)
    return values, indices


@kernel(parallel=True, fastmath=WITH_INFINITY)
def likeliest_of_rows(logits, values, indices):
    """Fill ``values`` and ``indices``, both (rows, so many); of those that are the same the first come first."""
    wanted = values.shape[1]
    for row in numba.prange(logits.shape[0]):
        z, best, at = logits[row], values[row], indices[row]
        best[:] = -np.inf
        at[:] = 0
        for begin in range(0, z.size, RUN):
            run = z[begin : begin + RUN]
            if highest(run) <= best[wanted - 1]:
                continue
            for i in range(run.size):
                if run[i] > best[wanted - 1]:
                    place = wanted - 1
                    while place > 0 and run[i] > best[place - 1]:
                        best[place], at[place] = best[place - 1], at[place - 1]
                        place -= 1
                    best[place], at[place] = run[i], begin + i
