"""How far a recording is, and how long it may still take. Time is an argument."""

from __future__ import annotations

from datetime import datetime

from results_api.view.stages import part_states
from results_api.view.view import RecordingView

DECODE_WEIGHT = 0.1
TRANSCRIBE_WEIGHT = 0.6
DIARIZE_WEIGHT = 0.3
HEARD_ALL = 0.99
"""Rough shares of the work, so that a progress bar moves evenly; they promise nothing."""


def progress(view: RecordingView) -> float:
    """0 to 1. Work that failed for good counts as done: none of it is left."""
    if view.is_settled or view.deleted_at is not None:
        return 1.0
    if view.ready is None:
        return 0.0
    states = part_states(view)
    audio_s = sum(state.end - state.start for state in states)
    ended_s = sum(state.end - state.start for state in states if state.status != "running")
    done = DECODE_WEIGHT + TRANSCRIBE_WEIGHT * (ended_s / audio_s if audio_s > 0 else 1.0)
    whole = DECODE_WEIGHT + TRANSCRIBE_WEIGHT
    if view.options.diarize or view.diarized:
        whole += DIARIZE_WEIGHT
        done += DIARIZE_WEIGHT * (1.0 if view.diarized or view.diarize_failure else _heard(view))
    return min(done / whole, 1.0)


def _heard(view: RecordingView) -> float:
    """Share of the recording that the diarizer has listened to; below 1, since the voices are told apart after that."""
    told = view.diarizing.data if view.diarizing else None
    return min(told.heard_s / told.audio_s, HEARD_ALL) if told and told.audio_s > 0 else 0.0


def eta_s(view: RecordingView, now: datetime, *, typical_s_per_audio_s: float | None = None) -> float | None:
    """Seconds until the transcript is there, from the pace since the upload; 0 when it is.

    Before the first part or the diarization is done there is no pace: then it is
    ``typical_s_per_audio_s`` times the duration, where a caller that knows recent recordings
    gives it. None when there is nothing to estimate from, or when the estimate has run out:
    later than expected is not the same as nearly there.
    """
    if view.is_settled or view.deleted_at is not None:
        return 0.0
    if view.ready is None or view.duration_s is None:
        return None
    share, last = progress(view), view.last_progress_at
    begun = min(view.uploaded_at or view.ready.time, view.ready.time)
    if last is not None and last > view.ready.time and share > 0:
        left = (last - begun).total_seconds() * (1 - share) / share
    elif typical_s_per_audio_s is not None:
        last, left = view.ready.time, typical_s_per_audio_s * view.duration_s
    else:
        return None
    left -= (now - last).total_seconds()
    return left if left > 0 else None
