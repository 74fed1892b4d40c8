"""What Whisper may write next: timestamps in pairs and in order or none at all, no symbols that nobody speaks.

The rules are openai-whisper's (decoding.py: ApplyTimestampRules, SuppressBlank, SuppressTokens), for a batch at once
and without copies of the vocabulary's logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from whisper.tokenizer import Tokenizer

from transcriber.engines.whisper.rules_kernels import restrict_rows

FIRST_TIMESTAMP_BY_S = 1.0
TIMESTAMPS_PER_S = 50


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Where the kinds of tokens are."""

    end: int
    first_timestamp: int
    blank: int
    """A space by itself, with which no text begins."""
    never: Tensor
    """Token ids that are never written."""

    @classmethod
    def of(cls, tokenizer: Tokenizer, device: str) -> Vocabulary:
        special = [
            tokenizer.transcribe,
            tokenizer.translate,
            tokenizer.sot,
            tokenizer.sot_prev,
            tokenizer.sot_lm,
            tokenizer.no_speech,
            tokenizer.no_timestamps,
        ]
        never = torch.tensor(sorted({*tokenizer.non_speech_tokens, *special}), device=device)
        return cls(tokenizer.eot, tokenizer.timestamp_begin, tokenizer.encode(" ")[0], never)


@dataclass(slots=True)
class Grammar:
    """What each of ``rows`` sequences has written, as far as the rules ask. Arrays (rows,)."""

    rows: int
    timed: NDArray[np.bool_] = field(init=False)
    """It writes timestamps."""
    begun: NDArray[np.bool_] = field(init=False)
    ended_in_timestamp: NDArray[np.bool_] = field(init=False)
    """The last token is a timestamp."""
    paired: NDArray[np.bool_] = field(init=False)
    """The one before is a timestamp too, or there is none."""
    latest: NDArray[np.int64] = field(init=False)
    """The last timestamp's number, -1 for none."""

    def __post_init__(self) -> None:
        self.timed = np.ones(self.rows, np.bool_)
        self.begun = np.zeros(self.rows, np.bool_)
        self.ended_in_timestamp = np.zeros(self.rows, np.bool_)
        self.paired = np.ones(self.rows, np.bool_)
        self.latest = np.full(self.rows, -1, np.int64)

    def start(self, row: int, *, timed: bool) -> None:
        self.timed[row] = timed
        self.begun[row] = False
        self.ended_in_timestamp[row] = False
        self.paired[row] = True
        self.latest[row] = -1

    def move(self, source: NDArray[np.int64], to: NDArray[np.int64]) -> None:
        """Let the rows ``to`` be where ``source`` are."""
        for array in (self.timed, self.begun, self.ended_in_timestamp, self.paired, self.latest):
            array[to] = array[source]

    def note(self, rows: NDArray[np.int64], tokens: NDArray[np.int64], vocabulary: Vocabulary) -> None:
        """The sequences in ``rows`` go on with ``tokens``."""
        timestamps = tokens >= vocabulary.first_timestamp
        self.paired[rows] = np.where(self.begun[rows], self.ended_in_timestamp[rows], True)
        self.begun[rows] = True
        self.ended_in_timestamp[rows] = timestamps
        self.latest[rows] = np.where(timestamps, tokens - vocabulary.first_timestamp, self.latest[rows])


def restrict(logits: Tensor, grammar: Grammar, rows: NDArray[np.int64], vocabulary: Vocabulary) -> Tensor:
    """Set what the rules forbid to minus infinity, in place.

    ``logits``: (tokens, vocabulary), one for each of ``rows``. Gives log-sums (tokens,): what the allowed
    logits' exponentials add up to.
    """
    end, first = vocabulary.end, vocabulary.first_timestamp
    begun, after = grammar.begun[rows], grammar.ended_in_timestamp[rows]
    pair, latest = grammar.paired[rows], grammar.latest[rows]
    # A segment may not be empty; the second of a pair may repeat the first.
    low = np.where(after & ~pair, latest, latest + 1)
    high = np.where(begun, logits.shape[1] - first, round(FIRST_TIMESTAMP_BY_S * TIMESTAMPS_PER_S))
    high = np.where(begun & after & pair, -1, high)
    low = np.where(latest >= 0, low, 0)
    timed = grammar.timed[rows]
    low, high = np.where(timed, low, 0), np.where(timed, high, -1)
    no_words, no_end = timed & (~begun | (after & ~pair)), ~begun
    bounds = np.stack([low, high])
    opening = np.flatnonzero(~timed & ~begun)
    if opening.size:
        logits[torch.as_tensor(opening, device=logits.device), vocabulary.blank] = -torch.inf
    if logits.device.type != "cpu":
        return restrict_tensors(logits, vocabulary, bounds, no_words, no_end)
    sums = np.empty(len(rows), np.float32)
    restrict_rows(logits.numpy(), vocabulary.never.numpy(), bounds, no_words, no_end, end, first, sums)
    return torch.from_numpy(sums)


def restrict_tensors(
    logits: Tensor,
    vocabulary: Vocabulary,
    bounds: NDArray[np.int64],
    no_words: NDArray[np.bool_],
    no_end: NDArray[np.bool_],
) -> Tensor:
    """As rules_kernels.restrict_rows, on any device."""
    end, first = vocabulary.end, vocabulary.first_timestamp
    logits.index_fill_(1, vocabulary.never, -torch.inf)
    numbers = torch.arange(logits.shape[1] - first, device=logits.device)[None]
    low, high = torch.as_tensor(bounds, device=logits.device)[:, :, None]
    timestamps = logits[:, first:]
    timestamps.masked_fill_((numbers < low) | (numbers > high), -torch.inf)
    logits[torch.as_tensor(no_words, device=logits.device), :end] = -torch.inf
    logits[torch.as_tensor(no_end, device=logits.device), end:first] = -torch.inf
    text = logits[:, :first]
    timestamp_sum = timestamps.logsumexp(-1)
    text_sum = text.logsumexp(-1)
    # The chance of any timestamp, when greater than that of the likeliest word, decides for one.
    certain = timestamp_sum > text.amax(-1)
    text.masked_fill_(certain[:, None], -torch.inf)
    return torch.where(certain, timestamp_sum, torch.logaddexp(text_sum, timestamp_sum))


def choose(
    logits: Tensor,
    sums: Tensor,
    temperatures: NDArray[np.float32],
    seeds: Sequence[int],
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """The likeliest token of each row, or one drawn at its temperature; and its log-probability. Both (tokens,).

    Which one is drawn follows from the row's logits and its seed alone: ``seeds`` has one for each that is drawn.
    """
    drawn = logits
    hot = temperatures > 0
    if hot.any():
        at = torch.as_tensor(hot.nonzero()[0], device=logits.device)
        heat = torch.as_tensor(temperatures[hot], device=logits.device)
        # The largest of log-probabilities with Gumbel noise is a draw from them.
        noise = torch.empty_like(logits[at])
        for row, seed in zip(noise, seeds, strict=True):
            row.exponential_(generator=generator.manual_seed(seed))
        drawn = logits.index_copy(0, at, logits[at] / heat[:, None] - noise.log_())
    tokens = drawn.argmax(-1)
    return tokens, logits.gather(1, tokens[:, None])[:, 0] - sums
