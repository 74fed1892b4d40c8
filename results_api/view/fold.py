"""Folds the events of one recording into its view, in whatever order and however often they come.

Every slot of the view is a maximum over the events that name it, a deletion is the top of
everything: the fold is a join in a semilattice, hence commutative, associative and
idempotent. Two different messages for one slot (a part transcribed again with another
engine) are ordered by event time, then id, then content; arrival plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from polyvox.contracts import (
    AudioRemoved,
    DiarizationProgressed,
    Envelope,
    MediaDeleted,
    MediaDiarized,
    MediaReady,
    MediaUploaded,
    PartTranscribed,
    ReplayRequested,
    RetakeReady,
    RetakeTranscribed,
    StageFailed,
    TranscriptCorrected,
)
from results_api.view.view import F, Owner, RecordingView, Replay, Retake, Told

FOLDED = (
    MediaUploaded,
    MediaReady,
    PartTranscribed,
    DiarizationProgressed,
    MediaDiarized,
    StageFailed,
    AudioRemoved,
    MediaDeleted,
    ReplayRequested,
    RetakeReady,
    RetakeTranscribed,
    TranscriptCorrected,
)
"""What the fold listens to. Other events leave a view as it is."""


def fold(view: RecordingView | None, event: Envelope[Any], note: str | None = None) -> RecordingView:
    """The view after one more event. ``view`` None: nothing was known of the recording. ``note`` came with the event.

    Raises:
        ValueError: the event is about another recording.
    """
    data = event.data
    view = view or RecordingView(media_id=data.media_id)
    if data.media_id != view.media_id:
        raise ValueError(f"an event of {data.media_id} cannot be folded into the view of {view.media_id}")
    if not isinstance(data, FOLDED):
        return view
    if data.replay is not None:
        # Told by whoever does the work over, on the bulk lane: it says nothing of whose recording it is.
        return view if view.deleted_at is not None else view.model_copy(update=_replay_change(view, event, note))
    name = getattr(data, "retake", None)
    if name is not None:
        # It follows from what is known of the recording, so it says nothing new of whose it is.
        return view if view.deleted_at is not None else view.model_copy(update=_retake_change(view, name, event, note))
    owner = _owner(view.owner, data)
    if isinstance(data, MediaDeleted):
        at, because = _first((view.deleted_at, view.deleted_because), (data.deleted_at, data.reason))
        return RecordingView(media_id=view.media_id, owner=owner, deleted_at=at, deleted_because=because)
    change: dict[str, Any] = {"owner": owner}
    if view.deleted_at is None:
        change |= _change(view, event, note)
    return view.model_copy(update=change)


def fold_all(events: Iterable[Envelope[Any]], view: RecordingView | None = None) -> RecordingView:
    """Fold several events of one recording.

    Raises:
        ValueError: there are no events and no view, or they are about several recordings.
    """
    for event in events:
        view = fold(view, event)
    if view is None:
        raise ValueError("no events: there is nothing to view")
    return view


def _replay_change(view: RecordingView, event: Envelope[Any], note: str | None) -> dict[str, Any]:
    data = event.data
    known = view.replays.get(data.replay) or Replay()
    if isinstance(data, ReplayRequested):
        change: dict[str, Any] = {"requested": _later(known.requested, _told(event, note))}
    elif isinstance(data, PartTranscribed | MediaDiarized | StageFailed):
        change = _change(known, event, note)
    else:
        # The input of a stage that works again: nothing new about the recording.
        return {}
    replay = known.model_copy(update=change)
    return {"replays": dict(sorted((view.replays | {data.replay: replay}).items()))}


def _retake_change(view: RecordingView, name: str, event: Envelope[Any], note: str | None) -> dict[str, Any]:
    data, told = event.data, _told(event, note)
    known = view.retakes.get(name) or Retake()
    slot = "ready" if isinstance(data, RetakeReady) else "failed" if isinstance(data, StageFailed) else "transcribed"
    retake = known.model_copy(update={slot: _later(getattr(known, slot), told)})
    return {"retakes": dict(sorted((view.retakes | {name: retake}).items()))}


def _change(view: RecordingView | Replay, event: Envelope[Any], note: str | None) -> dict[str, Any]:
    data, told = event.data, _told(event, note)
    if isinstance(data, MediaDiarized):
        return {"diarized": _later(view.diarized, told)}
    if isinstance(data, PartTranscribed):
        return {"transcribed": _put(view.transcribed, data.part, told)}
    if isinstance(data, StageFailed):
        in_part = data.stage == "transcribe" and data.part is not None
        return {"failures": _put(view.failures, f"{data.stage}/{data.part}" if in_part else data.stage, told)}
    assert isinstance(view, RecordingView)
    if isinstance(data, AudioRemoved):
        at, because = _first((view.audio_removed_at, view.audio_removed_because), (data.removed_at, data.reason))
        return {"audio_removed_at": at, "audio_removed_because": because}
    if isinstance(data, DiarizationProgressed):
        return {"diarizing": _later(view.diarizing, told)}
    if isinstance(data, TranscriptCorrected):
        return {"corrections": _put(view.corrections, data.correction, told)}
    if isinstance(data, MediaUploaded):
        return {"uploaded": _later(view.uploaded, told)}
    return {"ready": _later(view.ready, told)}


def _told(event: Envelope[Any], note: str | None) -> Told[Any]:
    data = event.data
    # Told by whoever takes a correction in and again by the log: the same, whenever it is put there.
    time = _utc(data.corrected_at if isinstance(data, TranscriptCorrected) else event.time)
    told: Told[Any] = Told[type(data)](id=event.id, time=time, data=data, note=note)  # type: ignore[misc,operator]
    return told


def _later(known: Told[F] | None, told: Told[F]) -> Told[F]:
    return told if known is None or _rank(told) > _rank(known) else known


def _put(known: dict[Any, Told[F]], slot: Any, told: Told[F]) -> dict[Any, Told[F]]:
    """A copy of ``known`` with ``told`` in it, keys sorted so that equal views are equal as JSON too."""
    return dict(sorted((known | {slot: _later(known.get(slot), told)}).items()))


def _first(known: tuple[datetime | None, str | None], told: tuple[datetime, str | None]) -> tuple[datetime, str | None]:
    """When and why something was removed first."""
    at, because = known
    removed = (_utc(told[0]), told[1])
    return removed if at is None else min((at, because), removed, key=lambda one: (one[0], one[1] or ""))


def _rank(told: Told[Any]) -> tuple[datetime, str, str, str]:
    return told.time, told.id, told.data.model_dump_json(), told.note or ""


def _owner(known: Owner | None, data: Any) -> Owner:
    told = Owner(by_upload=isinstance(data, MediaUploaded), tenant=data.tenant, lane=data.lane)
    return max(known or told, told, key=lambda owner: (owner.by_upload, owner.tenant, owner.lane))


def _utc(time: datetime) -> datetime:
    """Times without a zone are taken as UTC: they must be comparable with the others."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
