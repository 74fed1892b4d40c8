"""What replays have come to, and which of them counts. Pure.

A replay's results are kept apart from those that are there until all of its stage's work is done
again; then they take their place. So a replay of twelve parts makes one new result, not twelve,
and one that fails makes none.
"""

from __future__ import annotations

from typing import Any, Literal

from polyvox.contracts import ReplayedStage, StageFailed
from results_api.view.view import RecordingView, Replay

ReplayState = Literal["pending", "done", "failed"]


def current(view: RecordingView) -> RecordingView:
    """The view as if it had been made by the latest finished replay of each stage, and no other."""
    finished = sorted(
        ((replay.requested, id_, replay) for id_, replay in view.replays.items() if replay.requested),
        key=lambda one: (one[0].time, one[1]),
    )
    change: dict[str, Any] = {}
    replayed = {}
    for requested, _, replay in finished:
        if not _is_done(view, replay):
            continue
        stage = requested.data.stage
        replayed[stage] = requested
        if stage == "transcribe":
            change["transcribed"] = dict(replay.transcribed)
            change["failures"] = {
                slot: told for slot, told in view.failures.items() if not slot.startswith("transcribe")
            }
        elif stage == "diarize":
            change["diarized"] = replay.diarized
        change["ready"] = _with_options(view, requested.data.options)
    if not replayed and not view.replays:
        return view
    return view.model_copy(update={**change, "replayed": replayed, "replays": {}})


def state_of(view: RecordingView, id_: str) -> tuple[ReplayState, StageFailed | None]:
    """How a replay fares, and why it failed. A success outweighs a failure."""
    replay = view.replays.get(id_)
    if replay is None or replay.requested is None:
        return "pending", None
    if _is_done(view, replay):
        return "done", None
    failed = [told.data for told in replay.failures.values()]
    stage = replay.requested.data.stage
    if stage == "transcribe":
        missing = {part for part in _parts(view) if part not in replay.transcribed}
        failed = [one for one in failed if one.part is None or one.part in missing]
        if failed and not (any(one.part is None for one in failed) or missing <= {one.part for one in failed}):
            # Others are still at it.
            return "pending", None
    return ("failed", failed[0]) if failed else ("pending", None)


def _is_done(view: RecordingView, replay: Replay) -> bool:
    stage: ReplayedStage | None = replay.requested.data.stage if replay.requested else None
    if stage is None or view.ready is None:
        return False
    if stage == "transcribe":
        return all(part in replay.transcribed for part in _parts(view))
    return stage == "merge" or replay.diarized is not None


def _parts(view: RecordingView) -> list[int]:
    return [span.part for span in view.ready.data.parts] if view.ready else []


def _with_options(view: RecordingView, options: object) -> Any:
    assert view.ready is not None
    return view.ready.model_copy(update={"data": view.ready.data.model_copy(update={"options": options})})
