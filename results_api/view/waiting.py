"""What of a recording waits for which stage, in seconds of audio. Pure."""

from __future__ import annotations

from typing import NamedTuple

from results_api.view import retakes
from results_api.view.stages import part_states
from results_api.view.view import RecordingView


class Waiting(NamedTuple):
    """Work in progress waits as well: no event tells when a worker begins."""

    normalise_s: float = 0.0
    transcribe_s: float = 0.0
    diarize_s: float = 0.0


def waiting(view: RecordingView) -> Waiting:
    """Until a recording is decoded its length is estimated from its bytes; then it waits part by part."""
    if view.deleted_at is not None:
        return Waiting()
    if view.is_settled:
        return Waiting(transcribe_s=retakes.waiting_s(view))
    if view.ready is None:
        return Waiting(normalise_s=view.uploaded.data.weight_s() if view.uploaded else 0.0)
    parts_s = sum(state.end - state.start for state in part_states(view) if state.status == "running")
    speakers = view.options.diarize and not (view.diarized or view.diarize_failure)
    return Waiting(transcribe_s=parts_s, diarize_s=view.ready.data.duration_s if speakers else 0.0)
