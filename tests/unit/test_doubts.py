"""What transcribers suspect is left out of transcripts and listed with its reason; by option it comes in."""

from __future__ import annotations

from polyvox.contracts import (
    Diarization,
    Options,
    PartSpan,
    PartWords,
    SpeechRegion,
    SuspectWords,
    Transcript,
    Turn,
    Word,
)
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput


def said(text: str, start_s: float, probability: float = 0.9) -> list[Word]:
    return [
        Word(start_s=start_s + n, end_s=start_s + n + 0.8, text=f" {word}", probability=probability)
        for n, word in enumerate(text.split())
    ]


def suspect(text: str, start_s: float, reason: str = "stock") -> SuspectWords:
    words = said(text, start_s, 0.3)
    return SuspectWords(start_s=start_s, end_s=words[-1].end_s, text=text, reason=reason, words=words)


def merged(
    words: list[Word],
    *suspects: SuspectWords,
    heard: tuple[float, float] = (0.0, 60.0),
    turn: tuple[float, float] | None = None,
    keep: bool | None = None,
) -> Transcript:
    part = PartWords(
        media_id="one",
        part=0,
        start_s=0.0,
        end_s=60.0,
        words=words,
        suspects=list(suspects),
        speech=[SpeechRegion(start_s=heard[0], end_s=heard[1])],
        engine="ctranslate2",
        model="base",
    )
    diarization = turn and Diarization(
        media_id="one",
        duration_s=60.0,
        turns=[Turn(start_s=turn[0], end_s=turn[1], speaker="A")],
        engine="pyannote",
        model="builtin",
    )
    options = Options(keep_suspects=keep)
    span = (PartSpan(part=0, start_s=0.0, end_s=60.0),)
    return merge(MergeInput("one", 60.0, span, (part,), diarization or None, options=options))


def listed(transcript: Transcript) -> list[tuple[str, str, bool]]:
    return [(one.text, one.reason, one.left_out) for one in transcript.suspects]


def test_what_the_transcriber_suspects_is_left_out_and_listed() -> None:
    found = merged(said("Good morning.", 1.0), suspect("Thank you.", 30.0))
    assert found.text == "Good morning."
    assert listed(found) == [("Thank you.", "stock", True)]
    assert (found.suspects[0].start, found.suspects[0].end) == (30.0, 31.8)


def test_by_option_it_comes_in_at_its_place_with_its_reason() -> None:
    words = [*said("Good morning.", 1.0), *said("Good night.", 50.0)]
    found = merged(words, suspect("Thank you.", 30.0), keep=True)
    assert found.text == "Good morning. Thank you. Good night."
    assert listed(found) == [("Thank you.", "stock", False)]
    flagged = [word.word for segment in found.segments for word in segment.words if word.reason == "stock"]
    assert flagged == [" Thank", " you."]


def test_what_another_word_took_the_place_of_does_not_come_in() -> None:
    found = merged(said("one two three", 30.0), suspect("no no no no", 30.1, "loop"), keep=True)
    assert found.text == "one two three no"


def test_words_of_artifacts_from_before_stay_and_say_why() -> None:
    old = SuspectWords(start_s=30.0, end_s=31.8, text="Thank you.", reason="doubt")
    found = merged([*said("Good morning.", 1.0), *said("Thank you.", 30.0)], old)
    assert found.text == "Good morning. Thank you."
    assert listed(found) == [("Thank you.", "doubt", False)]
    assert [word.reason for segment in found.segments for word in segment.words] == [None, None, "doubt", "doubt"]


def test_where_the_diarizer_alone_heard_nobody_likely_words_stay() -> None:
    words = [*said("Good morning.", 1.0), *said("Yes.", 30.0, 0.9)]
    found = merged(words, turn=(0.5, 4.0))
    assert found.text == "Good morning. Yes."
    assert listed(found) == [("Yes.", "outside-speech", False)]
    assert found.coverage.words_outside_speech == 1


def test_unlikely_words_where_nobody_was_heard_are_left_out() -> None:
    words = [*said("Good morning.", 1.0), *said("Thanks for watching!", 30.0, 0.3)]
    found = merged(words, turn=(0.5, 4.0))
    assert found.text == "Good morning."
    assert listed(found) == [("Thanks for watching!", "outside-speech", True)]
    assert found.coverage.words_outside_speech == 3
    assert "Thanks" in merged(words, turn=(0.5, 4.0), keep=True).text


def test_what_neither_detector_heard_is_left_out_however_likely() -> None:
    words = [*said("Good morning.", 1.0), *said("Yes.", 30.0, 0.9)]
    assert merged(words, turn=(0.5, 4.0), heard=(0.5, 4.0)).text == "Good morning."
    # Without a diarizer that is one witness, not two.
    assert merged(words, heard=(0.5, 4.0)).text == "Good morning. Yes."


def test_speech_of_which_no_word_is_believed_is_a_gap() -> None:
    loop = suspect("no no no no no", 30.0, "loop")
    words = said("Good morning.", 1.0)

    def gaps(heard: tuple[float, float], turn: tuple[float, float] | None = None, *, keep: bool = False) -> list[float]:
        found = merged(words, loop, heard=heard, turn=turn, keep=keep)
        return [round(gap.end - gap.start, 1) for gap in found.coverage.gaps if gap.end > 29]

    # Somebody is heard, and what they say is not there: worth listening again, and to be told of if that does not help.
    assert gaps((0.5, 35.0), (29.5, 34.5)) == gaps((29.5, 34.5)) == [5.0]
    assert gaps((29.5, 34.5), keep=True) == []
    # What was made up where nobody was heard leaves nothing out.
    assert gaps((0.5, 3.5), (0.5, 3.5)) == gaps((0.5, 3.5)) == []


def test_each_word_may_say_its_own_language() -> None:
    words = said("Guten Morgen, ich bin es.", 1.0) + [
        word.model_copy(update={"language": "en"}) for word in said("Good morning.", 30.0)
    ]
    part = PartWords(
        media_id="one", part=0, start_s=0.0, end_s=60.0, language="de", words=words, engine="ctranslate2", model="base"
    )
    found = merge(MergeInput("one", 60.0, (PartSpan(part=0, start_s=0.0, end_s=60.0),), (part,)))
    assert found.language == "de"
    assert [(segment.language, segment.text) for segment in found.segments] == [
        ("de", "Guten Morgen, ich bin es."),
        ("en", "Good morning."),
    ]
