"""Finishing what a crash left of objects that were being taken."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ingest.bucket.ledger import JSON, Batch, Entry, Taking, claim
from polyvox import keys, metrics, topics
from polyvox.contracts import Fact
from polyvox.errors import NotFound
from polyvox.metrics import Metrics
from polyvox.ports import Clock, EventLog, ObjectInfo, ObjectStore
from polyvox.publish import Publisher

log = logging.getLogger(__name__)

SWEEP = "buckets"
UNFINISHED_AFTER_S = 900.0
"""A batch that old belongs to a process that is gone, or that will be glad of the help."""
_SLACK_MS = 5_000


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Finishes batches that nobody works on any more. Any number of processes may do so."""

    store: ObjectStore
    log: EventLog
    publisher: Publisher
    clock: Clock
    counters: Metrics = field(default_factory=metrics.process_metrics)

    async def finish(self, *, member: str | None = None) -> int:
        """Finish old batches, or all of ``member``, which is starting; returns how many. Raises Transient."""
        finished = 0
        prefix = keys.BUCKET_BATCHES if member is None else keys.bucket_batches(member)
        async for info in self.store.list(prefix):
            if member is not None or self._age_s(info) > UNFINISHED_AFTER_S:
                await self._finish(info.key)
                self.counters.add(metrics.SWEEP_REPAIRS, sweep=SWEEP, repair="finished")
                finished += 1
        if member is None:
            self.counters.set(metrics.ORPHANS, finished, sweep=SWEEP, kind="batch")
            self.counters.set(metrics.SWEEP_DONE, self.clock.now().timestamp(), sweep=SWEEP)
        return finished

    def _age_s(self, info: ObjectInfo) -> float:
        return (self.clock.now() - info.modified_at).total_seconds()

    async def _finish(self, name: str) -> None:
        raw = await _get(self.store, name)
        if raw is None:
            return
        batch = Batch.model_validate_json(raw)
        facts = [taking.fact for taking in batch.objects if await self._is_ours(taking, name)]
        told = await self._on_the_log(facts, batch.began_at)
        left = [fact for fact in facts if fact.media_id not in told]
        log.info("finishing %s: %d of %d objects were not on the log", name, len(left), len(batch.objects))
        if left:
            await self.publisher.publish(*left)
        await self.store.delete(name)

    async def _is_ours(self, taking: Taking, name: str) -> bool:
        """Whether the recording is this batch's to announce; does what was not done of it."""
        manifest = keys.upload_manifest(taking.fact.media_id)
        raw_entry, noted = await _get(self.store, taking.ledger_key), await _get(self.store, manifest)
        is_own_note = noted == taking.manifest()
        if raw_entry is None:
            if noted is None:
                return await claim(self.store, self.clock, taking, name)
            if is_own_note:
                await self.store.put(taking.ledger_key, taking.entry(name), content_type=JSON)
            return is_own_note
        if Entry.model_validate_json(raw_entry).batch == name:
            # Without a manifest it was announced and has been deleted since.
            return noted is not None
        if is_own_note:
            # The entry is that of a recording that was deleted, and the crash came before this was seen.
            await self.store.delete(manifest)
        return False

    async def _on_the_log(self, facts: Sequence[Fact], since: datetime) -> set[str]:
        """Which of the recordings the log tells of already."""
        wanted = {fact.media_id for fact in facts}
        told: set[str] = set()
        for topic in {topics.of(fact) for fact in facts}:
            starts = await self.log.offsets_at(topic, int(since.timestamp() * 1000) - _SLACK_MS)
            for partition, (_, end) in (await self.log.bounds(topic)).items():
                offset = starts.get(partition, end)
                while offset < end and (records := await self.log.read(partition, offset=offset, max_records=1000)):
                    told |= wanted & {record.key for record in records}
                    offset = records[-1].offset + 1
        return told


async def _get(store: ObjectStore, key: str) -> bytes | None:
    try:
        return await store.get(key)
    except NotFound:
        return None
