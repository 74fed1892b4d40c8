"""Which second attempts are under way, and which of them count. Pure.

What was asked for together counts together, when the last of it has ended, well or not: so the gaps of
twelve parts make one new result, not twelve.
"""

from __future__ import annotations

from collections.abc import Iterator

from polyvox.contracts import RetakeReady, RetakeTranscribed
from results_api.view.view import RecordingView, Retake


def asked(view: RecordingView) -> Iterator[RetakeReady]:
    """What was ever asked for on the words that count now."""
    for retake in view.retakes.values():
        if retake.ready is not None and _is_current(view, retake):
            yield retake.ready.data


def ended(view: RecordingView) -> dict[str, bool]:
    """By name the retakes that count, in order of names, and whether they succeeded."""
    return {
        name: retake.transcribed is not None
        for name, retake in view.retakes.items()
        if retake.ready is not None
        and _is_current(view, retake)
        and all(_has_ended(view.retakes.get(other)) for other in retake.ready.data.batch)
    }


def words_of(view: RecordingView) -> dict[str, RetakeTranscribed]:
    """By name the second attempts whose words belong to the transcript."""
    found = {name: view.retakes[name].transcribed for name in ended(view)}
    return {name: told.data for name, told in found.items() if told is not None}


def waiting_s(view: RecordingView) -> float:
    """Seconds of audio that are still to be listened to a second time."""
    return sum(
        retake.ready.data.weight_s()
        for retake in view.retakes.values()
        if retake.ready is not None and not _has_ended(retake)
    )


def _has_ended(retake: Retake | None) -> bool:
    return (
        retake is not None
        and retake.ready is not None
        and (retake.transcribed is not None or retake.failed is not None)
    )


def _is_current(view: RecordingView, retake: Retake) -> bool:
    """Whether the words that it was to complete are those that the view names."""
    assert retake.ready is not None
    told = view.transcribed.get(retake.ready.data.part)
    return told is not None and told.data.words_key == retake.ready.data.words_key
