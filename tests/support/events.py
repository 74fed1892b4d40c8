"""Envelopes of one recording's events, at chosen times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from polyvox.contracts import (
    AudioRemoved,
    AudioSlice,
    AudioTrack,
    DiarizationProgressed,
    Envelope,
    Fact,
    MediaDeleted,
    MediaDiarized,
    MediaReady,
    MediaUploaded,
    Options,
    PartSpan,
    PartTranscribed,
    ReplayedStage,
    ReplayRequested,
    RetakeReady,
    RetakeTranscribed,
    SourceInfo,
    SpeechRegion,
    Stage,
    StageFailed,
    TranscriptCorrected,
    wrap,
)
from polyvox.contracts.media_uploaded import StoredObject

MEDIA_ID = "rec-00000001"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(data: Fact, second: float = 0.0) -> Envelope[Any]:
    """The event of ``data``, told ``second`` seconds after START."""
    return wrap(data, source="/tests", time=START + timedelta(seconds=second))


def uploaded(second: float = 0.0, **options: Any) -> Envelope[Any]:
    original = StoredObject(key=f"media/{MEDIA_ID}/original", size_bytes=1000)
    moment = START + timedelta(seconds=second)
    fact = MediaUploaded(
        media_id=MEDIA_ID, tenant="acme", original=original, uploaded_at=moment, options=Options(**options)
    )
    return at(fact, second)


def ready(second: float = 1.0, *, parts: int = 2, part_s: float = 600.0, **options: Any) -> Envelope[Any]:
    spans = [PartSpan(part=n, start_s=n * part_s, end_s=(n + 1) * part_s) for n in range(parts)]
    fact = MediaReady(
        media_id=MEDIA_ID,
        duration_s=parts * part_s,
        tracks=[AudioTrack(key=f"media/{MEDIA_ID}/audio.flac", size_bytes=500)],
        peaks_key=f"media/{MEDIA_ID}/peaks.json",
        parts=spans,
        source=SourceInfo(container="wav", codec="pcm_s16le", sample_rate_hz=16000, channels=1),
        options=Options(**options),
    )
    return at(fact, second)


def transcribed(part: int, second: float = 2.0, *, options_hash: str = "a" * 12, parts: int = 2) -> Envelope[Any]:
    fact = PartTranscribed(
        media_id=MEDIA_ID,
        part=part,
        part_count=parts,
        words_key=f"media/{MEDIA_ID}/parts/{part:05d}/words-{options_hash}.json",
        options_hash=options_hash,
        engine="ctranslate2",
        model="base",
        word_count=3,
        audio_s=600.0,
        processing_s=1.5,
    )
    return at(fact, second)


def diarized(second: float = 3.0, *, options_hash: str = "b" * 12) -> Envelope[Any]:
    fact = MediaDiarized(
        media_id=MEDIA_ID,
        diarization_key=f"media/{MEDIA_ID}/diarization-{options_hash}.json",
        options_hash=options_hash,
        engine="pyannote",
        model="builtin",
        speaker_count=2,
        audio_s=1200.0,
    )
    return at(fact, second)


def listened(heard_s: float, second: float = 2.5) -> Envelope[Any]:
    return at(DiarizationProgressed(media_id=MEDIA_ID, options_hash="b" * 12, heard_s=heard_s, audio_s=1200.0), second)


def failed(stage: Stage, second: float = 2.0, *, part: int | None = None, reason: str = "It broke.") -> Envelope[Any]:
    return at(StageFailed(media_id=MEDIA_ID, stage=stage, part=part, code="broken", reason=reason), second)


def retake_ready(
    part: int,
    second: float = 5.0,
    *,
    retake: str = "retake-1",
    batch: Sequence[str] = (),
    options_hash: str = "a" * 12,
    stretches: Sequence[tuple[float, float]] = ((10.0, 20.0),),
) -> Envelope[Any]:
    fact = RetakeReady(
        media_id=MEDIA_ID,
        tenant="acme",
        retake=retake,
        batch=list(batch) or [retake],
        version=1,
        part=part,
        part_count=2,
        start_s=part * 600.0,
        end_s=(part + 1) * 600.0,
        audio=AudioSlice(key=f"media/{MEDIA_ID}/audio.flac", header_bytes=42, start_byte=42, end_byte=100),
        words_key=f"media/{MEDIA_ID}/parts/{part:05d}/words-{options_hash}.json",
        stretches=[SpeechRegion(start_s=start_s, end_s=end_s) for start_s, end_s in stretches],
        speech_from=0.2,
    )
    return at(fact, second)


def retake_transcribed(part: int, second: float = 6.0, *, retake: str = "retake-1", words: int = 3) -> Envelope[Any]:
    fact = RetakeTranscribed(
        media_id=MEDIA_ID,
        tenant="acme",
        retake=retake,
        part=part,
        words_key=f"media/{MEDIA_ID}/parts/{part:05d}/retake-{retake}.json",
        engine="ctranslate2",
        model="base",
        word_count=words,
        audio_s=10.0,
        speech_s=8.0,
    )
    return at(fact, second)


def retake_failed(part: int, second: float = 6.0, *, retake: str = "retake-1") -> Envelope[Any]:
    reason = "It broke."
    return at(
        StageFailed(media_id=MEDIA_ID, stage="transcribe", part=part, code="broken", reason=reason, retake=retake),
        second,
    )


def corrected(number: int, second: float = 6.0, *, takes_back: int | None = None) -> Envelope[Any]:
    """Correction ``number``, or its taking back of another."""
    name = f"{number:026d}"
    fact = TranscriptCorrected(
        media_id=MEDIA_ID,
        tenant="acme",
        correction=name,
        correction_key=None if takes_back is not None else f"media/{MEDIA_ID}/corrections/{name}.json",
        takes_back=f"{takes_back:026d}" if takes_back is not None else None,
        version=1,
        corrected_at=START + timedelta(seconds=second),
    )
    return at(fact, second)


def deleted(second: float = 4.0) -> Envelope[Any]:
    return at(MediaDeleted(media_id=MEDIA_ID, deleted_at=START + timedelta(seconds=second)), second)


def audio_removed(second: float = 4.0, *, reason: str | None = None) -> Envelope[Any]:
    return at(AudioRemoved(media_id=MEDIA_ID, removed_at=START + timedelta(seconds=second), reason=reason), second)


def replay_requested(
    stage: ReplayedStage, second: float = 10.0, *, replay: str = "replay-1", **options: Any
) -> Envelope[Any]:
    fact = ReplayRequested(
        media_id=MEDIA_ID,
        tenant="acme",
        lane="bulk",
        replay=replay,
        stage=stage,
        options=Options(**options),
        requested_at=START + timedelta(seconds=second),
    )
    return at(fact, second)


def in_replay(event: Envelope[Any], replay: str = "replay-1") -> Envelope[Any]:
    """The same told on behalf of a replay."""
    again = event.data.model_copy(update={"replay": replay, "lane": "bulk"})
    return wrap(again, source=event.source, time=event.time)
