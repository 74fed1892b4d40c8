"""What becomes of recordings, as metrics: how they end, how long it takes, how good transcripts are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Any, Self

from polyvox import metrics
from polyvox.contracts import (
    Coverage,
    Envelope,
    Lane,
    MediaDiarized,
    MediaReady,
    PartTranscribed,
    RetakeTranscribed,
    StageFailed,
    Transcript,
)
from polyvox.languages import LANGUAGES
from polyvox.metrics import Metrics, process_metrics
from polyvox.settings import Settings
from polyvox.tenants import EVERYBODY_ALIKE, TenantClasses
from results_api.database.recording import Plan, owner
from results_api.view.view import RecordingView

SWEEP = "results"


@dataclass(frozen=True, slots=True)
class Measuring:
    """Counts in one process. An event or a version that a crash brings back is counted again.

    ``targets``: turnaround by lane, in seconds.
    """

    counters: Metrics = field(default_factory=process_metrics)
    classes: TenantClasses = EVERYBODY_ALIKE
    targets: Mapping[Lane, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(process_metrics(), TenantClasses(settings.tenant_classes), settings.turnaround_targets_s)

    def told(self, event: Envelope[Any], view: RecordingView) -> None:
        """Count news that were folded into ``view``; what replays do again is no news of a recording."""
        fact = event.data
        if isinstance(fact, StageFailed):
            self.counters.add(metrics.STAGE_FAILURES, stage=fact.stage, code=fact.code)
        if fact.replay is not None:
            return
        began_at = view.ready.time if view.ready else None
        match fact:
            case MediaReady():
                self._latency("normalise", fact.lane, view.uploaded_at, event.time)
                self.counters.add(metrics.PARTS, len(fact.parts), state="ready", lane=fact.lane)
            case PartTranscribed():
                self._latency("transcribe", fact.lane, began_at, event.time)
                self.counters.add(metrics.PARTS, state="transcribed", lane=fact.lane)
            case MediaDiarized():
                self._latency("diarize", fact.lane, began_at, event.time)
            case RetakeTranscribed():
                self.counters.add(metrics.RETAKES, outcome=_retake_outcome(fact))
            case StageFailed(stage="transcribe", retake=str()):
                self.counters.add(metrics.RETAKES, outcome="failed")
            case StageFailed(stage="transcribe"):
                self.counters.add(metrics.PARTS, state="failed", lane=fact.lane)

    def completed(self, plan: Plan, transcript: Transcript, now: datetime, *, retaken: bool = False) -> None:
        """Count a transcript that was just published; ``retaken``: its gaps are listened to again first."""
        whose = {"tenant_class": self.classes.of(owner(plan.view)["tenant"])}
        self._quality(transcript, whose)
        if not retaken:
            self._gaps(transcript.coverage, whose)
        if plan.version == 1:
            lane = owner(plan.view)["lane"]
            self._latency("merge", lane, plan.ended_at, now)
            self.counters.add(metrics.AUDIO_COMPLETED, transcript.duration, lane=lane, **whose)
            self._ended(plan, "completed", now)

    def failed(self, plan: Plan, now: datetime) -> None:
        """Count a recording of which it was just published that it has no transcript."""
        if plan.version == 1:
            self._ended(plan, "failed", now)

    def left_over(self, *, planned: int, deleted: int, audio: int) -> None:
        """Say what a sweep found that belongs to nothing under way."""
        self.counters.set(metrics.ORPHANS, planned, sweep=SWEEP, kind="plan")
        self.counters.set(metrics.ORPHANS, deleted, sweep=SWEEP, kind="deletion")
        self.counters.set(metrics.ORPHANS, audio, sweep=SWEEP, kind="audio")

    def repaired(self, repair: str) -> None:
        self.counters.add(metrics.SWEEP_REPAIRS, sweep=SWEEP, repair=repair)

    def swept(self, now: datetime) -> None:
        self.counters.set(metrics.SWEEP_DONE, now.timestamp(), sweep=SWEEP)

    def _ended(self, plan: Plan, outcome: str, now: datetime) -> None:
        lane, tenant_class = owner(plan.view)["lane"], self.classes.of(owner(plan.view)["tenant"])
        whose = {"lane": lane, "tenant_class": tenant_class}
        self.counters.add(metrics.RECORDINGS_ENDED, outcome=outcome, **whose)
        if plan.view.uploaded_at is None:
            return
        took_s = max((now - plan.view.uploaded_at).total_seconds(), 0.0)
        self.counters.observe(metrics.TURNAROUND, took_s, **whose)
        is_late = lane in self.targets and took_s > self.targets[lane]
        # Adding nothing as well: a counter that is there from the start shows its first step.
        self.counters.add(metrics.RECORDINGS_LATE, float(is_late), **whose)

    def _quality(self, transcript: Transcript, whose: dict[str, str]) -> None:
        coverage = transcript.coverage
        words = [word for segment in transcript.segments for word in segment.words]
        self.counters.add(metrics.WORDS, len(words), **whose)
        self.counters.add(metrics.SUSPECT_WORDS, sum(len(one.text.split()) for one in transcript.suspects), **whose)
        self.counters.add(metrics.SPEECH, coverage.speech, **whose)
        self.counters.add(metrics.SPEECH_COVERED, coverage.covered, **whose)
        if words:
            self.counters.observe(metrics.CONFIDENCE, fmean(word.probability for word in words), **whose)
        if transcript.speakers:
            self.counters.observe(metrics.SPEAKERS, len(transcript.speakers), **whose)
        self.counters.add(metrics.LANGUAGES, language=_language(transcript.language))
        for stage, report in transcript.stages.items():
            if report.status == "failed":
                self.counters.add(metrics.WITHOUT_STAGE, stage=stage)

    def _gaps(self, coverage: Coverage, whose: dict[str, str]) -> None:
        self.counters.add(metrics.COVERAGE_GAPS, len(coverage.gaps), **whose)
        self.counters.add(metrics.COVERAGE_GAP_TIME, sum(gap.end - gap.start for gap in coverage.gaps), **whose)

    def _latency(self, stage: str, lane: str, began_at: datetime | None, ended_at: datetime) -> None:
        if began_at is not None:
            took_s = max((ended_at - began_at).total_seconds(), 0.0)
            self.counters.observe(metrics.STAGE_LATENCY, took_s, stage=stage, lane=lane)


def _retake_outcome(fact: RetakeTranscribed) -> str:
    return "words" if fact.word_count else "nothing" if fact.speech_s else "no-speech"


def _language(code: str | None) -> str:
    return "none" if code is None else code if code in LANGUAGES else "other"
