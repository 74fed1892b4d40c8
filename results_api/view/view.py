"""One recording as its events tell it: kept as JSON in the database, made only by fold.py.

For every slot the view keeps the one message that counts, so that all else (stages,
progress, what the merge needs) can be worked out from the view alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, TypeVar

from polyvox.contracts import (
    DiarizationProgressed,
    Fact,
    MediaDiarized,
    MediaReady,
    MediaUploaded,
    Options,
    PartTranscribed,
    ReplayRequested,
    RetakeReady,
    RetakeTranscribed,
    StageFailed,
    TranscriptCorrected,
)
from polyvox.contracts.envelope import Contract

F = TypeVar("F", bound=Fact)

Phase = Literal["processing", "completed", "failed", "deleted"]


class Told(Contract, Generic[F]):
    """A fact with the id and time of the event that told it. ``note`` is the span of what made it (polyvox/tracing)."""

    id: str
    time: datetime
    data: F
    note: str | None = None


class Owner(Contract):
    """Whose recording it is. The upload has the last word, ``by_upload`` says it has spoken."""

    by_upload: bool = False
    tenant: str = "default"
    lane: str = "interactive"


class Replay(Contract):
    """What came of one replay so far. ``requested`` may come last."""

    requested: Told[ReplayRequested] | None = None
    transcribed: dict[int, Told[PartTranscribed]] = {}
    diarized: Told[MediaDiarized] | None = None
    failures: dict[str, Told[StageFailed]] = {}


class Retake(Contract):
    """A second attempt at stretches of a part. ``ready`` may come last. A success outweighs a failure."""

    ready: Told[RetakeReady] | None = None
    transcribed: Told[RetakeTranscribed] | None = None
    failed: Told[StageFailed] | None = None


class RecordingView(Contract):
    """Frozen; equal for the same set of events in any order and any number of repetitions.

    A deleted recording is a tombstone: only ``media_id``, ``owner`` and when and why it was deleted.
    """

    media_id: str
    owner: Owner | None = None
    uploaded: Told[MediaUploaded] | None = None
    ready: Told[MediaReady] | None = None
    transcribed: dict[int, Told[PartTranscribed]] = {}
    """By part, in order of parts; may hold parts before ``ready`` is known."""
    diarizing: Told[DiarizationProgressed] | None = None
    """How far the diarizer said it was; it tells of long recordings only."""
    diarized: Told[MediaDiarized] | None = None
    failures: dict[str, Told[StageFailed]] = {}
    """By stage (``diarize``) or stage and part (``transcribe/3``). A success outweighs them."""
    retakes: dict[str, Retake] = {}
    """By the retake's name, whether they are done or not; see results_api/view/retakes.py."""
    replays: dict[str, Replay] = {}
    """By the replay's id, whether they are done or not; see results_api/view/replays.py."""
    replayed: dict[str, Told[ReplayRequested]] = {}
    """Of a view that replays have changed: by stage the one that made what counts."""
    corrections: dict[str, Told[TranscriptCorrected]] = {}
    """By the correction's id, those that take another back included."""
    audio_removed_at: datetime | None = None
    """Since when there is no audio to hear or to work on again. ``because``: as the event said."""
    audio_removed_because: str | None = None
    deleted_at: datetime | None = None
    deleted_because: str | None = None

    @property
    def options(self) -> Options:
        """What the uploader asked for, as far as it is known."""
        told = self.ready or self.uploaded
        return told.data.options if told else Options()

    @property
    def duration_s(self) -> float | None:
        """Seconds of audio; None until the recording is decoded."""
        return self.ready.data.duration_s if self.ready else None

    @property
    def uploaded_at(self) -> datetime | None:
        return self.uploaded.data.uploaded_at if self.uploaded else None

    @property
    def last_progress_at(self) -> datetime | None:
        """When the last stage or part that counts ended, well or not, or somebody corrected the result."""
        told = (
            self.ready,
            self.diarized,
            *self.transcribed.values(),
            *self.failures.values(),
            *self.replayed.values(),
            *self.corrections.values(),
            *(end for retake in self.retakes.values() for end in (retake.transcribed, retake.failed)),
        )
        return max((one.time for one in told if one), default=None)

    def part_failure(self, part: int) -> Told[StageFailed] | None:
        """Why a part has no words; None when it has them or may still get them."""
        if part in self.transcribed:
            return None
        return self.failures.get(f"transcribe/{part}") or self.failures.get("transcribe")

    @property
    def corrections_in_force(self) -> list[TranscriptCorrected]:
        """What people corrected and nobody took back, in the order in which it counts."""
        told = [one.data for one in self.corrections.values()]
        back = {one.takes_back for one in told if one.takes_back}
        standing = [one for one in told if not one.takes_back and one.correction not in back]
        return sorted(standing, key=lambda one: (one.corrected_at, one.correction))

    @property
    def diarize_failure(self) -> Told[StageFailed] | None:
        return None if self.diarized else self.failures.get("diarize")

    @property
    def failure(self) -> StageFailed | None:
        """Why this recording ends without a transcript; None when it has or may get one.

        It does when it cannot be decoded, or when not one of its parts can be transcribed.
        """
        if self.ready is None:
            told = self.failures.get("normalise")
            return told.data if told else None
        failures = [self.part_failure(span.part) for span in self.ready.data.parts]
        return failures[0].data if failures and failures[0] and all(failures) else None

    @property
    def is_settled(self) -> bool:
        """Nothing more is awaited: merge and publish, or say ``failure``."""
        if self.deleted_at is not None:
            return False
        if self.failure:
            return True
        if self.ready is None:
            return False
        words = all(span.part in self.transcribed or self.part_failure(span.part) for span in self.ready.data.parts)
        speakers = self.diarized or self.diarize_failure or not self.options.diarize
        return bool(words and speakers)

    @property
    def phase(self) -> Phase:
        """``completed`` when everything for the merge is in."""
        if self.deleted_at is not None:
            return "deleted"
        if self.failure:
            return "failed"
        return "completed" if self.is_settled else "processing"
