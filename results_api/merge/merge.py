"""Joins words with speakers: the parts' words and the diarization become one transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from polyvox.contracts import PartWords, Transcript, TranscriptPart, Turn
from results_api.merge import coverage, doubts, languages, retakes, segments, speakers, timeline
from results_api.merge.attribution import assign
from results_api.merge.intervals import Interval
from results_api.merge.merge_input import MergeInput
from results_api.merge.spoken import SpokenWord, seconds
from results_api.merge.writing import join_texts

OPEN = ("pending", "running")


def merge(media: MergeInput) -> Transcript:
    """The transcript of what is there: with parts or speakers still awaited its status is ``processing``.

    Every word of every part appears exactly once, but what looks made up, unless it is wanted. The order in which
    parts and turns come makes no difference. Without a diarization words have no speaker (None).
    """
    parts = retakes.joined(timeline.in_order(media.words), media.retakes)
    keep = bool(media.options.keep_suspects)
    parts = doubts.brought_in(parts) if keep else parts
    words = timeline.lay_out(parts, media.duration_s, media.options.language)
    turns: list[Turn] = []
    if media.diarization is not None:
        turns = speakers.inside(media.diarization.turns or media.diarization.exclusive_turns, media.duration_s)
        exclusive = speakers.inside(media.diarization.exclusive_turns, media.duration_s)
        words = _attributed(words, exclusive, turns)
    speech = coverage.heard(media.diarization, parts, media.retakes)
    words = doubts.marked(words, parts, speech)
    gone = [not keep and away for away in doubts.left_out(words, parts, media.diarization)]
    suspects = doubts.listed(words, gone, parts, keep=keep)
    spoken = [(word.start_s, word.end_s) for word in words]
    words = [word for word, away in zip(words, gone, strict=True) if not away]
    built = segments.build(words)
    return Transcript(
        media_id=media.media_id,
        status=_status(media, parts),
        language=languages.dominant(parts, media.options.language),
        languages=languages.guesses(parts),
        duration=seconds(media.duration_s),
        text=join_texts(segment.text for segment in built),
        speakers=speakers.on_channels(speakers.speakers(turns, words, media.people), media.diarization),
        turns=speakers.published_turns(turns),
        segments=built,
        parts=[_written(part) for part in parts],
        coverage=coverage.with_retakes(
            coverage.audit(spoken, speech, _expected(media, parts)), media.diarization, parts, media.retakes
        ),
        suspects=suspects,
        stages=dict(media.stages),
        versions=dict(media.versions),
        warnings=_warnings(media, parts),
        metadata=dict(media.options.metadata),
    )


def _written(part: PartWords) -> TranscriptPart:
    return TranscriptPart(
        part=part.part,
        start=seconds(part.start_s),
        end=seconds(part.end_s),
        engine=part.engine,
        model=part.model,
        estimated=part.estimated,
    )


def _attributed(words: Sequence[SpokenWord], exclusive: Sequence[Turn], turns: Sequence[Turn]) -> list[SpokenWord]:
    found = assign(words, exclusive, turns)
    return [word._replace(speaker=who.speaker, overlap=who.overlap) for word, who in zip(words, found, strict=True)]


def _status(media: MergeInput, parts: Sequence[PartWords]) -> Literal["processing", "completed", "failed"]:
    status = {name: report.status for name, report in media.stages.items()}
    if status.get("normalise") == "failed" or (status.get("transcribe") == "failed" and not parts and media.parts):
        return "failed"
    awaited = _missing(media, parts) and status.get("transcribe") != "failed"
    unheard = status.get("diarize") == "done" and media.diarization is None
    return "processing" if awaited or unheard or any(name in OPEN for name in status.values()) else "completed"


def _missing(media: MergeInput, parts: Sequence[PartWords]) -> list[Interval]:
    """The parts without words, as (start, end) in seconds."""
    there = {part.part for part in parts}
    return sorted((span.start_s, span.end_s) for span in media.parts if span.part not in there)


def _expected(media: MergeInput, parts: Sequence[PartWords]) -> list[Interval]:
    """Where the audit looks: all but the parts whose words may still come; nowhere if no words were asked for."""
    if media.options.task == "detect":
        return []
    given_up = "transcribe" in media.stages and media.stages["transcribe"].status == "failed"
    there = [(part.start_s, part.end_s) for part in parts]
    return there + (_missing(media, parts) if given_up else [])


def _warnings(media: MergeInput, parts: Sequence[PartWords]) -> list[str]:
    warnings = list(media.warnings)
    if "transcribe" in media.stages and media.stages["transcribe"].status == "failed":
        for start_s, end_s in _missing(media, parts):
            warnings.append(f"There are no words from {start_s:.1f} s to {end_s:.1f} s: that part failed.")
    if media.diarization is not None:
        warnings += media.diarization.warnings
        missed = speakers.missed_wish(media.options, len({turn.speaker for turn in media.diarization.turns}))
        warnings += [missed] if missed else []
    return list(dict.fromkeys(warnings))
