"""Corrections of any transcript: exact on the words they were made on, and never lost on others."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from polyvox.contracts import Transcript
from results_api.corrections.applying import corrected
from results_api.corrections.timing import timed
from results_api.corrections.wording import cut, normalised
from results_api.merge.merge import merge
from tests.support.corrected import correction, sentence, texts, transcript
from tests.support.recordings import merge_inputs

vocabulary = st.sampled_from(
    ["yes", "no", "never", "ice", "cream", "Ada", "we", "meet", "Zürich.", "today?", "東京", "は"]
)
written = st.lists(vocabulary, max_size=8).map(" ".join)


@st.composite
def dialogues(draw: st.DrawFn) -> Transcript:
    """Sentences of two speakers, pauses between them."""
    segments, now_s = [], 0.0
    for text, pause_s, who in draw(
        st.lists(st.tuples(written.filter(bool), st.floats(0.3, 2.0), st.sampled_from(["S1", "S2"])), max_size=8)
    ):
        segments.append(sentence(text, round(now_s + pause_s, 2), who))
        now_s = segments[-1].end
    return transcript(*segments)


transcripts = st.one_of(dialogues(), merge_inputs().map(merge))


@st.composite
def edits(draw: st.DrawFn, of: Transcript) -> dict[int, str]:
    """Something else for some of the segments."""
    chosen = draw(st.sets(st.sampled_from([segment.id for segment in of.segments]), min_size=1, max_size=4))
    wanted: dict[int, str] = {}
    for id in chosen:
        text = draw(written)
        # Saying the same again would be no correction.
        wanted[id] = text if text != normalised(of.segments[id].text) else f"{text} indeed"
    return wanted


def is_in_order(made: Transcript) -> bool:
    starts = [(segment.start, segment.end) for segment in made.segments]
    words = [word for segment in made.segments for word in segment.words]
    return (
        [segment.id for segment in made.segments] == list(range(len(made.segments)))
        and all(before[0] <= after[0] for before, after in pairwise(starts))
        and all(before.start <= after.start for before, after in pairwise(words))
        and all(word.start <= word.end for word in words)
        and all("".join(word.word for word in segment.words).strip() == segment.text for segment in made.segments)
    )


@settings(max_examples=40, deadline=None)
@given(st.data(), transcripts)
def test_on_their_own_words_corrections_do_what_they_say_and_nothing_else(
    data: st.DataObject, heard: Transcript
) -> None:
    assume(heard.segments)
    # Two segments that say the same at the same moment cannot be told apart.
    assume(len({(one.start, one.end, normalised(one.text)) for one in heard.segments}) == len(heard.segments))
    wanted = data.draw(edits(heard))
    made = corrected(heard, [correction(heard, wanted)])
    expected = [normalised(wanted.get(one.id, one.text)) for one in heard.segments]
    assert [normalised(text) for text in texts(made)] == [text for text in expected if text]
    assert made.unplaced == []
    assert (made.turns, made.coverage) == (heard.turns, heard.coverage)
    assert corrected(heard, [correction(heard, wanted)]) == made


@settings(max_examples=40, deadline=None)
@given(st.data(), dialogues(), dialogues())
def test_on_any_other_words_every_correction_is_there_or_reported(
    data: st.DataObject, heard: Transcript, replayed: Transcript
) -> None:
    assume(heard.segments)
    first = correction(heard, data.draw(edits(heard)))
    seen = corrected(heard, [first])
    made_on = [first]
    if seen.segments:
        made_on.append(correction(seen, data.draw(edits(seen)), id="c2"))
    made = corrected(replayed, made_on)
    assert is_in_order(made)
    reported = [(one.start, one.end, one.before) for one in made.unplaced]
    for number, told in enumerate(made_on):
        replaced = {(one.start, one.before) for later in made_on[number + 1 :] for one in later.segments}
        for one in told.segments:
            if (one.start, one.end, one.before) in reported or any(one.after == before for _, before in replaced):
                continue
            said = "".join(
                word.word for part in made.segments if part.correction == told.correction for word in part.words
            )
            assert normalised("".join(cut(one.after))) in normalised(said), one
    untouched = [part.text for part in made.segments if part.correction is None]
    assert set(" ".join(untouched).split()) <= set(replayed.text.split())


@given(written, st.lists(vocabulary, min_size=1, max_size=8).map(" ".join))
def test_words_of_a_person_fill_the_time_of_what_they_replace(after: str, before: str) -> None:
    words = sentence(before, 1.0).words
    made = timed(after, words)
    assert "".join(word.word for word in made).strip() == after
    assert all(1.0 <= word.start <= word.end <= words[-1].end for word in made)
    assert all(left.end <= right.start for left, right in pairwise(made))
