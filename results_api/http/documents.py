"""What the API answers about recordings, as pydantic models. Pure."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from polyvox.contracts import Options, SourceInfo, Stage, StageFailed, StageReport
from results_api.database.recording import Recording, Status
from results_api.database.rows import Summary
from results_api.view.progress import eta_s
from results_api.view.stages import PartState, part_states, stage_reports


class Failure(BaseModel):
    """Why there is no transcript. ``reason`` is for people, ``code`` for programs."""

    stage: Stage
    part: int | None = None
    code: str
    reason: str


class Links(BaseModel):
    """Paths on this server; null where there is nothing (yet)."""

    self: str
    transcript: str
    events: str
    audio: str | None = None
    peaks: str | None = None


class MediaItem(BaseModel):
    """One recording in a list."""

    media_id: str
    status: Status = Field(description="queued, processing, completed, failed or deleted")
    progress: float = Field(description="0 to 1", ge=0, le=1)
    filename: str | None = None
    language: str | None = None
    duration_s: float | None = Field(None, description="Seconds of audio; null until it is decoded.")
    metadata: dict[str, str] = Field(default_factory=dict, description="As given with the upload.")
    created_at: datetime | None = Field(None, description="When the upload was accepted.")
    updated_at: datetime
    ended_at: datetime | None = Field(None, description="When its last stage ended, or it was deleted.")
    failure: Failure | None = None
    audio_removed_at: datetime | None = Field(None, description="Since when its audio is gone; its result stays.")
    links: Links


class MediaDocument(MediaItem):
    """One recording with all that is known about how it fares."""

    eta_s: float | None = Field(None, description="Seconds until the transcript is there; null when unknown.")
    options: Options
    stages: dict[str, StageReport] = Field(description="normalise, transcribe and diarize")
    parts: list[PartState] = Field(description="The pieces that are transcribed one by one.")
    version: int | None = Field(None, description="Which result this is; it grows when a recording is done again.")
    source: SourceInfo | None = None
    lost_s: float = Field(0.0, description="Seconds that the file promised and that could not be decoded.")
    warnings: list[str] = []
    removed_because: str | None = Field(
        None, description="Why it, or its audio, was removed: retention (by age); null: somebody asked for it."
    )


class MediaPage(BaseModel):
    """``next_cursor`` null: there are no more."""

    items: list[MediaItem]
    next_cursor: str | None = None


def document(recording: Recording, now: datetime, *, typical_s_per_audio_s: float | None = None) -> MediaDocument:
    """``typical_s_per_audio_s``: what recent recordings took, for an estimate before anything is done."""
    view, ready = recording.shown, recording.view.ready
    outcome = recording.outcome
    left_s = 0.0 if recording.is_final else eta_s(view, now, typical_s_per_audio_s=typical_s_per_audio_s)
    return MediaDocument(
        media_id=recording.media_id,
        status=recording.status,
        progress=round(recording.progress, 4),
        eta_s=None if left_s is None else round(left_s, 1),
        filename=recording.filename,
        language=recording.language,
        duration_s=view.duration_s,
        metadata=view.options.metadata,
        created_at=recording.created_at,
        updated_at=recording.updated_at,
        ended_at=view.deleted_at or (outcome.ended_at if outcome else None),
        failure=_failure(recording.failure),
        options=view.options,
        stages={} if view.deleted_at else stage_reports(view),
        parts=part_states(view),
        version=outcome.version if outcome else None,
        source=ready.data.source if ready else None,
        lost_s=ready.data.lost_s if ready else 0.0,
        warnings=ready.data.warnings if ready else [],
        audio_removed_at=view.audio_removed_at,
        removed_because=view.deleted_because or view.audio_removed_because,
        links=_links(recording.media_id, has_audio=ready is not None and view.audio_removed_at is None),
    )


def item(summary: Summary) -> MediaItem:
    return MediaItem(
        media_id=summary.media_id,
        status=summary.status,
        progress=round(summary.progress, 4),
        filename=summary.filename,
        language=summary.language,
        duration_s=summary.duration_s,
        metadata=summary.metadata,
        created_at=summary.created_at,
        updated_at=summary.updated_at,
        ended_at=summary.ended_at,
        failure=_failure(summary.failure),
        audio_removed_at=summary.audio_removed_at,
        links=_links(summary.media_id, has_audio=summary.duration_s is not None and summary.audio_removed_at is None),
    )


def _failure(failed: StageFailed | None) -> Failure | None:
    if failed is None:
        return None
    return Failure(stage=failed.stage, part=failed.part, code=failed.code, reason=failed.reason)


def _links(media_id: str, *, has_audio: bool) -> Links:
    here = f"/v1/media/{media_id}"
    return Links(
        self=here,
        transcript=f"{here}/transcript",
        events=f"{here}/events",
        audio=f"{here}/audio" if has_audio else None,
        peaks=f"{here}/peaks" if has_audio else None,
    )
