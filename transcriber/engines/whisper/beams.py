"""Beam search: several hypotheses of one window in neighbouring rows, which all hear its audio.

Which ones go on, and when a window is done, is openai-whisper's (decoding.py: BeamSearchDecoder, patience 1, and
MaximumLikelihoodRanker without a length penalty). A hypothesis that goes on in another row takes its keys and values
along, but only those from where the two parted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from transcriber.engines.whisper.caches import Caches, Indices
from transcriber.engines.whisper.candidates import likeliest
from transcriber.engines.whisper.rules import Grammar, Vocabulary
from transcriber.engines.whisper.selection import Search, Selected, Written, select


@dataclass(frozen=True, slots=True)
class Found:
    """A hypothesis: ``tokens`` with the end's if it came to one; as many ``logprobs``.

    ``lineage``: for each token the row that predicted it, which has what the heads heard with.
    """

    tokens: Indices
    logprobs: NDArray[np.float32]
    lineage: Indices
    total: float
    ended: bool

    @property
    def score(self) -> float:
        return self.total / max(len(self.tokens) - self.ended, 1)


SEARCH = Search(alike=4, shift=3, behind=2.5)


class Beams:
    """The windows that are searched, by the first of their ``width`` rows."""

    def __init__(self, width: int, written: Written, grammar: Grammar, vocabulary: Vocabulary, caches: Caches) -> None:
        self._width = width
        self._written = written
        self._grammar = grammar
        self._vocabulary = vocabulary
        self._caches = caches
        rows, most = written.tokens.shape
        self._totals = np.zeros(rows, np.float32)
        self._lineage = np.zeros((rows, most), np.int64)
        self._found: dict[int, list[Found]] = {}
        self._going: dict[int, int] = {}
        """How many hypotheses of each window go on, in its first rows."""

    def start(self, row: int) -> None:
        """A window's search begins with one hypothesis, which is the prompt."""
        self._found[row] = []
        self._going[row] = 1
        self._totals[row] = 0.0
        group = slice(row, row + self._width)
        for shared in (self._written.counts, self._written.base):
            shared[group] = shared[row]

    def rows(self, row: int) -> list[int]:
        """In which rows the window's next tokens are to be read, the likeliest hypothesis first."""
        return list(range(row, row + self._going[row]))

    def holds(self, rows: Indices) -> NDArray[np.bool_]:
        return np.isin(rows - rows % self._width, list(self._found))

    def take(self, rows: Indices, logits: Tensor, sums: Tensor) -> None:
        """Let the likeliest hypotheses go on. ``logits`` (rows, vocabulary) are restricted, ``sums`` their log-sums."""
        width, written = self._width, self._written
        values, tokens = likeliest(logits, width + 1)
        own = values - sums.cpu().numpy()[:, None]
        self._lineage[rows, written.counts[rows]] = rows
        firsts, begins, counts = np.unique(rows - rows % width, return_index=True, return_counts=True)
        going, over = Selected.room(len(firsts), width), Selected.room(len(firsts), width)
        ended = ((one.total for one in self._found[first]) for first in firsts.tolist())
        best = np.array([max(totals, default=-np.inf) for totals in ended], np.float32)
        bounds, end = np.stack([begins, begins + counts], 1), self._vocabulary.end
        select(rows, bounds, tokens, own, self._totals, written, SEARCH, end, best, going, over)
        for window, place in np.argwhere(np.arange(width) < over.counts[:, None]).tolist():
            found = self._found[int(firsts[window])]
            if len(found) < width:
                row, logprob = int(over.sources[window, place]), over.logprobs[window, place]
                found.append(self._ended(row, logprob, float(over.totals[window, place])))
        self._going.update(zip(firsts.tolist(), going.counts.tolist(), strict=True))
        groups = firsts[:, None] + np.arange(width)
        there = np.arange(width) < going.counts[:, None]
        to = groups[there]
        source, count = going.sources[there], written.counts[to]
        self._move(source, to)
        written.tokens[to, count] = going.tokens[there]
        written.logprobs[to, count] = going.logprobs[there]
        self._totals[to] = going.totals[there]
        self._grammar.move(source, to)
        self._grammar.note(to, going.tokens[there], self._vocabulary)
        written.counts[groups] += 1

    def done(self, row: int) -> bool:
        """Whether as many hypotheses as there are beams came to an end, or none goes on."""
        return row in self._found and (len(self._found[row]) >= self._width or not self._going[row])

    def leave(self, row: int) -> Found:
        """The best hypothesis of a window, which is searched no more; one that has not ended for want of others."""
        found = self._found.pop(row)
        count = int(self._written.counts[row])
        for one in self.rows(row)[: self._width - len(found)]:
            found.append(
                Found(
                    self._written.tokens[one, :count].copy(),
                    self._written.logprobs[one, :count].copy(),
                    self._lineage[one, :count].copy(),
                    float(self._totals[one]),
                    False,
                )
            )
        return max(found, key=lambda one: one.score)

    def _ended(self, row: int, logprob: np.float32, total: float) -> Found:
        count = int(self._written.counts[row])
        return Found(
            np.append(self._written.tokens[row, :count], self._vocabulary.end),
            np.append(self._written.logprobs[row, :count], logprob).astype(np.float32),
            self._lineage[row, : count + 1].copy(),
            total,
            True,
        )

    def _move(self, source: Indices, to: Indices) -> None:
        """Let the rows ``to`` hold what ``source`` holds; each pair is of one window."""
        written, moved = self._written, source != to
        source, to = source[moved], to[moved]
        if not len(to):
            return
        # The token that a prediction follows stands one place before it; without any, the prompt is still to be shared.
        parted = (self._lineage[source] != self._lineage[to]).argmax(1)
        count, base, windows = written.counts[to], written.base[to], to // self._width
        begins = np.full(windows.max() + 1, written.tokens.shape[1] + base.max())
        np.minimum.at(begins, windows, np.where(count == 0, 0, base + parted - 1))
        self._caches.move(source, to, begins[windows], base + count)
        for array in (written.tokens, written.logprobs, self._lineage):
            array[to] = array[source]
