"""Which hypotheses of a window go on: the likeliest that will say something else than the others.

Two hypotheses that differ in a comma a line ago have everything to come in common, and of many that are followed most
are of that kind. They are recombined, as speech decoders with a lattice do: of those whose last words are the same,
wherever in each they stand, the likelier one goes on alone.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transcriber.engines.whisper.caches import Indices
from transcriber.engines.whisper.compiled import kernel

NOT_ALIKE = -1000


class Search(NamedTuple):
    """How much is searched."""

    alike: int
    """So many last tokens in common make one of two hypotheses."""
    shift: int
    """How many tokens more one of them may have written before."""
    behind: float
    """How much less likely than the likeliest one may be, in nats."""


class Written(NamedTuple):
    """What is in all rows: tokens and log-probabilities (rows, most), how many there are, and after how many others."""

    tokens: Indices
    logprobs: NDArray[np.float32]
    counts: Indices
    base: Indices


class Selected(NamedTuple):
    """For each window what goes on, the likeliest first, and what ends, up to as many as there are beams.

    sources: the row that each continues; logprobs: of its new token; totals: of all. All arrays (windows, beams); how
    many of them there are is in ``counts`` (windows,).
    """

    counts: Indices
    sources: Indices
    tokens: Indices
    logprobs: NDArray[np.float32]
    totals: NDArray[np.float32]

    @classmethod
    def room(cls, windows: int, beams: int) -> Selected:
        shape = windows, beams
        return cls(
            np.zeros(windows, np.int64),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.float32),
            np.zeros(shape, np.float32),
        )


@kernel(fastmath=False)
def select(rows, bounds, tokens, own, totals, written, search, end, best, going, over):
    """Fill ``going`` and ``over``, both Selected.

    rows: (rows,), those of a window side by side; bounds: (windows, 2), where each window's are. tokens, own: (rows,
    candidates), what each may go on with and its log-probability. totals: (all rows,), of what is written; best:
    (windows,), of the likeliest that has ended. ``end``: the token after which there is none.
    """
    candidates = tokens.shape[1]
    for window in range(bounds.shape[0]):
        first, last = bounds[window]
        scores = np.empty((last - first) * candidates, np.float32)
        for r in range(first, last):
            for c in range(candidates):
                scores[(r - first) * candidates + c] = totals[rows[r]] + own[r, c]
        order = np.argsort(-scores, kind="mergesort")
        least = max(scores[order[0]], best[window]) - np.float32(search.behind)
        for one in order:
            score, r, c = scores[one], first + one // candidates, one % candidates
            if not score >= least or score == -np.inf:
                break
            if tokens[r, c] == end:
                if over.counts[window] < over.totals.shape[1]:
                    put(over, window, rows[r], tokens[r, c], own[r, c], score)
                continue
            if is_said(going, window, rows[r], tokens[r, c], own[r, c], score, written, search):
                continue
            put(going, window, rows[r], tokens[r, c], own[r, c], score)
            if going.counts[window] == going.totals.shape[1]:
                break


@kernel(fastmath=False)
def put(to, window, source, token, logprob, total):
    """One more of what goes on or ends."""
    at = to.counts[window]
    to.sources[window, at], to.tokens[window, at] = source, token
    to.logprobs[window, at], to.totals[window, at] = logprob, total
    to.counts[window] = at + 1


@kernel(fastmath=False)
def is_said(going, window, source, token, logprob, total, written, search):
    """Whether something likelier that goes on says the same.

    What says the same but was less likely when it had come as far goes on no more.
    """
    at = 0
    while at < going.counts[window]:
        lead = ahead(written, source, token, going.sources[window, at], going.tokens[window, at], search)
        if lead > 0:
            # It has paid for tokens that the other still has to write.
            before = total - logprob
            count = written.counts[source]
            for p in range(count + 1 - lead, count):
                before -= written.logprobs[source, p]
            if before > going.totals[window, at]:
                take_out(going, window, at)
                continue
        if lead != NOT_ALIKE:
            return True
        at += 1
    return False


@kernel(fastmath=False)
def ahead(written, row, token, other_row, other_token, search):
    """How many tokens the first has written more up to the same words as the other; NOT_ALIKE where there are none.

    Each is a row with one token after what is in it; both have as many.
    """
    count = written.counts[row]
    for turn in range(2 * search.shift + 1):
        lead = (turn + 1) // 2 if turn % 2 else -(turn // 2)
        if search.alike + abs(lead) > count + 1:
            return NOT_ALIKE
        same = True
        for back in range(search.alike):
            p, q = count - max(lead, 0) - back, count - max(-lead, 0) - back
            mine = token if p == count else written.tokens[row, p]
            other = other_token if q == count else written.tokens[other_row, q]
            if mine != other:
                same = False
                break
        if same:
            return lead
    return NOT_ALIKE


@kernel(fastmath=False)
def take_out(going, window, at):
    """Leave one out of what goes on."""
    last = going.counts[window] - 1
    for i in range(at, last):
        going.sources[window, i], going.tokens[window, i] = going.sources[window, i + 1], going.tokens[window, i + 1]
        going.logprobs[window, i], going.totals[window, i] = going.logprobs[window, i + 1], going.totals[window, i + 1]
    going.counts[window] = last
