"""One of each server, set up for ``polyvox up``: a bucket that tells Kafka what is put into it, and a database."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote
from typing import Any

import boto3
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from botocore.config import Config

from infra.native.kafka import Kafka
from infra.native.minio import KafkaTarget, Minio
from infra.native.postgres import Postgres
from infra.native.prometheus import Prometheus
from infra.native.seaweedfs import SeaweedFS

BUCKET = "polyvox"
INBOX = "inbox"
DATABASE = "polyvox"
REGION = "us-east-1"
EVENTS_TOPIC = "bucket-events"
# Where ``polyvox up`` listens by default.
PROMETHEUS_CONFIG = """\
global: {scrape_interval: 5s}
scrape_configs:
  - job_name: polyvox
    static_configs: [{targets: ["127.0.0.1:8484"]}]
"""


class Services:
    """The servers in subfolders of ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kafka = Kafka(folder / "kafka")
        self.seaweedfs = SeaweedFS(folder / "seaweedfs")
        self.postgres = Postgres(folder / "postgres")
        self.prometheus = Prometheus(folder / "prometheus", PROMETHEUS_CONFIG)
        self.minio: Minio | None = None
        self._database = ""

    def start(self) -> None:
        with ThreadPoolExecutor() as pool:
            started = [
                pool.submit(server.start) for server in (self.kafka, self.seaweedfs, self.postgres, self.prometheus)
            ]
            for done in started:
                done.result()
        self._database = self.postgres.create_database(DATABASE)
        # MinIO does not create it.
        asyncio.run(self._create_events_topic())
        target = KafkaTarget(self.kafka.bootstrap, EVENTS_TOPIC)
        self.minio = Minio(self._folder / "minio", kafka=target).start()
        for store in (self.minio, self.seaweedfs):
            self._create_bucket(store)

    def stop(self) -> None:
        """Ends what runs, the stores before Kafka, to which they send."""
        for server in (self.minio, self.seaweedfs, self.prometheus, self.postgres, self.kafka):
            if server is not None:
                server.stop()

    def variables(self) -> str:
        """Lines for a shell: what ``polyvox up`` reads from its environment to use these servers."""
        assert self.minio is not None
        lines = {
            "POLYVOX_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "POLYVOX_DATABASE": self._database,
            **self._store_variables(self.minio),
        }
        other = self._store_variables(self.seaweedfs)
        return "".join(
            [
                *(f"export {name}={quote(value)}\n" for name, value in lines.items()),
                "# For SeaweedFS instead of MinIO:\n",
                *(f"# export {name}={quote(value)}\n" for name, value in other.items()),
            ]
        )

    def running(self) -> dict[str, Any]:
        """Process ids and addresses by name."""
        assert self.minio is not None
        return {
            "kafka": {"pids": self.kafka.pids, "address": self.kafka.bootstrap},
            "minio": {"pids": [self.minio.pid], "address": self.minio.endpoint},
            "seaweedfs": {"pids": [self.seaweedfs.pid], "address": self.seaweedfs.endpoint},
            "postgres": {"pids": [self.postgres.pid], "address": f"127.0.0.1:{self.postgres.ports['sql']}"},
            "prometheus": {"pids": [self.prometheus.pid], "address": self.prometheus.endpoint},
        }

    def _store_variables(self, store: Minio | SeaweedFS) -> dict[str, str]:
        return {
            "POLYVOX_S3_BUCKET": BUCKET,
            "POLYVOX_S3_ENDPOINT": store.endpoint,
            "POLYVOX_S3_REGION": REGION,
            "POLYVOX_S3_ACCESS_KEY": store.access_key,
            "POLYVOX_S3_SECRET_KEY": store.secret_key,
        }

    async def _create_events_topic(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            if EVENTS_TOPIC not in await admin.list_topics():
                await admin.create_topics([NewTopic(EVENTS_TOPIC, num_partitions=4, replication_factor=1)])
        finally:
            await admin.close()

    @staticmethod
    def _create_bucket(store: Minio | SeaweedFS) -> None:
        client = boto3.client(
            "s3",
            endpoint_url=store.endpoint,
            region_name=REGION,
            aws_access_key_id=store.access_key,
            aws_secret_access_key=store.secret_key,
            config=Config(s3={"addressing_style": "path"}),
        )
        held = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        for name in (BUCKET, INBOX):
            if name not in held:
                client.create_bucket(Bucket=name)
        if isinstance(store, Minio):
            client.put_bucket_notification_configuration(
                Bucket=INBOX,
                NotificationConfiguration={
                    "QueueConfigurations": [{"QueueArn": Minio.KAFKA_ARN, "Events": ["s3:ObjectCreated:*"]}]
                },
            )
