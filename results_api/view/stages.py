"""What each stage and part of a recording is up to, worked out from its view."""

from __future__ import annotations

from collections.abc import Iterable

from polyvox.contracts import MediaDiarized, PartTranscribed, StageReport
from polyvox.contracts.envelope import Contract
from polyvox.contracts.transcript import StageStatus
from polyvox.keys import options_hash
from results_api.view import retakes
from results_api.view.view import RecordingView


class PartState(Contract):
    """One part; times in seconds from the start of the recording."""

    part: int
    start: float
    end: float
    status: StageStatus
    reason: str | None = None


def part_states(view: RecordingView) -> list[PartState]:
    """One state per part; [] until the recording is decoded."""
    states = []
    for span in view.ready.data.parts if view.ready else ():
        failure = view.part_failure(span.part)
        status: StageStatus = "done" if span.part in view.transcribed else "failed" if failure else "running"
        reason = failure.data.reason if failure else None
        states.append(PartState(part=span.part, start=span.start_s, end=span.end_s, status=status, reason=reason))
    return states


def stage_reports(view: RecordingView) -> dict[str, StageReport]:
    """``normalise``, ``transcribe`` and ``diarize``.

    A stage is ``running`` as soon as its input is on the log (no event tells when a worker
    picks it up), ``pending`` before.
    """
    return {"normalise": _normalise(view), "transcribe": _transcribe(view), "diarize": _diarize(view)}


def basis(view: RecordingView) -> str:
    """12 hex digits that change when a merge would be made from something else.

    Two views with the same basis give the same transcript, so a result needs to be made
    and published again only when it changes.
    """
    parts = [state.part for state in part_states(view)]
    ended, corrections = retakes.ended(view), view.corrections_in_force
    return options_hash(
        {
            "ready": view.ready.data.model_dump(mode="json") if view.ready else None,
            "words": [view.transcribed[part].data.words_key if part in view.transcribed else None for part in parts],
            "diarization": view.diarized.data.diarization_key if view.diarized else None,
            "statuses": [report.status for report in stage_reports(view).values()],
            # Of a recording that was never merged again it stays as it always was.
            **({"merge": view.replayed["merge"].id} if "merge" in view.replayed else {}),
            **({"retakes": ended} if ended else {}),
            **({"corrections": [one.correction for one in corrections]} if corrections else {}),
        }
    )


def _normalise(view: RecordingView) -> StageReport:
    if view.ready:
        return StageReport(status="done")
    failure = view.failures.get("normalise")
    if failure:
        return StageReport(status="failed", reason=failure.data.reason)
    return StageReport(status="running" if view.uploaded else "pending")


def _transcribe(view: RecordingView) -> StageReport:
    states = part_states(view)
    if view.ready is None:
        return StageReport(status="pending" if view.failure is None else "skipped")
    done = [view.transcribed[state.part].data for state in states if state.status == "done"]
    failed = [state for state in states if state.status == "failed"]
    if len(done) + len(failed) < len(states):
        return _report("running", done)
    if not failed:
        return _report("done", done)
    reasons = "; ".join(dict.fromkeys(state.reason for state in failed if state.reason))
    return _report("failed", done, f"{len(failed)} of {len(states)} parts could not be transcribed: {reasons}")


def _diarize(view: RecordingView) -> StageReport:
    if view.diarized:
        return _report("done", [view.diarized.data])
    if view.diarize_failure:
        return StageReport(status="failed", reason=view.diarize_failure.data.reason)
    if view.ready is None and view.failure is not None:
        return StageReport(status="skipped")
    if not view.options.diarize:
        return StageReport(status="skipped", reason="The upload asked for no speakers.")
    return StageReport(status="running" if view.ready else "pending")


def _report(
    status: StageStatus, done: Iterable[PartTranscribed | MediaDiarized], reason: str | None = None
) -> StageReport:
    facts = list(done)
    return StageReport(
        status=status,
        reason=reason,
        engine=", ".join(sorted({fact.engine for fact in facts})) or None,
        model=", ".join(sorted({fact.model for fact in facts})) or None,
        processing_s=round(sum(fact.processing_s for fact in facts), 3) if facts else None,
    )
