"""Cuts the words of a recording into segments: what people read as one utterance."""

from __future__ import annotations

from collections.abc import Sequence

from polyvox.contracts import TranscriptSegment
from results_api.merge.spoken import SpokenWord, seconds
from results_api.merge.writing import continues, ends_clause, ends_sentence

PAUSE_S = 0.8
"""A silence that ends an utterance even inside a sentence."""

MAX_S = 30.0
MAX_CHARACTERS = 400
"""Speech without punctuation is cut here at the latest: a screenful to read, half a minute to play."""


def build(words: Sequence[SpokenWord]) -> list[TranscriptSegment]:
    """Segments in order, ids from 0; every word lies in exactly one, in order.

    They break where the speaker or the language changes, at ends of sentences, at pauses, and
    before they get too long; only the last of these may part a word from its glued rest.
    """
    segments: list[list[SpokenWord]] = []
    for word in words:
        if not segments or _breaks(segments[-1][-1], word):
            segments.append([])
        segments[-1].append(word)
    short = [piece for segment in segments for piece in _shorten(segment)]
    return [_segment(number, segment) for number, segment in enumerate(short)]


def _breaks(before: SpokenWord, word: SpokenWord) -> bool:
    if before.speaker != word.speaker or before.language != word.language:
        return True
    if word.start_s - before.end_s > PAUSE_S:
        return True
    return not continues(word.text) and ends_sentence(before.text, word.text, before.language)


def _shorten(words: Sequence[SpokenWord]) -> list[Sequence[SpokenWord]]:
    """Cuts what is too long, at the end of a clause where the second half of a piece has one."""
    pieces: list[Sequence[SpokenWord]] = []
    first, length = 0, 0
    index = 0
    while index < len(words):
        length += len(words[index].text)
        too_long = length > MAX_CHARACTERS or words[index].end_s - words[first].start_s > MAX_S
        if too_long and index > first:
            cut = _best_cut(words, first, index)
            pieces.append(words[first:cut])
            first = index = cut
            length = 0
        else:
            index += 1
    return [*pieces, words[first:]]


def _best_cut(words: Sequence[SpokenWord], first: int, end: int) -> int:
    """Where to cut ``words[first:end]``: after the last clause of its second half, else at its end."""
    for cut in range(end, first + (end - first) // 2, -1):
        if ends_clause(words[cut - 1].text) and not (cut < len(words) and continues(words[cut].text)):
            return cut
    for cut in range(end, first + (end - first) // 2, -1):
        if not continues(words[cut].text):
            return cut
    return end


def _segment(number: int, words: Sequence[SpokenWord]) -> TranscriptSegment:
    spoken_s = sum(word.end_s - word.start_s for word in words)
    several_s = sum(word.end_s - word.start_s for word in words if word.overlap)
    return TranscriptSegment(
        id=number,
        start=seconds(words[0].start_s),
        end=seconds(max(word.end_s for word in words)),
        text="".join(word.text for word in words).strip(),
        speaker=words[0].speaker,
        language=words[0].language,
        overlap=several_s > 0 and several_s >= spoken_s / 2,
        words=[word.published() for word in words],
    )
