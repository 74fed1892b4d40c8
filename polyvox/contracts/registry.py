"""Every event there is, by its CloudEvents type."""

from __future__ import annotations

from polyvox.contracts.envelope import Fact
from polyvox.contracts.media_completed import MediaCompleted
from polyvox.contracts.media_deleted import MediaDeleted
from polyvox.contracts.media_diarized import MediaDiarized
from polyvox.contracts.media_failed import MediaFailed
from polyvox.contracts.media_ready import MediaReady
from polyvox.contracts.media_uploaded import MediaUploaded
from polyvox.contracts.part_ready import PartReady
from polyvox.contracts.part_transcribed import PartTranscribed
from polyvox.contracts.stage_failed import StageFailed
from polyvox.contracts.transcript_segments import SegmentPublished

EVENTS: dict[str, type[Fact]] = {
    fact.TYPE: fact
    for fact in (
        MediaUploaded,
        MediaReady,
        PartReady,
        PartTranscribed,
        MediaDiarized,
        StageFailed,
        SegmentPublished,
        MediaCompleted,
        MediaFailed,
        MediaDeleted,
    )
}
