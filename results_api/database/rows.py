"""Recordings and plans as rows of their tables, and back. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from polyvox.contracts import StageFailed
from results_api.database.recording import Outcome, Plan, Recording, Status
from results_api.view.view import RecordingView
from results_api.view.waiting import waiting

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST = TypeAdapter(dict[str, StageFailed])


@dataclass(frozen=True, slots=True)
class Summary:
    """A recording as lists show it, from indexed columns alone."""

    media_id: str
    revision: int
    status: Status
    progress: float
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    filename: str | None
    language: str | None
    duration_s: float | None
    metadata: dict[str, str]
    failure: StageFailed | None
    audio_removed_at: datetime | None


SUMMARY_COLUMNS = [
    "media_id",
    "revision",
    "status",
    "progress",
    "created_at_us",
    "updated_at_us",
    "ended_at_us",
    "filename",
    "language",
    "duration_s",
    "labels",
    "failure",
    "audio_removed_at_us",
]


def row_of(recording: Recording) -> dict[str, Any]:
    view, outcome, failure = recording.view, recording.outcome, recording.failure
    return {
        "media_id": recording.media_id,
        "revision": recording.revision,
        "view": view.model_dump_json(exclude_none=True),
        "outcome": outcome.model_dump_json(exclude_none=True) if outcome else None,
        "planned_version": recording.planned_version,
        "planned_basis": recording.planned_basis,
        "removed": recording.removed,
        "tenant": view.owner.tenant if view.owner else "default",
        "status": recording.status,
        "progress": recording.progress,
        "created_at_us": _us_or_none(recording.created_at),
        "updated_at_us": to_us(recording.updated_at),
        "ended_at_us": _us_or_none(view.deleted_at or (outcome.ended_at if outcome else None)),
        "filename": recording.filename,
        "filename_folded": recording.filename.casefold() if recording.filename else None,
        "language": recording.language,
        "duration_s": view.duration_s,
        "labels": json.dumps(view.options.metadata, ensure_ascii=False),
        "failure": failure.model_dump_json() if failure else None,
        "audio_removed_at_us": _us_or_none(view.audio_removed_at),
        "lane": view.owner.lane if view.owner else "interactive",
        **waiting(view)._asdict(),
    }


def recording_of(row: Mapping[str, Any]) -> Recording:
    return Recording(
        media_id=row["media_id"],
        view=RecordingView.model_validate_json(row["view"]),
        updated_at=from_us(row["updated_at_us"]),
        revision=row["revision"],
        created_at=_time_or_none(row["created_at_us"]),
        planned_version=row["planned_version"],
        planned_basis=row["planned_basis"],
        outcome=Outcome.model_validate_json(row["outcome"]) if row["outcome"] else None,
        removed=row["removed"],
    )


def summary_of(row: Mapping[str, Any]) -> Summary:
    return Summary(
        media_id=row["media_id"],
        revision=row["revision"],
        status=row["status"],
        progress=row["progress"],
        created_at=from_us(row["created_at_us"]),
        updated_at=from_us(row["updated_at_us"]),
        ended_at=_time_or_none(row["ended_at_us"]),
        filename=row["filename"],
        language=row["language"],
        duration_s=row["duration_s"],
        metadata=json.loads(row["labels"]),
        failure=StageFailed.model_validate_json(row["failure"]) if row["failure"] else None,
        audio_removed_at=_time_or_none(row["audio_removed_at_us"]),
    )


def row_of_plan(recording: Recording) -> dict[str, Any]:
    """The plan that ``recording`` was just given."""
    return {
        "media_id": recording.media_id,
        "version": recording.planned_version,
        "basis": recording.planned_basis,
        "view": recording.current.model_dump_json(exclude_none=True),
        "lost": "{}",
        "planned_at_us": to_us(recording.updated_at),
    }


def plan_of(row: Mapping[str, Any]) -> Plan:
    return Plan(
        version=row["version"],
        basis=row["basis"],
        view=RecordingView.model_validate_json(row["view"]),
        lost=_LOST.validate_json(row["lost"]),
    )


def lost_json(lost: Mapping[str, StageFailed]) -> str:
    return _LOST.dump_json(dict(lost)).decode()


def label_digest(key: str, value: str) -> str:
    """What a metadata entry is found by."""
    return hashlib.sha256(json.dumps([key, value]).encode()).hexdigest()


def label_rows(recording: Recording) -> list[dict[str, str]]:
    entries = recording.view.options.metadata.items()
    return [{"digest": label_digest(key, value), "media_id": recording.media_id} for key, value in entries]


def to_us(time: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_us(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _us_or_none(time: datetime | None) -> int | None:
    return None if time is None else to_us(time)


def _time_or_none(time_us: int | None) -> datetime | None:
    return None if time_us is None else from_us(time_us)
