"""Gives the words of a text the times of words that were told apart from it. Pure.

OpenAI's times come with bare words, without the punctuation that its text has, and servers differ in what
they take for a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from transcriber.engines.openai.answers import SaidWord
from transcriber.engines.openai.spreading import spread
from transcriber.engines.openai.texts import letters, split_words
from transcriber.speech import Region


def matched(words: Sequence[str], said: Sequence[SaidWord]) -> list[Region]:
    """(start, end) for each of ``words``: those of the ``said`` ones that they are.

    Words that were not told share the time between their neighbours.

    Args:
        said: in order; at least one.
    """
    atoms: list[tuple[str, Region]] = []
    for one in said:
        pieces = split_words(one.word)
        times = spread(pieces, [(one.start, max(one.start, one.end))])
        atoms += zip(map(letters, pieces), times, strict=True)
    if not atoms:
        return spread(words, [(said[0].start, max(said[0].start, said[-1].end))])
    matcher = SequenceMatcher(None, [letters(word) for word in words], [text for text, _ in atoms], autojunk=False)
    found: list[Region] = []
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind == "equal":
            found += [times for _, times in atoms[other_first:other_last]]
        elif first < last:
            start_s = atoms[other_first][1][0] if other_first < other_last else found[-1][1] if found else 0.0
            after_s = atoms[other_last][1][0] if other_last < len(atoms) else atoms[-1][1][1]
            end_s = atoms[other_last - 1][1][1] if other_first < other_last else after_s
            found += spread(words[first:last], [(start_s, max(start_s, end_s))])
    return found
