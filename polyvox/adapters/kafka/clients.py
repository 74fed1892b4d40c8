"""The clients of one process that belong to no group: opened on first use, replaced when they are beyond repair."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from polyvox.adapters.kafka.errors import translated
from polyvox.adapters.kafka.options import KafkaOptions
from polyvox.errors import Fatal

REQUEST_TIMEOUT_MS = 20_000
METADATA_MAX_AGE_MS = 60_000
LINGER_MS = 2
MESSAGE_MAX_BYTES = 4 * 1024 * 1024
"""Largest message, and ``max.message.bytes`` of what is created here."""
BATCH_BYTES = 128 * 1024
FETCH_WAIT_MS = 25
"""How long a broker holds a fetch that finds nothing, where one caller reads here and there and waits for the end."""
STOP_S = 5.0


class Clients:
    """Holds at most one of each. ``reader`` is for one caller at a time: hold ``reading``."""

    def __init__(self, options: KafkaOptions, client_id: str) -> None:
        self.options = options
        self.client_id = client_id
        self.reading = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._open: dict[str, Any] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def producer(self) -> AIOKafkaProducer:
        """Raises Unavailable and Fatal, as do the others."""
        return await self._opened("producer")

    async def admin(self) -> AIOKafkaAdminClient:
        return await self._opened("admin")

    async def reader(self) -> AIOKafkaConsumer:
        return await self._opened("reader")

    def discard(self, client: Any) -> None:
        """Forget a client that is beyond repair, and what waits in it; the next use opens another."""
        for name, opened in list(self._open.items()):
            if opened is client:
                del self._open[name]
                if isinstance(client, AIOKafkaProducer):
                    give_up(client)
                task = asyncio.create_task(_shut(client), name=f"end of a {name}")
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        self._closed = True
        async with self._opening:
            clients = list(self._open.values())
            self._open.clear()
        await asyncio.gather(*map(_shut, clients), *self._ending)

    async def _opened(self, name: str) -> Any:
        if (client := self._open.get(name)) is None:
            async with self._opening:
                if self._closed:
                    raise Fatal("the log is closed")
                if (client := self._open.get(name)) is None:
                    client = self._open[name] = await self._start(name)
        return client

    async def _start(self, name: str) -> Any:
        client = self._made(name)
        with translated(f"connecting to {self.options.bootstrap}"):
            try:
                await client.start()
            except BaseException as error:
                await _shut(client)
                if isinstance(error, KafkaConnectionError):
                    await explain_refusal(self.options, self.client_id)
                raise
        return client

    def _made(self, name: str) -> Any:
        common = self.options.client(self.client_id) | {
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "metadata_max_age_ms": METADATA_MAX_AGE_MS,
        }
        if name == "admin":
            return AIOKafkaAdminClient(**common)
        if name == "reader":
            return AIOKafkaConsumer(
                **common, fetch_max_wait_ms=FETCH_WAIT_MS, auto_offset_reset="earliest", enable_auto_commit=False
            )
        compression = self.options.compression
        try:
            return AIOKafkaProducer(
                **common,
                acks="all",
                enable_idempotence=True,
                compression_type=None if compression == "none" else compression,
                linger_ms=LINGER_MS,
                max_batch_size=BATCH_BYTES,
                max_request_size=MESSAGE_MAX_BYTES,
            )
        except RuntimeError as error:
            raise Fatal(
                f"{error}: pip install 'polyvox[kafka]', or choose another POLYVOX_KAFKA_COMPRESSION"
            ) from error


async def explain_refusal(options: KafkaOptions, client_id: str) -> None:
    """Raises why a broker that answers does not let us in; aiokafka only says that it could not connect."""
    arguments = options.client(client_id) | {"request_timeout_ms": REQUEST_TIMEOUT_MS}
    for server in arguments.pop("bootstrap_servers"):
        host, _, port = server.rpartition(":")
        try:
            connection = await create_conn(host.strip("[]"), int(port), **arguments)
        except KafkaConnectionError:
            continue
        connection.close()


def give_up(producer: AIOKafkaProducer) -> None:
    """What waits in it is not sent any more."""
    waiting = producer._message_accumulator
    waiting.fail_all(KafkaConnectionError("the producer was given up"))
    for batch in [*waiting._pending_batches, *chain.from_iterable(waiting._batches.values())]:
        # Nobody asks a batch that was never full; asyncio would log each of these errors as forgotten.
        if batch._drain_waiter.done():
            batch._drain_waiter.exception()


async def _shut(client: Any) -> None:
    """Stop a client within bounded time."""
    if isinstance(client, AIOKafkaProducer):
        await _shut_producer(client)
        return
    stop = client.close if isinstance(client, AIOKafkaAdminClient) else client.stop
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOP_S):
            await stop()


async def _shut_producer(producer: AIOKafkaProducer) -> None:
    """Deliver what waits if that is soon done."""
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOP_S):
            await producer.flush()
    give_up(producer)
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(STOP_S):
            await producer.stop()
    await producer.client.close()
