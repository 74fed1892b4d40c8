"""Carries out plans: merges, stores the result, tells the world, notes that it is told.

Every step can be done again with the same outcome, and the plan goes only with the last one.
So whatever a crash interrupts is done again from the start: same bytes, same event ids.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field

import polyvox
from polyvox import keys, tracing
from polyvox.contracts import Fact, MediaCompleted, MediaFailed, SegmentPublished, StageFailed, Transcript
from polyvox.errors import Invalid
from polyvox.ports import Clock, ObjectStore
from polyvox.publish import Publisher
from results_api.corrections import loading
from results_api.corrections.applying import corrected
from results_api.database.database import Database
from results_api.database.recording import Outcome, Plan, Recording, owner, with_outcome
from results_api.merge.merge import merge
from results_api.merge.merge_input import merge_input
from results_api.people.naming import Naming
from results_api.projection import artifacts
from results_api.projection.artifacts import ArtifactsLost
from results_api.projection.deletion import purge
from results_api.projection.measuring import Measuring
from results_api.projection.retaking import coverage_gap, retakes_of
from results_api.search.searchable import Searchable, searchable
from results_api.view.view import RecordingView

log = logging.getLogger(__name__)

SEGMENTS_PER_APPEND = 200
AT_ONCE = 16
"""Publications, each with all words of its recording in memory."""


class MergeFailed(Invalid):
    """The parts are there and do not become a transcript: an error in this program."""

    def __init__(self, view: RecordingView) -> None:
        reason = "The transcript could not be put together from its parts; the server's log says why."
        super().__init__(reason, code="merge-failed")
        failed = StageFailed(media_id=view.media_id, **owner(view), stage="merge", code=self.code, reason=reason)
        self.lost = {"merge": failed}


@dataclass(frozen=True, slots=True)
class Publication:
    """What it takes to publish. Safe to use from several tasks and processes at once."""

    database: Database
    store: ObjectStore
    publisher: Publisher
    clock: Clock
    measuring: Measuring = field(default_factory=Measuring)
    retake_gap_s: float = math.inf
    """Longer gaps are listened to a second time."""
    naming: Naming | None = None
    """Recognises enrolled people; None: nobody."""
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def carry_out(self, media_id: str, *, only: Plan | None = None) -> None:
        """Publish everything that is planned for a recording, or ``only`` one plan where no other is open.

        Raises:
            ArtifactsLost: something that was announced is not in the store.
            Transient: store, log or database is in trouble.
        """
        for plan in [only] if only else await self.database.plans(media_id):
            await self._carry_out(plan)

    async def make_do(self, media_id: str) -> None:
        """As ``carry_out``, but what is lost counts as failed from now on, and so does what cannot be merged.

        Raises:
            Transient: store, log or database is in trouble.
        """
        for plan in await self.database.plans(media_id):
            amended: Plan | None = plan
            while amended is not None:
                try:
                    await self._carry_out(amended)
                    break
                except (ArtifactsLost, MergeFailed) as error:
                    # Noted before anything is published: whoever does it again does the same.
                    amended = await self.database.lose(amended, error.lost)

    async def _carry_out(self, plan: Plan) -> None:
        async with self.places:
            await self._publish(plan)

    async def _publish(self, plan: Plan) -> None:
        failure = plan.failure
        if failure is not None:
            if await self.database.is_planned(plan):
                await self.publisher.publish(failed(plan, failure))
                await self._finish(plan, outcome_of(plan, failure=failure))
                self.measuring.failed(plan, self.clock.now())
            return
        _join(plan)
        with tracing.step("merge"):
            transcript, body = await self._transcript(plan)
        with tracing.step("store"):
            await self.store.put(result_key(plan.view, plan.version), body, content_type="application/json")
        # A recording deleted meanwhile must not be heard of again.
        if not await self.database.is_planned(plan):
            await self._clean_up_if_deleted(await self.database.get(plan.media_id))
            return
        first, count = 0, len(transcript.segments)
        while count - first > SEGMENTS_PER_APPEND:
            await self.publisher.publish(*segments(plan, transcript, first, first + SEGMENTS_PER_APPEND))
            first += SEGMENTS_PER_APPEND
        # Words that are there do not wait for those that may still be found.
        again = retakes_of(plan.view, transcript.coverage, version=plan.version, gap_s=self.retake_gap_s)
        gap = coverage_gap(plan.view, transcript.coverage, version=plan.version)
        missing: list[Fact] = [*again] if again else [gap] if gap else []
        await self.publisher.publish(*segments(plan, transcript, first, count), completed(plan, transcript), *missing)
        tenant = owner(plan.view)["tenant"]
        found = await asyncio.to_thread(searchable, transcript, version=plan.version, tenant=tenant)
        await self._finish(plan, outcome_of(plan, language=transcript.language), found)
        self.measuring.completed(plan, transcript, self.clock.now(), retaken=bool(again))

    async def _transcript(self, plan: Plan) -> tuple[Transcript, bytes]:
        """The result, and how it is stored."""
        view = plan.amended
        found = await artifacts.load(self.store, view)
        if found.lost:
            raise ArtifactsLost(found.lost)
        people = await self.naming.named(plan, found.diarization) if self.naming else {}
        by_people = await loading.in_force(self.store, view)

        def make() -> tuple[Transcript, bytes]:
            made_by = versions(plan.version, view)
            media = merge_input(view, found.words, found.diarization, made_by, found.retakes, people=people)
            try:
                transcript = corrected(merge(media), *by_people)
            except Exception as error:
                log.exception("merging version %d of %s failed", plan.version, plan.media_id)
                raise MergeFailed(view) from error
            return transcript, transcript.model_dump_json().encode()

        return await asyncio.to_thread(make)

    async def _finish(self, plan: Plan, outcome: Outcome, found: Searchable | None = None) -> None:
        now = self.clock.now()
        if tracing.is_on() and (work := tracing.in_hand()) is not None:
            outcome = outcome.model_copy(update={"note": tracing.note_of(work), "published_at": now})

        def change(known: Recording | None) -> Recording | None:
            return known and with_outcome(known, outcome, now)

        known = await self.database.change(plan.media_id, change, published=plan.version, searchable=found)
        await self._clean_up_if_deleted(known)

    async def _clean_up_if_deleted(self, recording: Recording | None) -> None:
        if recording is not None and recording.view.deleted_at is not None:
            await purge(self.store, recording.media_id, owner(recording.view)["tenant"])


def _join(plan: Plan) -> None:
    """The work in hand goes on what several stages did, not only on what was heard of last."""
    work = tracing.in_hand()
    if work is None or not tracing.is_on():
        return
    view = plan.view
    for told in (view.ready, view.diarized, *view.transcribed.values()):
        note = tracing.read(told.note) if told else None
        if note is not None and note.context != work.parent and note.context not in work.links:
            work.links.append(note.context)


def result_key(view: RecordingView, version: int) -> str:
    """Where a result goes: beside the audio that it was made from."""
    assert view.ready is not None
    return keys.beside(view.ready.data.tracks[0].key, keys.result(view.media_id, version))


def versions(version: int, view: RecordingView) -> dict[str, str]:
    """What a transcript says of how it came to be: also by stage which replay made it, where one did."""
    replayed = {f"replay-{stage}": told.data.replay for stage, told in view.replayed.items()}
    return {"polyvox": polyvox.__version__, "result": str(version), **replayed}


def outcome_of(plan: Plan, *, language: str | None = None, failure: StageFailed | None = None) -> Outcome:
    return Outcome(
        version=plan.version,
        result_key=None if failure else result_key(plan.view, plan.version),
        basis=plan.basis,
        status="failed" if failure else "completed",
        ended_at=plan.ended_at,
        language=language,
        failure=failure,
        lost=dict(plan.lost),
        corrections=list(plan.view.corrections),
    )


def failed(plan: Plan, failure: StageFailed) -> Fact:
    return MediaFailed(
        media_id=plan.media_id,
        **owner(plan.view),
        version=plan.version if plan.version > 1 else None,
        stage=failure.stage,
        code=failure.code,
        reason=failure.reason,
        metadata=plan.view.options.metadata,
        failed_at=plan.ended_at,
    )


def completed(plan: Plan, transcript: Transcript) -> Fact:
    return MediaCompleted(
        **owner(plan.view),
        media_id=plan.media_id,
        version=plan.version,
        result_key=result_key(plan.view, plan.version),
        duration_s=transcript.duration,
        language=transcript.language,
        segment_count=len(transcript.segments),
        word_count=sum(len(segment.words) for segment in transcript.segments),
        speaker_count=len(transcript.speakers),
        stages=transcript.stages,
        metadata=transcript.metadata,
        corrections=len(plan.view.corrections_in_force) if plan.view.corrections else None,
        completed_at=plan.ended_at,
    )


def segments(plan: Plan, transcript: Transcript, start: int, end: int) -> list[Fact]:
    """One fact for each segment from number ``start`` up to, not including, ``end``."""
    names = {speaker.id: speaker.label for speaker in transcript.speakers}
    return [
        SegmentPublished(
            **owner(plan.view),
            media_id=plan.media_id,
            version=plan.version,
            segment=segment,
            segment_count=len(transcript.segments),
            speaker_label=names.get(segment.speaker) if segment.speaker else None,
        )
        for segment in transcript.segments[start:end]
    ]
