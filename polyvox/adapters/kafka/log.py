"""The EventLog port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaConnectionError

from polyvox.adapters.kafka import producing, reading
from polyvox.adapters.kafka import topics as creation
from polyvox.adapters.kafka.clients import FETCH_WAIT_MS, METADATA_MAX_AGE_MS, Clients, explain_refusal
from polyvox.adapters.kafka.consumer import KafkaConsumer
from polyvox.adapters.kafka.coordinator import GroupMember
from polyvox.adapters.kafka.errors import translated
from polyvox.adapters.kafka.options import KafkaOptions
from polyvox.errors import Fatal
from polyvox.ports import Message, RebalanceListener, Record, TopicConfig, TopicPartition

HEARTBEATS_PER_SESSION = 6
HEARTBEAT_MAX_S = 3.0
REBALANCE_TIMEOUT_S = 90.0
"""How long members may take to finish their work before the others go on without them: more than a worker
takes to drain, to cancel what is left and to commit."""
JOIN_MARGIN_S = 5.0
QUICK_TIMEOUT_S = 20.0
IDLE_MS = 24 * 3_600_000
"""The client itself leaves a group when nobody polls for so long. Ours is always polled: heartbeats tell who lives."""


class KafkaLog:
    """EventLog on the cluster that ``options`` name.

    Every call raises Unavailable while the cluster does not answer, and Fatal when it refuses us.

    Args:
        client_id: names this process in the brokers' logs and quotas.
    """

    def __init__(self, options: KafkaOptions, *, client_id: str) -> None:
        self._options = options
        self._client_id = client_id
        self._clients = Clients(options, client_id)
        self._consumers: set[KafkaConsumer] = set()
        self._closed = False

    async def ensure_topics(self, topics: Sequence[TopicConfig]) -> None:
        await creation.ensure(self._clients, topics)

    async def append(self, messages: Sequence[Message]) -> list[TopicPartition]:
        """Raises Invalid for a message that is too large, Fatal for a topic that was never created."""
        if self._closed:
            raise Fatal("the log is closed")
        return await producing.append(self._clients, messages)

    async def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        *,
        member: str,
        listener: RebalanceListener | None = None,
        session_timeout_s: float = 45.0,
    ) -> KafkaConsumer:
        """Returns when the cluster answers; the assignment comes when the other members have given theirs back."""
        if self._closed:
            raise Fatal("the log is closed")
        consumer = KafkaConsumer(
            self._options,
            group,
            topics,
            member=member,
            listener=listener,
            make=lambda on_fenced: self._member(group, member, session_timeout_s, on_fenced),
            on_stop=self._consumers.discard,
        )
        with translated(f"joining {group} at {self._options.bootstrap}"):
            try:
                await consumer.start()
            except BaseException as error:
                await consumer.stop()
                if isinstance(error, KafkaConnectionError):
                    await explain_refusal(self._options, self._client_id)
                raise
        self._consumers.add(consumer)
        return consumer

    async def read(self, partition: TopicPartition, *, offset: int, max_records: int = 100) -> list[Record]:
        return await reading.read(self._clients, partition, offset=offset, max_records=max_records)

    async def bounds(self, topic: str) -> dict[TopicPartition, tuple[int, int]]:
        return await reading.bounds(self._clients, topic)

    async def offsets_at(self, topic: str, timestamp_ms: int) -> dict[TopicPartition, int]:
        return await reading.offsets_at(self._clients, topic, timestamp_ms)

    async def lag(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        return await reading.lag(self._clients, group, topics)

    async def enforce_retention(self) -> int:
        """The brokers do it."""
        return 0

    async def close(self) -> None:
        """Stop what consumes, finish what appends, close all connections. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(consumer.stop() for consumer in tuple(self._consumers)))
        await self._clients.close()

    def _member(self, group: str, member: str, session_timeout_s: float, on_fenced: Callable[[], None]) -> GroupMember:
        return GroupMember(
            **self._options.client(self._client_id),
            on_fenced=on_fenced,
            quick_timeout_s=QUICK_TIMEOUT_S,
            group_id=self._options.full(group),
            group_instance_id=member,
            session_timeout_ms=round(session_timeout_s * 1000),
            heartbeat_interval_ms=round(min(HEARTBEAT_MAX_S, session_timeout_s / HEARTBEATS_PER_SESSION) * 1000),
            rebalance_timeout_ms=round(REBALANCE_TIMEOUT_S * 1000),
            request_timeout_ms=round((REBALANCE_TIMEOUT_S + JOIN_MARGIN_S) * 1000),
            max_poll_interval_ms=IDLE_MS,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
