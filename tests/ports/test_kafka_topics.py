"""How topics are laid out on Kafka."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from infra.native import Kafka
from polyvox.adapters.kafka import KafkaLog, KafkaOptions
from polyvox.errors import Fatal
from polyvox.ports import TopicConfig, TopicPartition

DAY_S = 86_400.0


@pytest.fixture
def options(kafka_server: Kafka) -> KafkaOptions:
    return KafkaOptions(kafka_server.bootstrap, prefix=f"{uuid4().hex[:8]}-")


async def configured(log: KafkaLog, name: str) -> dict[str, str]:
    admin = await log._clients.admin()
    (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, log._options.full(name))])
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


async def test_topics_keep_what_they_should_for_as_long_as_they_should(options: KafkaOptions) -> None:
    log = KafkaLog(options, client_id="test")
    await log.ensure_topics(
        [TopicConfig("work", 1, 7 * DAY_S), TopicConfig("for-ever", 1), TopicConfig("state", 1, DAY_S, compacted=True)]
    )
    work, for_ever, state = [await configured(log, name) for name in ("work", "for-ever", "state")]
    assert (work["cleanup.policy"], work["retention.ms"]) == ("delete", "604800000")
    assert (for_ever["cleanup.policy"], for_ever["retention.ms"]) == ("delete", "-1")
    assert state["cleanup.policy"] == "compact"
    for topic in (work, for_ever, state):
        assert topic["message.timestamp.type"] == "LogAppendTime"
        assert int(topic["max.message.bytes"]) == 4 * 1024 * 1024
    await log.close()


async def test_partitions_grow_by_their_factor_when_a_topic_is_created(options: KafkaOptions) -> None:
    log = KafkaLog(replace(options, partitions_factor=3), client_id="test")
    await log.ensure_topics([TopicConfig("work", 4)])
    assert await log.bounds("work") == {TopicPartition("work", number): (0, 0) for number in range(12)}
    await log.close()


async def test_many_may_create_the_same_topics_at_once(options: KafkaOptions) -> None:
    logs = [KafkaLog(options, client_id=f"test-{number}") for number in range(4)]
    topics = [TopicConfig(f"topic-{number}", 2) for number in range(5)]
    await asyncio.gather(*(log.ensure_topics(topics) for log in logs))
    for log in logs:
        assert [len(await log.bounds(topic.name)) for topic in topics] == [2] * 5
        await log.close()


async def test_more_copies_than_brokers_is_fatal_and_says_so(options: KafkaOptions) -> None:
    log = KafkaLog(replace(options, replication=3), client_id="test")
    with pytest.raises(Fatal, match="POLYVOX_KAFKA_REPLICATION"):
        await log.ensure_topics([TopicConfig("work", 1)])
    await log.close()


async def test_the_prefix_keeps_deployments_apart(options: KafkaOptions) -> None:
    one, two = (KafkaLog(replace(options, prefix=options.prefix + name), client_id="test") for name in ("a-", "b-"))
    await one.ensure_topics([TopicConfig("work", 1)])
    assert await one.bounds("work") == {TopicPartition("work", 0): (0, 0)}
    assert await two.bounds("work") == {}
    await one.close()
    await two.close()
