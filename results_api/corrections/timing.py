"""When the words that a person wrote are said. Pure.

A word that the machine heard as well keeps its time and speaker; the others share the time of what they
replace, or what lies between their neighbours, by their letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from polyvox.contracts import TranscriptWord
from results_api.corrections.wording import Token, cut, key, matches, tokens
from results_api.merge.spoken import seconds


def timed(text: str, words: Sequence[TranscriptWord]) -> list[TranscriptWord]:
    """The words of ``text`` in the place of ``words``, which are in order and at least one."""
    written, heard = cut(text), tokens(words)
    found: list[TranscriptWord] = []
    seen_left = seen_right = 0
    common = matches([token.key for token in heard], [key(word) for word in written])
    for left, right, size in [*((one.left, one.right, one.size) for one in common), (len(heard), len(written), 0)]:
        found += _between(written[seen_right:right], heard, seen_left, left, words)
        found += [
            _heard(written[right + index], heard[left + index], words[heard[left + index].word])
            for index in range(size)
        ]
        seen_left, seen_right = left + size, right + size
    return found


def spread(text: str, start_s: float, end_s: float, *, speaker: str | None) -> list[TranscriptWord]:
    """The words of ``text`` over a stretch in which the machine heard nothing."""
    return _spread(cut(text), start_s, end_s, [(start_s, speaker, False)])


def _heard(text: str, token: Token, word: TranscriptWord) -> TranscriptWord:
    times = {"start": seconds(token.start_s), "end": seconds(token.end_s)}
    return word.model_copy(update={"word": text, "suspect": False, **times})


def _between(
    written: Sequence[str], heard: Sequence[Token], first: int, end: int, words: Sequence[TranscriptWord]
) -> list[TranscriptWord]:
    """What was written where numbers ``first`` up to ``end`` were heard, which may be nothing."""
    if not written:
        return []
    replaced = heard[first:end]
    if replaced:
        start_s, end_s = replaced[0].start_s, replaced[-1].end_s
    else:
        start_s = heard[first - 1].end_s if first else heard[0].start_s
        end_s = heard[end].start_s if end < len(heard) else heard[-1].end_s
    near = replaced or heard[max(first - 1, 0) : max(first, 1)]
    whose = [(token.start_s, words[token.word].speaker, words[token.word].overlap) for token in near]
    return _spread(written, start_s, max(start_s, end_s), whose)


def _spread(
    written: Sequence[str], start_s: float, end_s: float, whose: Sequence[tuple[float, str | None, bool]]
) -> list[TranscriptWord]:
    """``whose``: from when on who speaks, and whether somebody else does too."""
    letters = [len(word.strip()) for word in written]
    edges = [start_s + (end_s - start_s) * share / sum(letters) for share in accumulate(letters, initial=0)]
    found = []
    for word, from_s, to_s in zip(written, edges, edges[1:], strict=False):
        since = [one for one in whose if one[0] <= (from_s + to_s) / 2] or whose[:1]
        _, speaker, overlap = since[-1]
        found.append(
            TranscriptWord(
                word=word,
                start=seconds(from_s),
                end=seconds(to_s),
                probability=1.0,
                speaker=speaker,
                overlap=overlap,
                spread=True,
            )
        )
    return found
