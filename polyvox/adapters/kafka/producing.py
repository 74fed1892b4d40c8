"""append: one idempotent producer, acknowledged by all in-sync copies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from polyvox.adapters.kafka import topics
from polyvox.adapters.kafka.clients import Clients
from polyvox.adapters.kafka.errors import meaning_of
from polyvox.errors import Fatal, Unavailable
from polyvox.ports import Message, TopicPartition

DELIVERED_WITHIN_S = 30.0
_BROKEN = (
    kafka.DuplicateSequenceNumber,
    kafka.InvalidProducerEpoch,
    kafka.InvalidProducerIdMapping,
    kafka.OutOfOrderSequenceNumber,
    kafka.ProducerClosed,
    kafka.ProducerFenced,
    kafka.UnknownProducerId,
)


async def append(
    clients: Clients, messages: Sequence[Message], *, within_s: float = DELIVERED_WITHIN_S
) -> list[TopicPartition]:
    """Returns when all are on the brokers.

    A producer that cannot deliver in time is given up with all that waits in it: what a caller was
    told to repeat must not turn up later as well, and must not fill the memory.

    Raises:
        Invalid: a message is larger than the topic takes.
        Unavailable: not all may be durable.
        Fatal: a topic does not exist, or we may not write to it.
    """
    if not messages:
        return []
    producer = await clients.producer()
    try:
        async with asyncio.timeout(within_s):
            sent = [await _sent(clients, producer, message) for message in messages]
            await asyncio.wait(sent)
        for failed in [future.exception() for future in sent]:
            if failed is not None:
                raise failed
        answers = [future.result() for future in sent]
    except TimeoutError as error:
        clients.discard(producer)
        raise Unavailable(f"Kafka took no message within {within_s} s") from error
    except kafka.UnknownTopicOrPartitionError as error:
        await _explain_unknown(clients, messages)
        raise meaning_of(error, "appending") from error
    except (kafka.KafkaError, OSError) as error:
        if isinstance(error, _BROKEN) or _is_dead(producer):
            clients.discard(producer)
        raise meaning_of(error, "appending") from error
    return [clients.options.bare((answer.topic, answer.partition)) for answer in answers]


async def _sent(clients: Clients, producer: AIOKafkaProducer, message: Message) -> Any:
    """A future of the broker's answer."""
    sent = await producer.send(
        clients.options.full(message.topic),
        message.value,
        key=message.key.encode(),
        headers=list(message.headers),
    )
    sent.add_done_callback(_looked_at)
    return sent


def _looked_at(sent: asyncio.Future[Any]) -> None:
    """Who waited in vain is told once; asyncio need not log each message of a producer that was given up."""
    if not sent.cancelled():
        sent.exception()


async def _explain_unknown(clients: Clients, messages: Sequence[Message]) -> None:
    """Raises Fatal when the cluster says that a topic is not there; aiokafka says so as well when nobody answers."""
    names = {clients.options.full(message.topic) for message in messages}
    if missing := sorted(names - (await topics.partitions(clients, sorted(names))).keys()):
        raise Fatal(f"no such topic: {', '.join(missing)}; create it with ensure_topics")


def _is_dead(producer: AIOKafkaProducer) -> bool:
    task = producer._sender.sender_task
    return task is None or task.done()
