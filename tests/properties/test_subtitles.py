"""Subtitles: parse with somebody else's parser, hold all words in order, stay readable."""

from __future__ import annotations

import html
import io
import re
from itertools import pairwise

import webvtt
from hypothesis import given, settings

from polyvox.contracts import Transcript, TranscriptSegment, TranscriptSpeaker, TranscriptWord
from results_api.formats.cues import LINE_COLUMNS, MAX_CUE_S, cues
from results_api.formats.render import rttm, text
from results_api.formats.subtitles import srt, vtt
from results_api.merge.merge import merge
from results_api.merge.merge_input import MergeInput
from tests.support.events import MEDIA_ID
from tests.support.recordings import merge_inputs


def squeezed(text: str) -> str:
    return "".join(text.split())


def unlabelled(text: str) -> str:
    return re.sub(r"^(Speaker \d+|Unknown): ", "", text)


def transcript(*words: tuple[float, float, str], speaker: str | None = "S1", duration: float = 60.0) -> Transcript:
    """One segment of (start, end, word)."""
    spoken = [TranscriptWord(word=word, start=start, end=end, probability=1) for start, end, word in words]
    said = "".join(word.word for word in spoken).strip()
    segment = TranscriptSegment(id=0, start=words[0][0], end=words[-1][1], text=said, speaker=speaker, words=spoken)
    known = [TranscriptSpeaker(id=speaker, label="Speaker 1", speech=1.0)] if speaker else []
    return Transcript(
        media_id=MEDIA_ID, status="completed", duration=duration, text=said, segments=[segment], speakers=known
    )


@given(merge_inputs())
@settings(max_examples=60)
def test_srt_parses_and_holds_all_words_in_order(media: MergeInput) -> None:
    merged = merge(media)
    written = srt(merged)
    assert bool(written) == bool(squeezed(merged.text))
    if written:
        captions = list(webvtt.WebVTT.from_buffer(io.StringIO(written), format="srt"))
        said = "".join(unlabelled(caption.raw_text) for caption in captions)
        assert squeezed(said) == squeezed(merged.text).replace("-->", "->")
        assert len(captions) == len(cues(merged, show_speakers=True))


@given(merge_inputs())
@settings(max_examples=60)
def test_vtt_parses_and_holds_all_words_and_speakers_in_order(media: MergeInput) -> None:
    merged = merge(media)
    captions = list(webvtt.WebVTT.from_string(vtt(merged)))
    made = cues(merged)
    bare = [re.sub("<[^>]*>", "", caption.raw_text) for caption in captions]
    assert squeezed("".join(html.unescape(one) for one in bare)) == squeezed(merged.text)
    assert [caption.voice for caption in captions] == [cue.speaker for cue in made]


@given(merge_inputs())
def test_cues_are_readable_and_never_two_at_a_time(media: MergeInput) -> None:
    merged = merge(media)
    for made in (cues(merged), cues(merged, show_speakers=True)):
        assert all(0 <= cue.start_ms < cue.end_ms <= cue.start_ms + MAX_CUE_S * 1000 for cue in made)
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(made))
        assert all(1 <= len(cue.lines) <= 2 and all(cue.lines) for cue in made)
        assert all(len(line) <= LINE_COLUMNS for cue in made for line in cue.lines)


@given(merge_inputs())
@settings(max_examples=60)
def test_plain_text_holds_all_words_and_rttm_all_turns(media: MergeInput) -> None:
    merged = merge(media)
    said = [re.sub(r"^\[[\d:.]+ - [\d:.]+\] ", "", line) for line in text(merged).splitlines()]
    assert squeezed("".join(unlabelled(line) for line in said)) == squeezed(merged.text)
    fields = [line.split() for line in rttm(merged).splitlines()]
    assert [(float(f[3]), f[7]) for f in fields] == [(turn.start, turn.speaker) for turn in merged.turns]
    assert {len(f) for f in fields} <= {10}


def test_markup_in_words_stays_text() -> None:
    merged = transcript((0, 1, " a"), (1, 2, " <b>"), (2, 3, " &"), (3, 4, " -->"), (4, 5, " 12"))
    (caption,) = webvtt.WebVTT.from_string(vtt(merged))
    assert caption.raw_text == "<v Speaker 1>a &lt;b&gt; &amp; --&gt; 12</v>"
    assert srt(merged) == "1\n00:00:00,000 --> 00:00:05,000\nSpeaker 1: a <b> & -> 12\n"


def test_hours_may_have_three_digits() -> None:
    merged = transcript((360_000.5, 360_001.5, " late"), speaker=None, duration=360_010)
    assert srt(merged) == "1\n100:00:00,500 --> 100:00:01,500\nlate\n"
    assert "100:00:00.500 --> 100:00:01.500\nlate\n" in vtt(merged)


def test_scripts_without_spaces_fill_lines_by_their_width() -> None:
    merged = transcript(*((n * 0.1, n * 0.1 + 0.1, "字") for n in range(60)), speaker=None)
    made = cues(merged)
    assert [[len(line) for line in cue.lines] for cue in made] == [[21, 21], [18]]


def test_lines_are_of_even_width_and_cues_end_with_clauses() -> None:
    sentence = "we walked down to the old harbour in the morning, and nobody was there but the gulls and the wind"
    merged = transcript(
        *((n * 0.2, n * 0.2 + 0.2, f" {word}") for n, word in enumerate(sentence.split())), speaker=None
    )
    assert [cue.lines for cue in cues(merged)] == [
        ("we walked down to the old", "harbour in the morning,"),
        ("and nobody was there but", "the gulls and the wind"),
    ]


def test_short_words_stay_long_enough_to_read_where_there_is_time() -> None:
    merged = transcript((1.0, 1.0, " Yes."), speaker=None, duration=10)
    assert [(cue.start_ms, cue.end_ms) for cue in cues(merged)] == [(1000, 2000)]
