"""aiokafka's consumer with our coordinator."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.structs import OffsetAndMetadata

from polyvox.adapters.kafka.clients import METADATA_MAX_AGE_MS, REQUEST_TIMEOUT_MS
from polyvox.adapters.kafka.coordinator import Coordinator, Holder
from polyvox.adapters.kafka.options import KafkaOptions

HEARTBEATS_PER_SESSION = 6
HEARTBEAT_MAX_S = 3.0
REBALANCE_TIMEOUT_S = 90.0
"""How long members may take to join anew before the others go on without them: more than a worker takes to
drain what it has to let go of, to cancel what is left and to commit."""
JOIN_MARGIN_S = 5.0
FETCH_WAIT_MS = 250
"""How long a broker holds a fetch that finds nothing. What comes ends it at once, so that only a partition that is
not part of it waits: one that was paused, or was just dealt. With 25 an idle consumer took six times the CPU."""
IDLE_MS = 24 * 3_600_000
"""aiokafka leaves a group when nobody polls for so long. Ours is always polled: heartbeats tell who lives."""


class GroupMember(AIOKafkaConsumer):
    """Joins when ``subscribe`` is called, after ``start``; ``holder`` is told what it is dealt."""

    def __init__(
        self,
        options: KafkaOptions,
        client_id: str,
        holder: Holder,
        *,
        group: str,
        member: str,
        session_timeout_s: float,
    ) -> None:
        super().__init__(
            **options.client(client_id),
            group_id=options.full(group),
            group_instance_id=member,
            session_timeout_ms=round(session_timeout_s * 1000),
            heartbeat_interval_ms=round(min(HEARTBEAT_MAX_S, session_timeout_s / HEARTBEATS_PER_SESSION) * 1000),
            rebalance_timeout_ms=round(REBALANCE_TIMEOUT_S * 1000),
            request_timeout_ms=round((REBALANCE_TIMEOUT_S + JOIN_MARGIN_S) * 1000),
            max_poll_interval_ms=IDLE_MS,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        self._holder = holder

    @property
    def dead(self) -> bool:
        """A task that this member lives by has ended."""
        return bool(self._coordinator.dead or self._fetcher.error_future.done() or self._client._sync_task.done())

    async def start(self) -> None:
        await self._client.bootstrap()
        self._fetcher = Fetcher(
            self._client,
            self._subscription,
            fetch_min_bytes=self._fetch_min_bytes,
            fetch_max_bytes=self._fetch_max_bytes,
            fetch_max_wait_ms=self._fetch_max_wait_ms,
            max_partition_fetch_bytes=self._max_partition_fetch_bytes,
            check_crcs=self._check_crcs,
            fetcher_timeout=self._consumer_timeout,
            retry_backoff_ms=self._retry_backoff_ms,
            auto_offset_reset=self._auto_offset_reset,
            isolation_level=self._isolation_level,
        )
        self._coordinator = Coordinator(
            self._client,
            self._subscription,
            holder=self._holder,
            request_timeout_s=REQUEST_TIMEOUT_MS / 1000,
            group_id=self._group_id,
            group_instance_id=self._group_instance_id,
            heartbeat_interval_ms=self._heartbeat_interval_ms,
            session_timeout_ms=self._session_timeout_ms,
            retry_backoff_ms=self._retry_backoff_ms,
            enable_auto_commit=False,
            rebalance_timeout_ms=self._rebalance_timeout_ms,
            max_poll_interval_ms=self._max_poll_interval_ms,
        )

    async def store(self, offsets: Mapping[Place, int]) -> None:
        """Commit, also what is being let go of. Raises CommitFailedError when membership is lost."""
        wanted = {place: OffsetAndMetadata(offset, "") for place, offset in offsets.items()}
        await self._coordinator.commit_offsets(None, wanted)
