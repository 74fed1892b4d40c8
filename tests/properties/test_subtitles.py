"""Subtitles: parse with somebody else's parser, hold all words in order, stay readable."""

from __future__ import annotations

import html
import io
import re
from itertools import combinations, pairwise

import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from polyvox.contracts import Transcript, TranscriptSegment, TranscriptSpeaker, TranscriptWord
from results_api.formats.cues import cues
from results_api.formats.lines import Row
from results_api.formats.render import rttm, text
from results_api.formats.style import Style, columns
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


styles = st.builds(
    Style,
    line_columns=st.one_of(st.none(), st.integers(20, 80)),
    lines=st.integers(1, 4),
    columns_per_s=st.floats(5, 60),
    min_s=st.floats(0, 3),
    max_s=st.floats(1, 15),
    speakers=st.booleans(),
    karaoke=st.booleans(),
)


@given(merge_inputs(), styles)
@settings(max_examples=40, deadline=None)
def test_srt_parses_and_holds_all_words_in_order(media: MergeInput, style: Style) -> None:
    merged = merge(media)
    written = srt(merged, style)
    assert bool(written) == bool(squeezed(merged.text))
    if written:
        captions = list(webvtt.WebVTT.from_buffer(io.StringIO(written), format="srt"))
        said = "".join(unlabelled(caption.raw_text) for caption in captions)
        assert squeezed(said).replace("-->", "->") == squeezed(merged.text).replace("-->", "->")
        assert not any("-->" in caption.raw_text for caption in captions)
        assert len(captions) == len(cues(merged, style, show_speakers=style.speakers))


@given(merge_inputs(), styles)
@settings(max_examples=40, deadline=None)
def test_vtt_parses_and_holds_all_words_and_speakers_in_order(media: MergeInput, style: Style) -> None:
    merged = merge(media)
    captions = list(webvtt.WebVTT.from_string(vtt(merged, style)))
    made = cues(merged, style)
    bare = [re.sub("<[^>]*>", "", caption.raw_text) for caption in captions]
    assert squeezed("".join(html.unescape(one) for one in bare)) == squeezed(merged.text)
    assert [caption.voice for caption in captions] == [cue.speaker if style.speakers else None for cue in made]


@given(merge_inputs(), styles)
@settings(max_examples=40, deadline=None)
def test_cues_keep_to_the_style_and_are_never_two_at_a_time(media: MergeInput, style: Style) -> None:
    merged = merge(media)
    width = style.columns_for(merged)
    for made in (cues(merged, style), cues(merged, style, show_speakers=True)):
        assert all(0 <= cue.start_ms < cue.end_ms <= cue.start_ms + style.max_s * 1000 + 1 for cue in made)
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(made))
        assert all(1 <= len(cue.lines) <= style.lines and all(cue.lines) for cue in made)
        assert all(columns(line) <= width for cue in made for line in cue.lines)


@given(merge_inputs(), styles)
@settings(max_examples=40, deadline=None)
def test_a_cue_is_short_or_fast_only_where_there_is_no_more_time(media: MergeInput, style: Style) -> None:
    merged = merge(media)
    made = cues(merged, style)
    limits = [cue.start_ms for cue in made[1:]] + [round(merged.duration * 1000)]
    for cue, limit in zip(made, limits, strict=False):
        lasts_ms = cue.end_ms - cue.start_ms
        width = columns("".join(cue.lines))
        if lasts_ms < style.min_ms or width / style.columns_per_s * 1000 > lasts_ms + 1:
            assert cue.end_ms >= limit or lasts_ms >= style.max_ms


@given(merge_inputs(), styles)
@settings(max_examples=40, deadline=None)
def test_no_word_is_alone_on_a_line_where_there_is_another_way(media: MergeInput, style: Style) -> None:
    merged = merge(media)
    width = style.columns_for(merged)
    for cue in cues(merged, style):
        said = [piece for line in cue.pieces for piece in line]
        if len(cue.pieces) < 2 or len(said) > 12 or all(len(line) > 1 for line in cue.pieces):
            continue
        row = Row(said)
        for count in range(2, style.lines + 1):
            for cuts in combinations(range(1, len(said)), count - 1):
                stretches = list(pairwise([0, *cuts, len(said)]))
                fits = all(row.columns(start, end) <= width for start, end in stretches)
                # As many lines as there are words leave each of them alone.
                assert not (fits and all(end - start > 1 for start, end in stretches))


@given(merge_inputs())
@settings(max_examples=40, deadline=None)
def test_karaoke_tells_the_words_in_order_within_their_cue(media: MergeInput) -> None:
    merged = merge(media)
    for caption in webvtt.WebVTT.from_string(vtt(merged, Style(karaoke=True))):
        stamps = re.findall(r"<(\d+:\d\d:\d\d\.\d{3})>", caption.raw_text)
        times = [caption.start, *stamps, caption.end]
        assert all(before < after for before, after in pairwise(times))


@given(merge_inputs())
@settings(max_examples=40, deadline=None)
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
    assert [[len(line) for line in cue.lines] for cue in made] == [[14, 14], [16, 16]]


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


def test_japanese_breaks_between_phrases_and_never_before_a_closing_mark() -> None:
    said = "今日は天気がとても良いので、公園まで散歩に出かけました。「桜はまだですか」と聞かれました。"
    merged = transcript((0, 10, said), speaker=None)
    assert [cue.lines for cue in cues(merged)] == [
        ("今日は天気がとても良いので、", "公園まで散歩に出かけました。"),
        ("「桜はまだですか」", "と聞かれました。"),
    ]


def test_lines_from_right_to_left_say_so() -> None:
    merged = transcript((0, 1, " مرحبا"), (1, 2, " بكم،"), (2, 3, " GPT"), (3, 4, " الجديد."))
    assert srt(merged).splitlines()[2] == "\u202bSpeaker 1: مرحبا بكم، GPT الجديد.\u202c"
    assert "<v Speaker 1>&rlm;مرحبا بكم، GPT الجديد.</v>" in vtt(merged)


def test_a_word_too_short_to_be_seen_shares_the_cue_of_its_neighbour() -> None:
    merged = transcript((0.0, 0.2, " Yes."), (0.2, 0.5, " I"), (0.5, 0.9, " know"), (0.9, 2.0, " him."), speaker=None)
    assert [cue.lines for cue in cues(merged)] == [("Yes. I know him.",)]
    slow = transcript((0.0, 1.0, " Yes."), (1.5, 1.9, " I"), (1.9, 2.5, " know"), (2.5, 3.5, " him."), speaker=None)
    assert [cue.lines for cue in cues(slow)] == [("Yes.",), ("I know him.",)]


def test_a_sentence_leaves_no_word_alone() -> None:
    words = "but nobody had ever told the old people in the little village by the sea about the great storm yesterday"
    spoken = [(n * 0.3, n * 0.3 + 0.3, f" {word}") for n, word in enumerate(words.split())]
    made = cues(transcript(*spoken, speaker=None))
    assert all(len(line.split()) > 1 for cue in made for line in cue.lines)


def test_karaoke_has_the_time_of_each_word() -> None:
    merged = transcript((1, 1.5, " Hello"), (1.5, 2, " <there>"), (2, 2.5, ","), speaker=None, duration=4)
    (caption,) = webvtt.WebVTT.from_string(vtt(merged, Style(karaoke=True)))
    assert caption.raw_text == "Hello <00:00:01.500>&lt;there&gt;<00:00:02.000>,"


def test_a_long_name_leaves_room_for_what_is_said() -> None:
    merged = transcript((0, 1, " Hello"), (1, 2, " there."))
    named = merged.model_copy(update={"speakers": [TranscriptSpeaker(id="S1", label="N" * 60, speech=1.0)]})
    assert srt(named).splitlines()[2] == f"{'N' * 18}…: Hello there."
