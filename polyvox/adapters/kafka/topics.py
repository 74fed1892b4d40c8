"""Creating topics, and waiting until the cluster knows them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError

from polyvox.adapters.kafka.clients import MESSAGE_MAX_BYTES, Clients
from polyvox.adapters.kafka.errors import meaning_of, of_code, patiently, translated
from polyvox.errors import Unavailable
from polyvox.ports import TopicConfig

KNOWN_WITHIN_S = 30.0
POLL_S = 0.05
IN_SYNC_FROM = 3
"""Copies from which on a message counts as durable only when two brokers have it."""


async def ensure(clients: Clients, topics: Sequence[TopicConfig]) -> None:
    """Create what is missing; what exists stays as it is. Raises Unavailable and Fatal."""
    wanted = {clients.options.full(topic.name): topic for topic in topics}
    missing = wanted.keys() - (await partitions(clients, wanted)).keys()
    if not missing:
        return
    admin = await clients.admin()
    with translated("creating topics"):
        replication = clients.options.replication or await _default_replication(admin)
        answer = await admin.create_topics(
            [
                NewTopic(
                    name,
                    wanted[name].partitions * clients.options.partitions_factor,
                    replication,
                    topic_configs=configuration(wanted[name], replication),
                )
                for name in sorted(missing)
            ]
        )
    for name, code, *said in answer.topic_errors:
        # Another process may have been quicker.
        if code not in (0, TopicAlreadyExistsError.errno):
            raise meaning_of(of_code(code)(*said), f"creating the topic {name}")
    await _known(clients, wanted)


def configuration(topic: TopicConfig, replication: int) -> dict[str, str]:
    """The topic's settings in Kafka's words."""
    said = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "max.message.bytes": str(MESSAGE_MAX_BYTES),
        # The broker's time, not the producers': times of a partition do not go back, whoever writes.
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(-1 if topic.retention_s is None else round(topic.retention_s * 1000)),
    }
    if replication >= IN_SYNC_FROM:
        said["min.insync.replicas"] = "2"
    return said


async def partitions(clients: Clients, names: Sequence[str] | dict[str, Any]) -> dict[str, list[int]]:
    """Numbers of the partitions of each of these full names that exists and can be used. Raises Unavailable."""
    admin = await clients.admin()
    # All topics: asking for one by name would create it where brokers create what is asked for.
    described = await patiently("looking up topics", admin.describe_topics)
    wanted = frozenset(names)
    return {
        topic["topic"]: sorted(partition["partition"] for partition in topic["partitions"])
        for topic in described
        if topic["topic"] in wanted
        and topic["error_code"] == 0
        and all(partition["leader"] >= 0 for partition in topic["partitions"])
    }


async def _known(clients: Clients, wanted: dict[str, TopicConfig]) -> None:
    deadline_s = time.monotonic() + KNOWN_WITHIN_S
    while missing := wanted.keys() - (await partitions(clients, wanted)).keys():
        if time.monotonic() > deadline_s:
            raise Unavailable(f"{KNOWN_WITHIN_S} s after they were created, nobody leads {', '.join(sorted(missing))}")
        await asyncio.sleep(POLL_S)


async def _default_replication(admin: Any) -> int:
    """``default.replication.factor`` of the brokers; aiokafka speaks no protocol in which -1 stands for it."""
    node = str(admin._client.cluster.controller.nodeId)
    (answer,) = await admin.describe_configs(
        [ConfigResource(ConfigResourceType.BROKER, node, {"default.replication.factor": None})]
    )
    (resource,) = answer.resources
    code, said, entries = resource[0], resource[1], resource[4]
    if code:
        raise of_code(code)(said)
    return next(int(entry[1]) for entry in entries if entry[0] == "default.replication.factor")
