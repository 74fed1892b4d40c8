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


@dataclass(frozen=True, slots=True)
class Written:
    """What is in all rows: tokens and log-probabilities (rows, most), how many there are, and after how many others."""

    tokens: Indices
    logprobs: NDArray[np.float32]
    count: Indices
    base: Indices


def ranked(
    scores: NDArray[np.float32], tokens: Indices, end: int
) -> tuple[Indices, NDArray[np.bool_], NDArray[np.bool_]]:
    """Which candidates go on and which are over.

    ``scores``, ``tokens``: (windows, beams, candidates of each). Gives for each window its candidates' flat indices,
    the likeliest first, and which of those go on, as many as there are beams, and which end.
    """
    windows, beams, _ = scores.shape
    flat = scores.reshape(windows, -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ends = np.take_along_axis(tokens.reshape(windows, -1), order, 1) == end
    place = (~ends).cumsum(1)
    real = np.isfinite(np.take_along_axis(flat, order, 1))
    return order, ~ends & (place <= beams), ends & real & (place < beams)


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

    def start(self, row: int) -> None:
        """A window's search begins with one hypothesis, which is the prompt."""
        self._found[row] = []
        group = slice(row, row + self._width)
        self._totals[group] = -np.inf
        self._totals[row] = 0.0
        for shared in (self._written.count, self._written.base):
            shared[group] = shared[row]

    def rows(self, row: int) -> list[int]:
        """In which rows the window's next tokens are to be read."""
        return list(range(row, row + self._width))

    def holds(self, rows: Indices) -> NDArray[np.bool_]:
        return np.isin(rows - rows % self._width, list(self._found))

    def take(self, rows: Indices, logits: Tensor, sums: Tensor) -> None:
        """Let the likeliest hypotheses go on. ``logits`` (rows, vocabulary) are restricted, ``sums`` their log-sums."""
        width, written, end = self._width, self._written, self._vocabulary.end
        values, indices = likeliest(logits, width + 1)
        firsts, windows = np.unique(rows - rows % width, return_inverse=True)
        scores = np.full((len(firsts), width, width + 1), -np.inf, np.float32)
        own, tokens = scores.copy(), np.zeros(scores.shape, np.int64)
        at = windows, rows % width
        own[at], tokens[at] = values - sums.cpu().numpy()[:, None], indices
        scores[at] = self._totals[rows][:, None] + own[at]
        self._lineage[rows, written.count[rows]] = rows
        order, goes_on, over = ranked(scores, tokens, end)
        for window, place in np.argwhere(over).tolist():
            beam, column = divmod(int(order[window, place]), width + 1)
            first = int(firsts[window])
            if len(self._found[first]) < width:
                score = float(scores[window, beam, column])
                self._found[first].append(self._ended(first + beam, end, own[window, beam, column], score))
        beams, columns = np.divmod(order[goes_on].reshape(len(firsts), width), width + 1)
        to = (firsts[:, None] + np.arange(width)).ravel()
        source = (firsts[:, None] + beams).ravel()
        self._move(source, to)
        chosen, count = (np.arange(len(firsts))[:, None], beams, columns), written.count[to]
        written.tokens[to, count] = tokens[chosen].ravel()
        written.logprobs[to, count] = own[chosen].ravel()
        self._totals[to] = scores[chosen].ravel()
        self._grammar.move(source, to)
        self._grammar.note(to, written.tokens[to, count], self._vocabulary)
        written.count[to] += 1

    def done(self, row: int) -> bool:
        """Whether as many hypotheses as there are beams came to an end."""
        return len(self._found.get(row, ())) >= self._width

    def leave(self, row: int) -> Found:
        """The best hypothesis of a window, which is searched no more; one that has not ended for want of others."""
        found = self._found.pop(row)
        going = sorted(range(row, row + self._width), key=lambda one: -self._totals[one])
        count = int(self._written.count[row])
        for one in going[: self._width - len(found)]:
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

    def _ended(self, row: int, end: int, logprob: np.float32, total: float) -> Found:
        count = int(self._written.count[row])
        return Found(
            np.append(self._written.tokens[row, :count], end),
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
        count, base, windows = written.count[to], written.base[to], to // self._width
        begins = np.full(windows.max() + 1, written.tokens.shape[1] + base.max())
        np.minimum.at(begins, windows, np.where(count == 0, 0, base + parted - 1))
        self._caches.move(source, to, begins[windows], base + count)
        for array in (written.tokens, written.logprobs, self._lineage):
            array[to] = array[source]
