"""Which gaps of a transcript are worth a second attempt, and what to ask the transcriber for. Pure."""

from __future__ import annotations

from polyvox import keys
from polyvox.contracts import (
    AudioSlice,
    Coverage,
    CoverageGap,
    PartSpan,
    PartTranscribed,
    RetakeReady,
    SpeechRegion,
)
from polyvox.flac_frames import HEADER_BYTES
from results_api.database.recording import owner
from results_api.merge.intervals import Interval, intersect, subtract, union
from results_api.view import retakes
from results_api.view.view import RecordingView

SPEECH_FROM = 0.2
"""The probability from which the second attempt takes a sound for speech; the first began at 0.5."""


def retakes_of(view: RecordingView, coverage: Coverage, *, version: int, gap_s: float) -> list[RetakeReady]:
    """What to ask for: one retake for each part with gaps longer than ``gap_s`` that were not listened to twice.

    The same view and the same gaps give the same retakes, whenever and how often that is asked.
    """
    if view.ready is None or view.audio_removed_at is not None:
        return []
    gaps = union((gap.start, gap.end) for gap in coverage.gaps)
    found = []
    for span in view.ready.data.parts:
        told = view.transcribed.get(span.part)
        # Earlier versions did not note where a part's audio lies; a part that failed is replayed as a whole.
        if told is None or span.start_byte is None or span.end_byte is None:
            continue
        asked = [
            (stretch.start_s, stretch.end_s)
            for retake in retakes.asked(view)
            if retake.part == span.part
            for stretch in retake.stretches
        ]
        new = subtract(intersect(gaps, [(span.start_s, span.end_s)]), union(asked))
        worth = [interval for interval in new if interval[1] - interval[0] > gap_s]
        if worth:
            found.append(_retake(view, span, told.data, worth, version))
    batch = sorted(retake.retake for retake in found)
    return [retake.model_copy(update={"batch": batch}) for retake in found]


def coverage_gap(view: RecordingView, coverage: Coverage, *, version: int) -> CoverageGap | None:
    """What to tell of the gaps that remain; None where there are none."""
    if not coverage.gaps:
        return None
    return CoverageGap(
        **owner(view),
        media_id=view.media_id,
        version=version,
        speech_s=coverage.speech,
        covered_s=coverage.covered,
        gaps=[SpeechRegion(start_s=gap.start, end_s=gap.end) for gap in coverage.gaps],
        retaken_s=round(sum(stretch.end - stretch.start for stretch in coverage.retaken), 3),
    )


def _retake(
    view: RecordingView, span: PartSpan, first: PartTranscribed, stretches: list[Interval], version: int
) -> RetakeReady:
    assert view.ready is not None
    assert span.start_byte is not None
    assert span.end_byte is not None
    ready = view.ready.data
    mix = next((track for track in ready.tracks if track.channel is None), ready.tracks[0])
    name = keys.options_hash(
        {"part": span.part, "words": first.words_key, "stretches": stretches, "speech_from": SPEECH_FROM}
    )
    return RetakeReady(
        **owner(view),
        media_id=view.media_id,
        retake=name,
        batch=[name],
        version=version,
        part=span.part,
        part_count=len(ready.parts),
        start_s=span.start_s,
        end_s=span.end_s,
        audio=AudioSlice(key=mix.key, header_bytes=HEADER_BYTES, start_byte=span.start_byte, end_byte=span.end_byte),
        words_key=first.words_key,
        stretches=[SpeechRegion(start_s=start_s, end_s=end_s) for start_s, end_s in stretches],
        speech_from=SPEECH_FROM,
        language=first.language,
        # As the words were made, whatever the default has become meanwhile.
        options=view.options.model_copy(update={"engine": first.engine, "model": first.model}),
    )
