"""The EventLog port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from aiokafka.errors import KafkaConnectionError

from polyvox.adapters.kafka import producing, reading
from polyvox.adapters.kafka import topics as creation
from polyvox.adapters.kafka.clients import Clients, explain_refusal
from polyvox.adapters.kafka.consumer import KafkaConsumer
from polyvox.adapters.kafka.errors import translated
from polyvox.adapters.kafka.member import GroupMember
from polyvox.adapters.kafka.options import KafkaOptions
from polyvox.errors import Fatal
from polyvox.ports import Message, RebalanceListener, Record, TopicConfig, TopicPartition


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
            make=partial(
                GroupMember,
                self._options,
                self._client_id,
                group=group,
                member=member,
                session_timeout_s=session_timeout_s,
            ),
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
