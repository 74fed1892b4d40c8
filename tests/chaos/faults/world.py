"""The product and the servers that faults are put into."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infra.native import Kafka, Minio, Postgres, Proxy, SeaweedFS, Toxiproxy
from infra.native.minio import KafkaTarget
from polyvox import topics
from polyvox.adapters.kafka import KafkaLog, KafkaOptions
from polyvox.cli.local_server import base_url, running
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor, environment_of
from tests.support.buckets import client_of
from tests.support.disk import Disk, can_mount
from tests.support.ports import free_port
from tests.support.stack import INSTANT, server_settings, speech

AUDIO_S = 6.0
WATCHED = "calls"
PREFIX = "in/"
StoreName = Literal["minio", "seaweedfs"]


@dataclass(frozen=True)
class Pace:
    """How long faults last that last.

    ``send_s``: how long it takes to send the recordings that do not wait for the end of the fault. ``quiet_s``:
    how long everything may take afterwards.
    """

    send_s: float = 8.0
    hold_s: float = 20.0
    stall_s: float = 60.0
    storm_s: float = 40.0
    session_timeout_s: float = 10.0
    quiet_s: float = 300.0


@dataclass
class World:
    """A running product. It reaches each server through a proxy, tests reach it directly, by ``log`` and ``store``."""

    folder: Path
    settings: Settings
    supervisor: Supervisor
    kafka: Kafka
    store: Minio | SeaweedFS
    database: Postgres
    store_proxy: Proxy
    database_proxy: Proxy
    disks: dict[str, Disk]
    log: KafkaLog
    recording: Path
    pace: Pace

    @property
    def url(self) -> str:
        return base_url(self.settings)

    @property
    def proxies(self) -> dict[str, list[Proxy]]:
        return {"broker": self.kafka.proxies, "store": [self.store_proxy], "database": [self.database_proxy]}

    async def pid(self, name: str) -> int:
        """Process id of one of the product's processes, waiting for it to be started if need be."""
        async with asyncio.timeout(60):
            while name not in self.supervisor.pids:
                await asyncio.sleep(0.05)
        return self.supervisor.pids[name]

    @contextlib.contextmanager
    def extra(self, name: str, member: str) -> Iterator[subprocess.Popen[bytes]]:
        """One more process of the product, as a second machine would run it; killed at the end if it still runs."""
        [spec] = [spec for spec in INSTANT if spec.name == name]
        command = [sys.executable, "-m", *spec.module, "--member", member, "--parent", str(os.getpid())]
        with self.product_log.open("ab") as output:
            process = subprocess.Popen(
                command, env={**os.environ, **environment_of(self.settings)}, stdout=output, stderr=output
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def product_log(self) -> Path:
        """What all processes of the product say."""
        return self.folder / "product.log"


@contextlib.asynccontextmanager
async def world(
    folder: Path, kafka: Kafka, toxiproxy: Toxiproxy, *, store: StoreName = "minio", pace: Pace | None = None
) -> AsyncIterator[World]:
    """``kafka`` and ``toxiproxy`` run, and may be shared; the rest is started here."""
    pace = pace or Pace()
    folder.mkdir(parents=True, exist_ok=True)
    options = KafkaOptions(kafka.bootstrap, prefix=f"{uuid.uuid4().hex[:8]}-")
    async with AsyncExitStack() as stack:
        mounting = can_mount(folder / "probe")
        disks = {name: Disk(folder / name) for name in ("data", "store", "database")} if mounting else {}
        for disk in disks.values():
            stack.enter_context(disk)
        log = KafkaLog(options, client_id="faults")
        stack.push_async_callback(log.close)
        await log.ensure_topics(topics.configs())
        target = KafkaTarget(kafka.bootstrap, options.full(topics.BUCKET_EVENTS.name))
        objects = Minio(folder / "store", kafka=target) if store == "minio" else SeaweedFS(folder / "store")
        database = Postgres(folder / "database")
        with ThreadPoolExecutor(2) as pool:
            for started in [pool.submit(stack.enter_context, server) for server in (objects, database)]:
                started.result()
        store_proxy = _proxy(stack, toxiproxy, "store", objects.ports["s3"])
        database_proxy = _proxy(stack, toxiproxy, "database", database.ports["sql"])
        url = database.create_database("polyvox").replace(f":{database.ports['sql']}/", f":{database_proxy.port}/")
        own = server_settings(
            kafka=kafka.proxied_bootstrap, store=objects, database=url, endpoint=f"http://{store_proxy.address}"
        )
        _watch(objects)
        watch = {"bucket": WATCHED, "prefix": PREFIX, "sidecars": False, "settle_s": 1.0}
        settings = Settings(
            **own,
            data_dir=folder / "data",
            port=free_port(),
            kafka_prefix=options.prefix,
            watches=json.dumps([watch]),
            sweep_every_s=2.0,
            sweep_at_most_s=8.0,
            session_timeout_s=pace.session_timeout_s,
            drain_timeout_s=5.0,
            retry_max_s=5.0,
        )
        supervisor = Supervisor(settings, processes=INSTANT, log_file=folder / "product.log")
        made = World(
            folder=folder,
            settings=settings,
            supervisor=supervisor,
            kafka=kafka,
            store=objects,
            database=database,
            store_proxy=store_proxy,
            database_proxy=database_proxy,
            disks=disks,
            log=log,
            recording=speech(folder / "speech.flac", AUDIO_S),
            pace=pace,
        )
        async with running(settings, supervisor, asyncio.Event()):
            yield made


def _proxy(stack: AsyncExitStack, toxiproxy: Toxiproxy, name: str, port: int) -> Proxy:
    proxy = toxiproxy.proxy(f"{name}-{port}", f"127.0.0.1:{port}")
    stack.callback(proxy.remove)
    return proxy


def _watch(store: Minio | SeaweedFS) -> None:
    """The bucket that recordings are dropped into; MinIO tells Kafka of them, SeaweedFS tells nobody."""
    client = client_of(store)
    client.create_bucket(Bucket=WATCHED)
    if isinstance(store, Minio):
        queue: Any = {"QueueArn": Minio.KAFKA_ARN, "Events": ["s3:ObjectCreated:*"]}
        client.put_bucket_notification_configuration(
            Bucket=WATCHED, NotificationConfiguration={"QueueConfigurations": [queue]}
        )
    client.close()
