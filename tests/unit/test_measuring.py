"""What work costs and how recordings end is counted, by class of tenant and never by tenant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from diarizer.engines.base import Diarized, Run
from diarizer.measuring import Measuring as DiarizerMeasuring
from ingest.measuring import Measuring as DecoderMeasuring
from polyvox import metrics
from polyvox.contracts import AudioSlice, MediaReady, PartReady, StageFailed, Transcript, wrap
from polyvox.contracts.transcript import (
    Coverage,
    Span,
    StageReport,
    TranscriptSegment,
    TranscriptSuspect,
    TranscriptWord,
)
from polyvox.ports import TopicPartition
from polyvox.settings import Settings
from polyvox.supervisor import environment_of
from polyvox.tenants import TenantClasses
from polyvox.worker.holdings import Holdings
from polyvox.worker.window import Window
from results_api.database.recording import Plan
from results_api.projection.measuring import Measuring
from results_api.view.fold import fold
from tests.support.recorded_metrics import RecordedMetrics
from tests.support.stages import Recording
from transcriber.engines.base import Effort, Load, Transcription
from transcriber.measuring import Measuring as TranscriberMeasuring

CLASSES = TenantClasses({"default": "gold"})
GOLD = {"tenant_class": "gold"}


def test_a_part_is_counted_with_what_its_engine_says_it_cost() -> None:
    counters = RecordedMetrics()
    audio = AudioSlice(key="a", header_bytes=1, start_byte=1, end_byte=2)
    part = PartReady(media_id="recording-1", part=0, part_count=1, start_s=5.0, end_s=95.0, audio=audio)
    effort = Effort("cuda", busy_s=2.0, windows=4, window_s=90.0, decodes=5, tokens=300, loads=(Load("base", 3.0),))
    result = Transcription([], "en", [], [], effort=effort)
    measuring = TranscriberMeasuring(counters, CLASSES, "our-own")
    measuring.transcribed(part, "whisper", "base", result)
    which = {"engine": "whisper", "model": "base"}
    assert counters.count(metrics.ENGINE_AUDIO, stage="transcribe", **which) == 90.0
    assert counters.count(metrics.ENGINE_BUSY, stage="transcribe", **which) == 2.0
    assert counters.values(metrics.ENGINE_RTFX, stage="transcribe", engine="whisper") == [45.0]
    assert counters.count(metrics.ENGINE_TOKENS, **which) == 300
    assert counters.count(metrics.ENGINE_DECODES, **which) == 5
    assert counters.values(metrics.BATCH_FILL, engine="whisper") == [0.75]
    assert counters.values(metrics.MODEL_LOAD, stage="transcribe", **which) == [3.0]
    assert counters.count(metrics.DEVICE_TIME, stage="transcribe", device="cuda", **GOLD) == 2.0
    for model in ("our-own", "somebody/model-1", "somebody/model-2"):
        measuring.transcribed(part, "whisper", model, result)
    assert counters.count(metrics.ENGINE_TOKENS, engine="whisper", model="our-own") == 300
    assert counters.count(metrics.ENGINE_TOKENS, engine="whisper", model="other") == 600


def test_a_diarized_and_a_decoded_recording_are_counted() -> None:
    counters, recording = RecordedMetrics(), Recording()
    run = Run(Diarized([], [], {}), 60.0, "pyannote", "m", device="cpu", busy_s=12.0, load_s=7.0)
    DiarizerMeasuring(counters, CLASSES).diarized(recording.ready, run)
    DecoderMeasuring(counters, CLASSES).decoded(recording.upload, 16_000 * 60, 0.5)
    assert counters.values(metrics.ENGINE_RTFX, stage="diarize", engine="pyannote") == [5.0]
    assert counters.values(metrics.MODEL_LOAD, stage="diarize", engine="pyannote", model="m") == [7.0]
    assert counters.values(metrics.ENGINE_RTFX, stage="normalise", engine="decoder") == [120.0]
    assert counters.count(metrics.DEVICE_TIME, stage="diarize", device="cpu", **GOLD) == 12.0
    assert counters.count(metrics.DEVICE_TIME, stage="normalise", device="cpu", **GOLD) == 0.5


def view_and_end(recording: Recording) -> Plan:
    view = None
    for second, fact in enumerate(recording.facts):
        view = fold(view, recording.event(fact, second))
    assert view is not None
    return Plan(1, "basis", view)


def test_a_completed_recording_tells_how_long_it_took_and_how_good_it_is() -> None:
    counters, recording = RecordedMetrics(), Recording()
    plan = view_and_end(recording)
    words = [TranscriptWord(word="So", start=0, end=1, probability=p) for p in (0.4, 0.8)]
    transcript = Transcript(
        media_id=recording.media_id,
        status="completed",
        duration=100.0,
        text="So So",
        language="tlh",
        segments=[TranscriptSegment(id=0, start=0, end=2, text="So So", words=words)],
        suspects=[TranscriptSuspect(start=9, end=10, text="Bye.", reason="stock", left_out=True)],
        coverage=Coverage(speech=50, covered=44, gaps=[Span(start=1, end=4)]),
        stages={"diarize": StageReport(status="failed"), "transcribe": StageReport(status="done")},
    )
    assert plan.view.uploaded_at is not None
    measuring = Measuring(counters, CLASSES, {"interactive": 30.0, "bulk": 1000.0})
    measuring.completed(plan, transcript, plan.view.uploaded_at + timedelta(seconds=31))
    whose = {"lane": recording.upload.lane, **GOLD}
    assert counters.count(metrics.RECORDINGS_ENDED, outcome="completed", **whose) == 1
    assert counters.values(metrics.TURNAROUND, **whose) == [31.0]
    assert counters.count(metrics.RECORDINGS_LATE, **whose) == 1
    assert counters.count(metrics.COVERAGE_GAPS, **GOLD) == 1
    assert counters.count(metrics.COVERAGE_GAP_TIME, **GOLD) == 3
    assert counters.count(metrics.SUSPECT_WORDS, **GOLD) == 1
    assert counters.values(metrics.CONFIDENCE, **GOLD) == [pytest.approx(0.6)]
    assert counters.count(metrics.LANGUAGES, language="other") == 1
    assert counters.count(metrics.WITHOUT_STAGE, stage="diarize") == 1
    again = Plan(2, "other", plan.view)
    measuring.completed(again, transcript, datetime.now(UTC))
    assert counters.count(metrics.RECORDINGS_ENDED, outcome="completed", **whose) == 1
    assert counters.count(metrics.WORDS, **GOLD) == 4


def test_stages_and_parts_are_counted_as_their_events_come() -> None:
    counters, recording = RecordedMetrics(), Recording(parts=3)
    measuring, view = Measuring(counters, CLASSES), None
    for second, fact in enumerate([recording.upload, recording.ready, recording.transcribed(0)]):
        event = recording.event(fact, second)
        view = fold(view, event)
        measuring.told(event, view)
    failed = StageFailed(media_id=recording.media_id, stage="transcribe", part=1, code="broken", reason="It is broken.")
    measuring.told(wrap(failed, source="/tests", time=datetime.now(UTC)), view)
    lane = {"lane": recording.upload.lane}
    assert counters.count(metrics.PARTS, state="ready", **lane) == 3
    assert counters.count(metrics.PARTS, state="transcribed", **lane) == 1
    assert counters.count(metrics.PARTS, state="failed", lane=failed.lane) == 1
    assert counters.count(metrics.STAGE_FAILURES, stage="transcribe", code="broken") == 1
    assert counters.values(metrics.STAGE_LATENCY, stage="transcribe", **lane) == [1.0]
    assert isinstance(recording.ready, MediaReady)


def test_a_partition_stands_still_while_its_oldest_message_is_not_finished() -> None:
    counters, holdings = RecordedMetrics(), Holdings(Window())
    at = TopicPartition("part-ready-bulk", 0)
    holdings.assign([at])
    holding = holdings.get(at)
    assert holding is not None
    for offset in range(3):
        holding.take(offset, 10)
    for now_s in (100.0, 107.0):
        holdings.measure(counters, "w", now_s)
    holding.finish(2)
    holdings.measure(counters, "w", 110.0)
    holding.finish(0)
    holdings.measure(counters, "w", 111.0)
    holding.finish(1)
    holdings.measure(counters, "w", 120.0)
    assert counters.values(metrics.COMMIT_STANDSTILL, worker="w") == [0.0, 7.0, 10.0, 0.0, 0.0]
    assert counters.values(metrics.PARTITIONS_ASSIGNED, worker="w", lane="bulk")[-1] == 1
    assert counters.values(metrics.PARTITIONS_ASSIGNED, worker="w", lane="interactive")[-1] == 0


def test_classes_of_tenants_are_few_and_pass_to_other_processes() -> None:
    classes = {"acme": "gold", "emca": "silver"}
    passed = environment_of(Settings(tenant_classes=classes))
    assert passed["POLYVOX_TENANT_CLASSES"] == '{"acme": "gold", "emca": "silver"}'
    assert TenantClasses(classes).names == ("standard", "gold", "silver")
    assert TenantClasses(classes).of("anybody") == "standard"
    with pytest.raises(ValidationError, match="16 classes"):
        Settings(tenant_classes={f"t{n}": f"c{n}" for n in range(17)})
    with pytest.raises(ValidationError, match="no name of a class"):
        Settings(tenant_classes={"acme": "Gold!"})
