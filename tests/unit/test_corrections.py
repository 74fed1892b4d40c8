"""Where corrections go when words and speakers are others than those they were made on."""

from __future__ import annotations

import pytest

from results_api.corrections.applying import corrected
from results_api.corrections.timing import timed
from results_api.corrections.wording import cut
from tests.support.corrected import correction, said_after, sentence, texts, transcript

HEARD = transcript(
    sentence("Hello eye scream today.", 0.0),
    sentence("Yes.", 3.0, "S2"),
    sentence("We meet mister Mayor on Monday.", 4.0),
    sentence("Thank you for watching.", 10.0),
)
PUT_RIGHT = correction(HEARD, {0: "Hello ice cream today.", 2: "We meet Mr Meyer on Monday."})
NOBODY_SAID = correction(HEARD, {3: ""})


def test_on_the_same_words_only_what_was_corrected_changes() -> None:
    made = corrected(HEARD, [PUT_RIGHT, NOBODY_SAID])
    assert texts(made) == ["Hello ice cream today.", "Yes.", "We meet Mr Meyer on Monday."]
    assert [one.correction for one in made.segments] == ["c1", None, "c1"]
    assert made.segments[1] == HEARD.segments[1]
    assert made.text == "Hello ice cream today. Yes. We meet Mr Meyer on Monday."
    assert corrected(HEARD, []) is HEARD


def test_words_that_were_heard_keep_their_times_and_others_share_what_they_replace() -> None:
    words = timed("Hello, my ice cream today", HEARD.segments[0].words)
    assert [(word.word, word.start, word.end, bool(word.spread)) for word in words] == [
        (" Hello,", 0.0, 0.4, False),
        (" my", 0.5, 0.68, True),
        (" ice", 0.68, 0.95, True),
        (" cream", 0.95, 1.4, True),
        (" today", 1.5, 1.9, False),
    ]
    assert [word.probability for word in words] == [0.5, 1.0, 1.0, 1.0, 0.5]
    more = timed("Well hello eye scream today then", HEARD.segments[0].words)
    assert (more[0].start, more[0].end, more[0].spread) == (0.0, 0.0, True)
    assert (more[-1].start, more[-1].end, more[-1].spread) == (1.9, 1.9, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's  3.14,\n“really”.", [" It's", " 3.14,", " “really”."]),
        ("東京で会う。", ["東", "京", "で", "会", "う。"]),
        ("Go to 東京 now", [" Go", " to", " 東", "京", " now"]),
        ("", []),
    ],
)
def test_text_is_cut_as_engines_cut_it(text: str, words: list[str]) -> None:
    assert cut(text) == words


def test_corrections_find_the_new_words_of_a_replay() -> None:
    other_model = transcript(
        sentence("Hello I scream today.", 0.1),
        sentence("Yes.", 3.1, "S2"),
        sentence("We meet Mister Mayer, on Monday. Thank you.", 4.2),
    )
    assert said_after(other_model, PUT_RIGHT) == [
        "Hello ice cream today.",
        "Yes.",
        "We meet Mr Meyer on Monday.",
        "Thank you.",
    ]


def test_a_machine_that_hears_it_right_by_now_changes_nothing_about_it() -> None:
    right = transcript(sentence("Hello ice cream today.", 0.0), sentence("We meet Mr Meyer on Monday.", 4.0))
    assert said_after(right, PUT_RIGHT) == texts(right)


def test_what_a_person_said_of_a_stretch_stands_whatever_the_machine_hears_in_it() -> None:
    other_words = transcript(sentence("Yellow highs clean two days.", 0.0, word_s=0.4), sentence("Yes.", 3.0))
    assert said_after(other_words, correction(HEARD, {0: "Hello ice cream today."})) == [
        "Hello ice cream today.",
        "Yes.",
    ]
    nothing_heard = transcript(sentence("Yes.", 3.0, "S2"), turns=[(0.0, 2.5, "S1"), (3.0, 3.5, "S2")])
    made = corrected(nothing_heard, [correction(HEARD, {0: "Hello ice cream today."})])
    assert [(one.text, one.speaker) for one in made.segments] == [("Hello ice cream today.", "S1"), ("Yes.", "S2")]
    assert all(word.spread for word in made.segments[0].words)


def test_what_does_not_fit_is_kept_and_reported() -> None:
    story = "A long story about nobody whom anybody here ever knew or would be glad to meet."
    elsewhere = transcript(sentence(story, 0.0, word_s=0.8))
    made = corrected(elsewhere, [PUT_RIGHT, NOBODY_SAID])
    assert texts(made) == texts(elsewhere)
    assert [(one.reason, one.start, one.before, one.after) for one in made.unplaced] == [
        ("other-words", 0.0, "Hello eye scream today.", "Hello ice cream today."),
        ("other-words", 4.0, "We meet mister Mayor on Monday.", "We meet Mr Meyer on Monday."),
        ("other-words", 10.0, "Thank you for watching.", ""),
    ]


def test_a_removal_takes_only_what_was_removed() -> None:
    again = transcript(sentence("Thank you for watching.", 10.3), sentence("Goodbye.", 13.0))
    assert said_after(again, NOBODY_SAID) == ["Goodbye."]
    gone = transcript(sentence("Goodbye.", 13.0))
    assert said_after(gone, NOBODY_SAID) == ["Goodbye."]
    something_else = transcript(sentence("Mind the gap now.", 10.0))
    made = corrected(something_else, [NOBODY_SAID])
    assert (texts(made), [one.after for one in made.unplaced]) == (["Mind the gap now."], [""])


def test_later_corrections_of_a_stretch_go_before_earlier_ones_wherever_they_are_placed() -> None:
    once = correction(HEARD, {0: "Hello ice dream today."})
    twice = correction(corrected(HEARD, [once]), {0: "Hello ice cream, today!"}, id="c2")
    assert said_after(HEARD, once, twice)[0] == "Hello ice cream, today!"
    replayed = transcript(sentence("Hello eye stream today.", 0.2))
    assert said_after(replayed, once, twice) == ["Hello ice cream, today!"]
    # The earlier one taken back, the later one still stands.
    assert said_after(HEARD, twice)[0] == "Hello ice cream, today!"
    nowhere = transcript(sentence("A long story about nobody whom anybody here ever knew.", 1.0, word_s=1.0))
    assert [one.correction for one in corrected(nowhere, [once, twice]).unplaced] == ["c2"]


def test_neighbours_that_say_the_same_are_told_apart_by_their_times() -> None:
    yes = transcript(*(sentence("Yes.", float(at), f"S{at % 2 + 1}") for at in range(5)))
    made = said_after(yes, correction(yes, {1: "Yes!"}), correction(yes, {3: "Yeah."}, id="c2"))
    assert made == ["Yes.", "Yes!", "Yes.", "Yeah.", "Yes."]
    later = transcript(*(sentence("Yes.", at + 0.2, f"S{at % 2 + 1}") for at in range(5)))
    assert said_after(later, correction(yes, {1: "Yes!", 3: "Yeah."})) == made


def test_corrected_words_are_parted_where_speakers_are_by_now() -> None:
    told_apart = transcript(
        sentence("Hello eye", 0.0, "S1"), sentence("scream today.", 1.0, "S2"), sentence("Yes.", 3.0, "S1")
    )
    made = corrected(told_apart, [correction(HEARD, {0: "Hello ice cream today."})])
    assert [(one.text, one.speaker) for one in made.segments] == [
        ("Hello ice", "S1"),
        ("cream today.", "S2"),
        ("Yes.", "S1"),
    ]


def test_characters_of_scripts_without_spaces_keep_their_times() -> None:
    heard = sentence("東京", 0.0, word_s=1.0)
    chinese = heard.model_copy(
        update={"words": [heard.words[0].model_copy(update={"word": "東京都民", "end": 0.8})], "text": "東京都民"}
    )
    made = corrected(transcript(chinese), [correction(transcript(chinese), {0: "東京市民。"})])
    assert [(word.word, word.start, bool(word.spread)) for word in made.segments[0].words] == [
        ("東", 0.0, False),
        ("京", 0.2, False),
        ("市", 0.4, True),
        ("民。", 0.6, False),
    ]
    assert made.segments[0].text == "東京市民。"


def test_names_follow_whoever_speaks_at_those_times() -> None:
    two = transcript(sentence("One two three four.", 0.0, "S1"), sentence("Five six seven eight.", 5.0, "S2"))
    names = correction(two, speakers={"Speaker 1": "Ada", "S2": "Ben"})
    swapped = transcript(sentence("One two three four.", 0.0, "S2"), sentence("Five six seven eight.", 5.0, "S1"))
    made = corrected(swapped, [names])
    assert {one.id: (one.label, one.name) for one in made.speakers} == {"S1": ("Ben", "Ben"), "S2": ("Ada", "Ada")}
    renamed = correction(made, speakers={"Ada": "Ada Example"}, id="c2")
    both = corrected(two, [names, renamed])
    assert ([one.label for one in both.speakers], both.unplaced) == (["Ada Example", "Ben"], [])
    nameless = corrected(two, [names, correction(made, speakers={"Ada": None}, id="c2")])
    assert [(one.label, one.name) for one in nameless.speakers] == [("Speaker 1", None), ("Ben", "Ben")]


def test_a_name_without_a_speaker_is_kept_and_reported() -> None:
    two = transcript(sentence("One two three four five.", 0.0, "S1"), sentence("Six seven.", 5.0, "S2"))
    names = correction(two, speakers={"S1": "Ada", "S2": "Ben"})
    merged = transcript(sentence("One two three four five six seven.", 0.0), turns=[(0.0, 6.0, "S1")])
    one = corrected(merged, [names])
    assert [speaker.label for speaker in one.speakers] == ["Ada"]
    assert [(left.reason, left.name) for left in one.unplaced] == [("no-such-speaker", "Ben")]
    nobody = corrected(transcript(sentence("One two.", 0.0, None)), [names], lost=["c0"])
    assert [(left.correction, left.reason) for left in nobody.unplaced] == [
        ("c1", "no-such-speaker"),
        ("c1", "no-such-speaker"),
        ("c0", "lost"),
    ]
