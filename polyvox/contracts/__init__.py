"""Events and artifacts: what travels on the log and what lies in the object store.

Contracts only ever gain optional fields. JSON Schemas and the AsyncAPI document under
docs/ are generated from these models, and tests/contracts holds golden examples of each.
"""

from polyvox.contracts.artifacts import (
    Diarization,
    LanguageGuess,
    PartWords,
    SpeakerEmbedding,
    SpeechRegion,
    SuspectWords,
    Turn,
    Word,
)
from polyvox.contracts.audio_removed import AudioRemoved
from polyvox.contracts.audited import Audited
from polyvox.contracts.corrections import Correction, SegmentCorrection, SpeakerCorrection, TranscriptCorrected
from polyvox.contracts.coverage_gap import CoverageGap
from polyvox.contracts.decoding import decode
from polyvox.contracts.diarization_progressed import DiarizationProgressed
from polyvox.contracts.envelope import Envelope, Event, Fact, Lane, encode, wrap
from polyvox.contracts.media_completed import MediaCompleted
from polyvox.contracts.media_deleted import MediaDeleted
from polyvox.contracts.media_diarized import MediaDiarized
from polyvox.contracts.media_failed import MediaFailed
from polyvox.contracts.media_ready import AudioTrack, MediaReady, PartSpan, SourceInfo
from polyvox.contracts.media_uploaded import MediaUploaded
from polyvox.contracts.options import Options
from polyvox.contracts.part_ready import AudioSlice, PartReady
from polyvox.contracts.part_transcribed import PartTranscribed
from polyvox.contracts.registry import EVENTS
from polyvox.contracts.replay_requested import ReplayedStage, ReplayRequested
from polyvox.contracts.retake_ready import RetakeReady
from polyvox.contracts.retake_transcribed import RetakeTranscribed
from polyvox.contracts.stage_failed import Stage, StageFailed
from polyvox.contracts.tenant_backlog import LaneBacklog, TenantBacklog
from polyvox.contracts.transcript import (
    Coverage,
    Span,
    StageReport,
    Transcript,
    TranscriptPart,
    TranscriptSegment,
    TranscriptSpeaker,
    TranscriptTurn,
    TranscriptWord,
    UnplacedCorrection,
)
from polyvox.contracts.transcript_segments import SegmentPublished

__all__ = [
    "EVENTS",
    "AudioRemoved",
    "AudioSlice",
    "AudioTrack",
    "Audited",
    "Correction",
    "Coverage",
    "CoverageGap",
    "Diarization",
    "DiarizationProgressed",
    "Envelope",
    "Event",
    "Fact",
    "Lane",
    "LaneBacklog",
    "LanguageGuess",
    "MediaCompleted",
    "MediaDeleted",
    "MediaDiarized",
    "MediaFailed",
    "MediaReady",
    "MediaUploaded",
    "Options",
    "PartReady",
    "PartSpan",
    "PartTranscribed",
    "PartWords",
    "ReplayRequested",
    "ReplayedStage",
    "RetakeReady",
    "RetakeTranscribed",
    "SegmentCorrection",
    "SegmentPublished",
    "SourceInfo",
    "Span",
    "SpeakerCorrection",
    "SpeakerEmbedding",
    "SpeechRegion",
    "Stage",
    "StageFailed",
    "StageReport",
    "SuspectWords",
    "TenantBacklog",
    "Transcript",
    "TranscriptCorrected",
    "TranscriptPart",
    "TranscriptSegment",
    "TranscriptSpeaker",
    "TranscriptTurn",
    "TranscriptWord",
    "Turn",
    "UnplacedCorrection",
    "Word",
    "decode",
    "encode",
    "wrap",
]
