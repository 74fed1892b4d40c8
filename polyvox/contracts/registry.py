"""Every event there is, by its CloudEvents type."""

from __future__ import annotations

from polyvox.contracts.audio_removed import AudioRemoved
from polyvox.contracts.audited import Audited
from polyvox.contracts.corrections import TranscriptCorrected
from polyvox.contracts.coverage_gap import CoverageGap
from polyvox.contracts.diarization_progressed import DiarizationProgressed
from polyvox.contracts.envelope import Event
from polyvox.contracts.media_completed import MediaCompleted
from polyvox.contracts.media_deleted import MediaDeleted
from polyvox.contracts.media_diarized import MediaDiarized
from polyvox.contracts.media_failed import MediaFailed
from polyvox.contracts.media_ready import MediaReady
from polyvox.contracts.media_uploaded import MediaUploaded
from polyvox.contracts.part_ready import PartReady
from polyvox.contracts.part_transcribed import PartTranscribed
from polyvox.contracts.replay_requested import ReplayRequested
from polyvox.contracts.retake_ready import RetakeReady
from polyvox.contracts.retake_transcribed import RetakeTranscribed
from polyvox.contracts.stage_failed import StageFailed
from polyvox.contracts.tenant_backlog import TenantBacklog
from polyvox.contracts.transcript_segments import SegmentPublished

EVENTS: dict[str, type[Event]] = {
    event.TYPE: event
    for event in (
        MediaUploaded,
        MediaReady,
        PartReady,
        PartTranscribed,
        RetakeReady,
        RetakeTranscribed,
        MediaDiarized,
        DiarizationProgressed,
        StageFailed,
        SegmentPublished,
        MediaCompleted,
        CoverageGap,
        MediaFailed,
        MediaDeleted,
        AudioRemoved,
        TenantBacklog,
        ReplayRequested,
        TranscriptCorrected,
        Audited,
    )
}
