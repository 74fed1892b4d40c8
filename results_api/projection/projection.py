"""The projection: folds every event into its recording, and publishes what is settled by that.

An event counts as handled when all it led to is published, so a crash anywhere brings it back.
What is left over for other reasons (a plan of an event that was given up while the log was
away, a deletion that was cut short) the sweep finishes.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from polyvox import topics, tracing
from polyvox.contracts import (
    AudioRemoved,
    DiarizationProgressed,
    Envelope,
    Fact,
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
from polyvox.errors import NotFound, PolyvoxError
from results_api.corrections.correcting import untold
from results_api.database import recording as recordings
from results_api.database.database import Database
from results_api.database.recording import Recording
from results_api.projection.artifacts import ArtifactsLost
from results_api.projection.audio_removal import AudioRemoval, silence
from results_api.projection.deletion import Deletion, purge
from results_api.projection.publication import MergeFailed, Publication
from results_api.replays.inputs import inputs
from results_api.replays.ledger import Ledger
from results_api.view import retakes
from results_api.view.replays import state_of
from results_api.view.view import RecordingView

log = logging.getLogger(__name__)

NAME = "projection"
TOPICS = topics.laned(
    *(
        fact.TOPIC
        for fact in (
            MediaUploaded,
            MediaReady,
            PartTranscribed,
            MediaDiarized,
            DiarizationProgressed,
            StageFailed,
            AudioRemoved,
            MediaDeleted,
            ReplayRequested,
            RetakeReady,
            RetakeTranscribed,
            TranscriptCorrected,
        )
    )
)
SWEEP_AGE = timedelta(seconds=120)
"""What is younger is most likely being worked on."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The handler, the last resort and the sweep."""

    database: Database
    publication: Publication
    deletion: Deletion
    audio_removal: AudioRemoval
    ledger: Ledger
    speakers_wait: timedelta = timedelta(hours=1)
    """From the last that was heard of a recording until its result is made without speakers."""

    async def handle(self, event: Envelope[Any]) -> None:
        """Fold one event and do all that follows from it.

        Raises:
            ArtifactsLost, MergeFailed: see Publication.
            Transient: store, log or database is in trouble.
        """
        media_id = event.data.media_id
        now = self.publication.clock.now()
        before: Recording | None = None
        news = False
        work = tracing.in_hand()
        note = work.received if work else None

        def change(known: Recording | None) -> Recording | None:
            nonlocal before, news
            before, changed = known, recordings.with_event(known, event, now, note)
            news = changed is not known
            return changed

        with tracing.step("fold"):
            recording = await self.database.change(media_id, change)
        assert recording is not None
        if news:
            self.publication.measuring.told(event, recording.view)
        if recording.view.deleted_at is not None:
            # Whatever this event announces was written by somebody who had not heard yet.
            await purge(self.publication.store, media_id, recordings.owner(recording.view)["tenant"])
            if isinstance(event.data, MediaDeleted) and not recording.removed:
                await self.deletion.note_removed(media_id)
            return
        if recording.view.audio_removed_at is not None:
            await self._without_audio(event.data, recording)
        if event.data.replay is not None:
            await self._replayed(recording, event.data)
        elif not news:
            recording = await self._planned_again_if_found(recording)
        if recording.planned_version > (recording.outcome.version if recording.outcome else 0):
            await self.publication.carry_out(media_id, only=recordings.only_plan(before, recording))

    async def give_up(self, event: Envelope[Any], error: PolyvoxError, _attempts: int) -> None:
        """Publish without what is lost; everything else that failed is tried again, whatever it takes."""
        if isinstance(error, ArtifactsLost | MergeFailed):
            await self.publication.make_do(event.data.media_id)
        else:
            await self.handle(event)

    async def sweep(self) -> None:
        """Finish what was left over. Raises Unavailable when the database is in trouble."""
        planned, deleted = await self.database.unfinished(self.publication.clock.now() - SWEEP_AGE)
        muted = await self.database.audio_to_remove(self.publication.clock.now() - SWEEP_AGE)
        self.publication.measuring.left_over(planned=len(planned), deleted=len(deleted), audio=len(muted))
        for media_id in planned:
            with _trouble_logged("publishing", media_id):
                known = await self.database.get(media_id)
                if known is not None and (corrections := untold(known)):
                    await self.publication.publisher.publish(*corrections)
                await self.publication.make_do(media_id)
                self.publication.measuring.repaired("published")
        for media_id in deleted:
            with _trouble_logged("deleting", media_id):
                buried = await self.database.get(media_id)
                if buried is not None and not buried.removed:
                    await self.deletion.finish(buried)
                    self.publication.measuring.repaired("deleted")
        for media_id in muted:
            with _trouble_logged("removing the audio of", media_id):
                known = await self.database.get(media_id)
                if known is not None and known.view.audio_removed_at is not None and not known.removed:
                    await self.audio_removal.finish(known)
                    self.publication.measuring.repaired("audio-removed")
        await self._without_late_speakers()
        self.publication.measuring.swept(self.publication.clock.now())

    async def _without_late_speakers(self) -> None:
        """Words wait so long for their speakers and no longer; speakers that come later make another version."""
        for media_id in await self.database.without_speakers(self.publication.clock.now() - self.speakers_wait):
            with _trouble_logged("not waiting for the speakers of", media_id):
                recording = await self.database.get(media_id)
                if recording is not None and not recording.view.is_settled:
                    await self.publication.publisher.publish(late_speakers(recording.view, self.speakers_wait))
                    self.publication.measuring.repaired("without-speakers")

    async def _without_audio(self, fact: Fact, recording: Recording) -> None:
        if isinstance(fact, AudioRemoved) and not recording.removed:
            await self.audio_removal.note_removed(recording.media_id)
        elif isinstance(fact, MediaReady) and fact.replay is None:
            # Decoded once more by somebody who had not heard yet.
            await silence(self.publication.store, recording.media_id, fact.tenant)

    async def _replayed(self, recording: Recording, fact: Fact) -> None:
        """Set a replay's stage to work, and note how the replay fares."""
        if isinstance(fact, ReplayRequested):
            await self.publication.publisher.publish(*inputs(recording.view, fact))
        elif isinstance(fact, MediaReady):
            # The order to work again comes from here.
            return
        assert fact.replay is not None
        state, failure = state_of(recording.view, fact.replay)
        reason = failure.reason if failure else None
        await self.ledger.note_state(fact.replay, recording.media_id, state, reason)

    async def _planned_again_if_found(self, recording: Recording) -> Recording:
        """A replayed event whose artifact was lost and is there again is worth another version."""
        outcome = recording.outcome
        if outcome is None or not outcome.lost or "merge" in outcome.lost or not recording.outcome_is_current:
            return recording
        try:
            for key in _lost_keys(recording):
                await self.publication.store.head(key)
        except NotFound:
            return recording
        version = outcome.version

        def change(known: Recording | None) -> Recording | None:
            if known is None or known.planned_version != version:
                return known
            return recordings.planned_again(known, self.publication.clock.now())

        return await self.database.change(recording.media_id, change) or recording


def late_speakers(view: RecordingView, waited: timedelta) -> StageFailed:
    """The failure of a diarization of which nothing was heard. Its success, should it come, outweighs it."""
    return StageFailed(
        media_id=view.media_id,
        **recordings.owner(view),
        stage="diarize",
        code="diarize-late",
        reason=f"The speakers were not told apart within {waited.total_seconds():g} s of the words.",
    )


@contextlib.contextmanager
def _trouble_logged(doing: str, media_id: str) -> Iterator[None]:
    """One recording in trouble must not keep the sweep from the others."""
    log.info("%s %s, which was left over", doing, media_id)
    try:
        yield
    except PolyvoxError as error:
        log.warning("%s %s is put off: %s", doing, media_id, error)


def _lost_keys(recording: Recording) -> list[str]:
    lost = recording.outcome.lost if recording.outcome else {}
    view = recording.current
    keys = [told.data.words_key for part, told in view.transcribed.items() if f"transcribe/{part}" in lost]
    keys += [told.words_key for name, told in retakes.words_of(view).items() if f"retake/{name}" in lost]
    if "diarize" in lost and view.diarized:
        keys.append(view.diarized.data.diarization_key)
    return keys
