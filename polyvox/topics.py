"""Every topic there is: what it carries, who writes it, who reads it, how it is laid out.

Names have hyphens, no dots. The key of a message is the ``media_id``; on part-ready and retake-ready
it is ``media_id/part``, so that the parts of one recording spread over all transcribers.

What the workers read has two lanes, each a topic: ``part-ready`` for interactive work and
``part-ready-bulk`` for bulk, so that no amount of bulk lies before an interactive message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from polyvox.contracts import (
    AudioRemoved,
    Audited,
    CoverageGap,
    DiarizationProgressed,
    Event,
    Fact,
    Lane,
    MediaCompleted,
    MediaDeleted,
    MediaDiarized,
    MediaFailed,
    MediaReady,
    MediaUploaded,
    PartReady,
    PartTranscribed,
    ReplayRequested,
    RetakeReady,
    RetakeTranscribed,
    SegmentPublished,
    StageFailed,
    TenantBacklog,
    TranscriptCorrected,
)
from polyvox.ports import TopicConfig

DAY_S = 86_400.0
BULK = "-bulk"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``event`` None: no event of ours, but messages as they came."""

    name: str
    event: type[Event] | None
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    meaning: str
    partitions: int
    retention_s: float | None
    lane: Lane | None = None
    """None where both lanes share the topic."""
    compacted: bool = False

    @property
    def config(self) -> TopicConfig:
        return TopicConfig(self.name, self.partitions, self.retention_s, self.compacted)


def _topic(
    event: type[Event],
    producers: str,
    consumers: str,
    meaning: str,
    *,
    partitions: int = 6,
    retention_days: float = 7.0,
) -> Topic:
    return Topic(
        event.TOPIC,
        event,
        tuple(producers.split()),
        tuple(consumers.split()),
        meaning,
        partitions,
        retention_days * DAY_S,
    )


def _lanes(topic: Topic) -> Iterator[Topic]:
    """The topic of interactive work and its twin for bulk."""
    yield replace(topic, lane="interactive")
    yield replace(topic, name=topic.name + BULK, lane="bulk", meaning=f"{topic.meaning} Bulk work.")


def dead_letter_topic(stage: str) -> str:
    """Where a stage puts what it gave up on. ``stage`` is the worker's name."""
    return f"{stage}-dead-letters"


def _dead_letters(stage: str) -> Topic:
    return Topic(
        dead_letter_topic(stage),
        None,
        (stage,),
        ("polyvox dlq",),
        f"What the {stage} gave up on: the message as it came, its cause in the headers.",
        1,
        30 * DAY_S,
    )


BUCKET_EVENTS = Topic(
    "bucket-events",
    None,
    ("object store", "ingest"),
    ("bucket-watcher",),
    "Notifications of object stores as they sent them; see bulk.md. Their key is the store's.",
    6,
    7 * DAY_S,
)

WORKERS = ("normaliser", "transcriber", "diarizer", "projection", "webhooks")

# One partition: a state of a few thousand tenants, read as a whole by everybody who lets work in.
TENANT_BACKLOG = Topic(
    TenantBacklog.TOPIC,
    TenantBacklog,
    ("projection",),
    ("ingest", "transcriber"),
    "How much work of a tenant waits; the newest message of a tenant counts.",
    1,
    None,
    compacted=True,
)

# Read from a time on, so in one order as far as settings let it; kept for longer than a year.
AUDIT = Topic(
    Audited.TOPIC,
    Audited,
    ("ingest", "results-api"),
    ("polyvox audit", "downstream"),
    "Who uploaded, read, changed or deleted, or tried to.",
    1,
    400 * DAY_S,
)

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        *_lanes(_topic(MediaUploaded, "ingest", "normaliser projection", "A recording was accepted.")),
        *_lanes(_topic(MediaReady, "normaliser", "diarizer projection", "A recording is decoded and cut into parts.")),
        *_lanes(
            _topic(
                PartReady,
                "normaliser",
                "transcriber",
                "A part of at most ten minutes waits for its words.",
                partitions=12,
            )
        ),
        *_lanes(_topic(PartTranscribed, "transcriber", "projection", "The words of a part are stored.")),
        *_lanes(
            _topic(
                RetakeReady,
                "projection",
                "transcriber projection",
                "Stretches of a part in which words are missing are to be listened to again.",
            )
        ),
        *_lanes(_topic(RetakeTranscribed, "transcriber", "projection", "The words of a second attempt are stored.")),
        *_lanes(_topic(MediaDiarized, "diarizer", "projection", "The turns of a recording are stored.")),
        _topic(DiarizationProgressed, "diarizer", "projection", "Another stretch of a long recording was listened to."),
        *_lanes(_topic(StageFailed, "normaliser transcriber diarizer", "projection", "A stage gave up.")),
        _topic(
            SegmentPublished,
            "projection",
            "downstream",
            "One message for each segment of a finished transcript.",
            retention_days=30,
        ),
        _topic(MediaCompleted, "projection", "webhooks downstream", "A transcript is finished.", retention_days=30),
        _topic(
            CoverageGap,
            "projection",
            "downstream",
            "A finished transcript lacks words where somebody speaks.",
            retention_days=30,
        ),
        _topic(
            MediaFailed,
            "projection",
            "webhooks downstream",
            "A recording ended without a transcript.",
            retention_days=30,
        ),
        _topic(
            MediaDeleted,
            "results-api ingest projection",
            "projection webhooks downstream",
            "A recording was removed.",
            retention_days=30,
        ),
        _topic(
            AudioRemoved,
            "projection",
            "projection downstream",
            "The audio of a finished recording was removed; its result stays.",
            retention_days=30,
        ),
        _topic(ReplayRequested, "results-api", "projection", "A stage is to run again on a recording."),
        _topic(
            TranscriptCorrected,
            "results-api",
            "projection",
            "Somebody corrected a transcript, or took that back.",
            retention_days=30,
        ),
        BUCKET_EVENTS,
        TENANT_BACKLOG,
        AUDIT,
        *(_dead_letters(worker) for worker in WORKERS),
    )
}


def laned(*names: str) -> list[str]:
    """Both lanes of each of these topics; a topic that has no lanes stays as it is."""
    return [name for base in names for name in (base, base + BULK) if name in TOPICS]


def of(event: Event) -> str:
    """The topic that an event goes to."""
    bulk = event.TOPIC + BULK
    return bulk if isinstance(event, Fact) and event.lane == "bulk" and bulk in TOPICS else event.TOPIC


def configs() -> list[TopicConfig]:
    return [topic.config for topic in TOPICS.values()]
