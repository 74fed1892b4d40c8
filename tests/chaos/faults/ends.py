"""What lies on the topics: which recordings were announced, and how each ended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from polyvox import topics
from polyvox.contracts import Envelope, MediaCompleted, MediaFailed, MediaUploaded, decode
from polyvox.ports import EventLog, Record, TopicPartition

AT_ONCE = 1000
GROUPS = (*topics.WORKERS, "bucket-watcher")


@dataclass
class Ends:
    """Follows the topics from their beginning; ``catch_up`` reads what is new. All ids are of events."""

    log: EventLog
    announced: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Media ids by file name."""
    completed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Distinct ids of media-completed by media id."""
    failed: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Reasons by distinct ids of media-failed, by media id."""
    letters: list[Record] = field(default_factory=list)
    _positions: dict[TopicPartition, int] = field(default_factory=dict)

    async def catch_up(self) -> None:
        for topic in topics.laned(MediaUploaded.TOPIC, MediaCompleted.TOPIC, MediaFailed.TOPIC):
            for record in await self._news(topic):
                self._fold(decode(record.value))
        for worker in topics.WORKERS:
            self.letters += await self._news(topics.dead_letter_topic(worker))

    def ended(self, media_id: str) -> bool:
        return media_id in self.completed or media_id in self.failed

    async def behind(self) -> int:
        """Messages that no worker is through with."""
        waiting = 0
        for group in GROUPS:
            # States are read as a whole, without a group.
            read = [one.name for one in topics.TOPICS.values() if group in one.consumers and not one.compacted]
            waiting += sum((await self.log.lag(group, read)).values())
        return waiting

    def _fold(self, envelope: Envelope[Any]) -> None:
        match envelope.data:
            case MediaUploaded() as fact:
                self.announced[fact.filename or ""].add(fact.media_id)
            case MediaCompleted() as fact:
                self.completed[fact.media_id].add(envelope.id)
            case MediaFailed() as fact:
                self.failed[fact.media_id][envelope.id] = f"{fact.stage}: {fact.code}: {fact.reason}"

    async def _news(self, topic: str) -> list[Record]:
        found: list[Record] = []
        for partition, (first, end) in (await self.log.bounds(topic)).items():
            offset = self._positions.get(partition, first)
            while offset < end and (records := await self.log.read(partition, offset=offset, max_records=AT_ONCE)):
                found += records
                offset = records[-1].offset + 1
            self._positions[partition] = offset
        return found
