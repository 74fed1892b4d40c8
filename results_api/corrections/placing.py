"""Where in a transcript a correction belongs, whose words may have changed since it was made. Pure.

It belongs where the words are that it replaced, at about their time; or those that it brought. Where others are
heard, it is the utterance that counts: if theirs begins and ends when it did, what a person said of it stands, and so
where nothing is heard any more. A removal wants the very words that were removed. Otherwise it has no place.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from polyvox.contracts import TranscriptSegment, TranscriptWord
from results_api.corrections import timing
from results_api.corrections.wording import keys, matches, normalised, tokens
from results_api.merge.spoken import seconds

SAME_S = 0.05
"""Times of one and the same segment."""
NEAR_S = 0.3
"""Word times of different engines and models are off by some tenths of a second."""
FAR_S = 2.0
"""How much farther than that words are looked for, where engines disagree about a pause."""
BORDER_S = 0.5
"""How exactly utterances must begin and end with each other to be the same."""
ALIKE = 0.5
"""The least share of words in common (Dice) of texts that are taken for the same."""
SURELY = 0.8
"""A share that makes looking any farther needless."""


@dataclass(frozen=True, slots=True)
class Edit:
    """``known``: what the transcript may say there: what was replaced, also by corrections before this one."""

    correction: str
    start_s: float
    end_s: float
    known: tuple[str, ...]
    after: str

    def shares(self, other: Edit) -> bool:
        """Whether the two are about the same stretch, at least half of the shorter."""
        shorter_s = min(self.end_s - self.start_s, other.end_s - other.start_s)
        common_s = min(self.end_s, other.end_s) - max(self.start_s, other.start_s)
        return common_s >= shorter_s / 2 and common_s >= 0


@dataclass(frozen=True, slots=True)
class Held:
    """A segment, and which edit made it what it is."""

    segment: TranscriptSegment
    edit: Edit | None = None


@dataclass(slots=True)
class _Stretch:
    """Segments that may have to do with an edit. ``words``: (segment, index in it) of each word in order."""

    held: Sequence[Held]
    edit: Edit
    words: list[tuple[int, int]] = field(init=False)
    said: list[TranscriptWord] = field(init=False)

    def __post_init__(self) -> None:
        self.words = [(n, index) for n, one in enumerate(self.held) for index in range(len(one.segment.words))]
        self.said = [self.held[n].segment.words[index] for n, index in self.words]

    def is_open(self, place: int) -> bool:
        """Whether a word may be replaced: what other corrections brought may not."""
        by = self.held[self.words[place][0]].edit
        return by is None or by.shares(self.edit)

    def begins(self, place: int) -> bool:
        """Whether a segment begins with that word."""
        return self.words[place][1] == 0

    def ends(self, place: int) -> bool:
        return place + 1 == len(self.words) or self.begins(place + 1)

    def within(self, slack_s: float) -> list[int]:
        """Open words whose middle lies in the edit's stretch, or so near to it."""
        low_s, high_s = self.edit.start_s - slack_s, self.edit.end_s + slack_s
        return [n for n, word in enumerate(self.said) if low_s <= _middle(word) <= high_s and self.is_open(n)]


def place(held: Sequence[Held], edit: Edit, speaks: Callable[[float, float], str | None]) -> list[Held] | None:
    """The segments, in order, with ``edit`` made; None where it has no place.

    ``speaks`` says who speaks most from one second to another, where no word tells.
    """
    low = bisect_left(held, edit.start_s - FAR_S - NEAR_S, key=lambda one: one.segment.end)
    high = max(low, bisect_right(held, edit.end_s + FAR_S + NEAR_S, key=lambda one: one.segment.start))
    stretch = _Stretch(held[low:high], edit)
    run = _run(stretch)
    if run is not None:
        made = _replaced(stretch, *run)
    elif any(edit.start_s <= _middle(word) <= edit.end_s for word in stretch.said):
        return None
    else:
        made = _inserted(stretch, speaks) if edit.after else list(stretch.held)
    return [*held[:low], *made, *held[high:]]


def _run(stretch: _Stretch) -> tuple[int, int] | None:
    """The words to replace, first and last; None where there are none."""
    edit = stretch.edit
    same = _same(stretch)
    if same is not None:
        return _unbroken(stretch, *same)
    texts = [*edit.known, edit.after] if edit.after else list(edit.known)
    best, alike = None, 0.0
    for slack_s in (NEAR_S, NEAR_S + FAR_S):
        window = stretch.within(slack_s)
        for text in texts:
            found = _alike(stretch, window, text)
            if found is not None and found[1] > alike:
                best, alike = found
        if alike >= SURELY:
            break
    if best is not None and alike >= ALIKE:
        return _unbroken(stretch, *best)
    inside = stretch.within(0.0)
    if not inside or not edit.after:
        return None
    first, last = inside[0], inside[-1]
    begins = stretch.begins(first) and abs(stretch.said[first].start - edit.start_s) <= BORDER_S
    ends = stretch.ends(last) and abs(stretch.said[last].end - edit.end_s) <= BORDER_S
    return _unbroken(stretch, first, last) if begins and ends else None


def _same(stretch: _Stretch) -> tuple[int, int] | None:
    """The words of the very segment that was corrected, should it be as it was."""
    edit, found = stretch.edit, list[tuple[float, int]]()
    for n, one in enumerate(stretch.held):
        off_s = (abs(one.segment.start - edit.start_s), abs(one.segment.end - edit.end_s))
        if max(off_s) <= SAME_S and one.segment.words and normalised(one.segment.text) in edit.known:
            found.append((sum(off_s), n))
    if not found:
        return None
    _, nearest = min(found)
    places = [place for place, (of, _) in enumerate(stretch.words) if of == nearest]
    return places[0], places[-1]


def _alike(stretch: _Stretch, window: Sequence[int], text: str) -> tuple[tuple[int, int], float] | None:
    """The words that are most like ``text``, and how much."""
    wanted = keys(text)
    heard = tokens([stretch.said[place] for place in window])
    blocks = matches(wanted, [token.key for token in heard])
    low_s, high_s = stretch.edit.start_s - NEAR_S, stretch.edit.end_s + NEAR_S

    def is_stray(block: int) -> bool:
        token = heard[blocks[block].right]
        return blocks[block].size == 1 and not low_s <= (token.start_s + token.end_s) / 2 <= high_s

    # A lone "the" far away has nothing to do with it.
    while len(blocks) > 1 and is_stray(0):
        blocks = blocks[1:]
    while len(blocks) > 1 and is_stray(-1):
        blocks = blocks[:-1]
    if not blocks:
        return None
    first = window[heard[blocks[0].right].word]
    last = window[heard[blocks[-1].right + blocks[-1].size - 1].word]
    if stretch.edit.after:
        inside = stretch.within(0.0)
        first, last = min([first, *inside[:1]]), max([last, *inside[-1:]])
    among = sum(1 for token in heard if first <= window[token.word] <= last)
    return (first, last), 2 * sum(block.size for block in blocks) / (len(wanted) + among)


def _unbroken(stretch: _Stretch, first: int, last: int) -> tuple[int, int] | None:
    """None where something between the two may not be replaced."""
    return (first, last) if all(stretch.is_open(place) for place in range(first, last + 1)) else None


def _replaced(stretch: _Stretch, first: int, last: int) -> list[Held]:
    (begin, skipped), (end, kept) = stretch.words[first], stretch.words[last]
    before, after = stretch.held[begin], stretch.held[end]
    made = [*stretch.held[:begin], *_rest(before, before.segment.words[:skipped])]
    if stretch.edit.after:
        words = timing.timed(stretch.edit.after, stretch.said[first : last + 1])
        made += _segments(words, before.segment.language, stretch.edit)
    return [*made, *_rest(after, after.segment.words[kept + 1 :]), *stretch.held[end + 1 :]]


def _inserted(stretch: _Stretch, speaks: Callable[[float, float], str | None]) -> list[Held]:
    edit, said = stretch.edit, stretch.said
    at = sum(1 for word in said if _middle(word) < edit.start_s)
    start_s = max(edit.start_s, said[at - 1].end) if at else edit.start_s
    end_s = min(edit.end_s, said[at].start) if at < len(said) else edit.end_s
    words = timing.spread(edit.after, start_s, max(start_s, end_s), speaker=speaks(edit.start_s, edit.end_s))
    near, index = stretch.words[at] if at < len(said) else (len(stretch.held), 0)
    language = stretch.held[max(near - 1, 0)].segment.language if stretch.held else None
    made = [*stretch.held[:near]]
    if index:
        made += _rest(stretch.held[near], stretch.held[near].segment.words[:index])
    made += _segments(words, language, edit)
    if index:
        made += _rest(stretch.held[near], stretch.held[near].segment.words[index:])
    return [*made, *stretch.held[near + bool(index) :]]


def _rest(held: Held, words: Sequence[TranscriptWord]) -> list[Held]:
    """What is left of a segment."""
    if not words:
        return []
    times = {"start": words[0].start, "end": max(word.end for word in words)}
    change = {"words": list(words), "text": _text(words), **times}
    return [Held(held.segment.model_copy(update=change), held.edit)]


def _segments(words: Sequence[TranscriptWord], language: str | None, edit: Edit) -> list[Held]:
    """One for each speaker in a row."""
    runs: list[list[TranscriptWord]] = []
    for word in words:
        if not runs or runs[-1][-1].speaker != word.speaker:
            runs.append([])
        runs[-1].append(word)
    return [Held(_segment(run, language, edit.correction), edit) for run in runs]


def _segment(words: Sequence[TranscriptWord], language: str | None, correction: str) -> TranscriptSegment:
    spoken_s = sum(word.end - word.start for word in words)
    several_s = sum(word.end - word.start for word in words if word.overlap)
    return TranscriptSegment(
        id=0,
        start=words[0].start,
        end=seconds(max(word.end for word in words)),
        text=_text(words),
        speaker=words[0].speaker,
        language=language,
        overlap=several_s > 0 and several_s >= spoken_s / 2,
        words=list(words),
        correction=correction,
    )


def _text(words: Sequence[TranscriptWord]) -> str:
    return "".join(word.word for word in words).strip()


def _middle(word: TranscriptWord) -> float:
    return (word.start + word.end) / 2
