"""When each token was said: cross-attention of the heads that follow time, and the cheapest way through it.

The method is openai-whisper's (timing.py), with two differences. The scores are those of the decoding itself,
so that nothing runs twice; and timestamps take part, so that pauses belong to them and not to words.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, no-untyped-def, misc"

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from transcriber.engines.whisper.alignment_kernels import emphasise
from transcriber.engines.whisper.compiled import kernel
from transcriber.engines.whisper.hypothesis import Hypothesis
from transcriber.words import Aligned

POSITIONS_PER_S = 50

_EXCHANGES = ((0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4))
"""After these exchanges of seven values the fourth is the middle one."""


def emphasised(scores: Tensor) -> Tensor:
    """What to follow: scores (heads, tokens, positions) before softmax to (tokens, positions), higher is likelier."""
    if scores.device.type == "cpu":
        likely = np.zeros(tuple(scores.shape[1:]), np.float32)
        emphasise(scores.float().contiguous().numpy(), likely)
        return torch.from_numpy(likely)
    return emphasised_tensors(scores)


def emphasised_tensors(scores: Tensor) -> Tensor:
    """As ``emphasised``, on any device."""
    weights = scores.softmax(-1)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    return median_of_seven((weights - mean) / deviation.clamp_min(1e-9)).mean(0)


def median_of_seven(x: Tensor) -> Tensor:
    """Median filter of width 7 along the last dimension, mirrored at the ends."""
    length = x.shape[-1]
    if length <= 3:
        return x
    padded = functional.pad(x, (3, 3), mode="reflect")
    values = [padded[..., shift : shift + length] for shift in range(7)]
    for low, high in _EXCHANGES:
        values[low], values[high] = torch.minimum(values[low], values[high]), torch.maximum(values[low], values[high])
    return values[3]


@kernel(fastmath=False)
def first_positions(likely: NDArray[np.float32]) -> NDArray[np.int64]:
    """Dynamic time warping: where in time each token begins, on the likeliest way from the first to the last.

    ``likely``: (tokens, positions). Gives (tokens,), never decreasing.
    """
    tokens, positions = likely.shape
    infinite = np.float32(np.inf)
    before = np.full(positions + 1, infinite, np.float32)
    before[0] = 0.0
    came = np.zeros((tokens, positions), np.uint8)
    for i in range(tokens):
        here = np.full(positions + 1, infinite, np.float32)
        for j in range(positions):
            both, down, right = before[j], before[j + 1], here[j]
            if both < down and both < right:
                cost, way = both, 0
            elif down < both and down < right:
                cost, way = down, 1
            else:
                cost, way = right, 2
            here[j + 1] = cost - likely[i, j]
            came[i, j] = way
        before = here
    begins = np.zeros(tokens, np.int64)
    i, j = tokens - 1, positions - 1
    while i > 0 and j >= 0:
        way = came[i, j]
        if way == 2 and j == 0:
            way = 1
        if way != 2:
            begins[i] = j
            i -= 1
        if way != 1:
            j -= 1
    return begins


def align(
    hypothesis: Hypothesis,
    begins: Sequence[int],
    *,
    positions: int,
    first_special: int,
    split: Callable[[list[int]], tuple[list[str], list[list[int]]]],
) -> list[Aligned]:
    """Words with their times.

    Args:
        begins: for each token and the end, at which position it begins.
        positions: how many there are.
        split: text tokens to words and the tokens of each (openai-whisper's Tokenizer.split_to_word_tokens).
    """
    text = [(index, token) for index, token in enumerate(hypothesis.tokens) if token < first_special]
    words, parts = split([token for _, token in text])
    ends = [*begins[1:], positions]
    chances = np.exp(hypothesis.logprobs)
    aligned = []
    at = 0
    for word, part in zip(words, parts, strict=True):
        columns = [index for index, _ in text[at : at + len(part)]]
        at += len(part)
        if columns:
            chance = float(chances[columns].mean())
            start_s, end_s = begins[columns[0]] / POSITIONS_PER_S, ends[columns[-1]] / POSITIONS_PER_S
            aligned.append(Aligned(word, start_s, end_s, chance, len(part)))
    return aligned
