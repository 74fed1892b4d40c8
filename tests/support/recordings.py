"""Hypothesis strategies for what the stages leave: parts with words, turns, whole merge inputs."""

from __future__ import annotations

from hypothesis import strategies as st

from polyvox.contracts import (
    Diarization,
    LanguageGuess,
    Options,
    PartSpan,
    PartWords,
    SpeechRegion,
    StageReport,
    Turn,
    Word,
)
from results_api.merge.merge_input import MergeInput
from tests.support.events import MEDIA_ID

PART_S = 60.0

latin = st.text("abcdeÉßzA", min_size=1, max_size=8).map(lambda text: f" {text}")
ended = st.builds(lambda text, mark: text + mark, latin, st.sampled_from([".", "?", "!", "…", ",", ' "', "</v>"]))
glued = st.sampled_from(["-five", ".5", ",000", "'s"])
east = st.text("他说你好、。さようなら", min_size=1, max_size=4)
texts = st.one_of(latin, ended, glued, east, st.just(" & <b>"), st.just(" -->"), st.just(" a" * 50))
times = st.floats(-1.0, PART_S + 1.0, allow_nan=False).map(lambda value: round(value, 2))
speakers = st.sampled_from(["S1", "S2", "S3"])


@st.composite
def turns(draw: st.DrawFn, end_s: float = 3 * PART_S, max_size: int = 20) -> list[Turn]:
    """Turns in any order; they may overlap, repeat and leave the recording."""
    starts = draw(st.lists(st.tuples(st.floats(-1.0, end_s), st.floats(0.0, 20.0), speakers), max_size=max_size))
    return [Turn(start_s=round(a, 2), end_s=round(a + length, 2), speaker=who) for a, length, who in starts]


@st.composite
def exclusive_turns(draw: st.DrawFn, max_size: int = 20) -> list[Turn]:
    """One speaker at a time, in order."""
    found, now_s = [], 0.0
    for pause_s, length_s, who in draw(
        st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.05, 15.0), speakers), max_size=max_size)
    ):
        found.append(Turn(start_s=now_s + pause_s, end_s=now_s + pause_s + length_s, speaker=who))
        now_s += pause_s + length_s
    return found


@st.composite
def words(draw: st.DrawFn, first_s: float = 0.0, max_size: int = 25) -> list[Word]:
    """Words as engines give them: mostly in order, some without length, reversed or out of place."""
    found, now_s = [], first_s
    for pause_s, length_s, text, stray in draw(
        st.lists(
            st.tuples(st.floats(0.0, 3.0), st.sampled_from([0.0, 0.02, 0.3, 1.0, -0.2]), texts, st.none() | times),
            max_size=max_size,
        )
    ):
        start_s = now_s + pause_s if stray is None or draw(st.integers(0, 9)) else first_s + stray
        found.append(Word(start_s=start_s, end_s=start_s + length_s, text=text, probability=0.5))
        now_s = max(now_s, now_s + pause_s + length_s)
    return found


@st.composite
def merge_inputs(draw: st.DrawFn) -> MergeInput:
    """A recording of up to three parts, any of which may be missing, with or without speakers."""
    count = draw(st.integers(0, 3))
    spans = [PartSpan(part=n, start_s=n * PART_S, end_s=(n + 1) * PART_S) for n in range(count)]
    parts = []
    for span in spans:
        if draw(st.integers(0, 4)) == 0:
            continue
        language = draw(st.sampled_from([None, "en", "de", "zh"]))
        parts.append(
            PartWords(
                media_id=MEDIA_ID,
                part=span.part,
                start_s=span.start_s,
                end_s=span.end_s,
                language=language,
                languages=[LanguageGuess(language=language, probability=0.9)] if language else [],
                words=draw(words(span.start_s)),
                speech=draw(st.sampled_from([[], [SpeechRegion(start_s=span.start_s + 1, end_s=span.end_s - 20)]])),
                engine="whisper",
                model="base",
            )
        )
    diarization = None
    if draw(st.booleans()):
        diarization = Diarization(
            media_id=MEDIA_ID,
            duration_s=count * PART_S,
            turns=draw(turns()),
            exclusive_turns=draw(exclusive_turns()),
            engine="pyannote",
            model="builtin",
        )
    return MergeInput(
        media_id=MEDIA_ID,
        duration_s=count * PART_S,
        parts=tuple(spans),
        words=tuple(parts),
        diarization=diarization,
        options=Options(),
        stages={
            "normalise": StageReport(status="done"),
            "transcribe": StageReport(status="done" if len(parts) == count else "failed"),
            "diarize": StageReport(status="done" if diarization else "failed", reason=None),
        },
    )
