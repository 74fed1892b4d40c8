"""MinIO: an S3 store that tells Kafka and webhooks what was put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.native import cache, programs
from infra.native.server import Server


@dataclass(frozen=True)
class KafkaTarget:
    """Where MinIO produces its bucket notifications; the topic must exist."""

    bootstrap: str
    topic: str


@dataclass(frozen=True)
class WebhookTarget:
    """Where MinIO posts its bucket notifications, with ``token`` as the bearer's."""

    url: str
    token: str = ""


class Minio(Server):
    """A store with random credentials and, if named, targets for bucket notifications.

    A target only gets the events of buckets whose notification configuration names its ARN. Events that a target
    did not take are kept in the folder and sent again.
    """

    NAME = "MinIO"
    PORTS = ("s3",)
    KAFKA_ARN = "arn:minio:sqs::PV:kafka"
    WEBHOOK_ARN = "arn:minio:sqs::PV:webhook"

    def __init__(self, folder: Path, *, kafka: KafkaTarget | None = None, webhook: WebhookTarget | None = None) -> None:
        super().__init__(folder)
        self._kafka = kafka
        self._webhook = webhook

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def access_key(self) -> str:
        return self.password("access_key")

    @property
    def secret_key(self) -> str:
        return self.password("secret_key")

    def command(self) -> list[str]:
        program = cache.path(programs.MINIO) / "minio"
        return [str(program), "server", str(self.folder / "data"), "--address", f"127.0.0.1:{self.ports['s3']}"]

    def environment(self) -> Mapping[str, str]:
        queues = self.folder / "events"
        variables = {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "GOMEMLIMIT": "256MiB",
        }
        if self._kafka is not None:
            variables |= {
                "MINIO_NOTIFY_KAFKA_ENABLE_PV": "on",
                "MINIO_NOTIFY_KAFKA_BROKERS_PV": self._kafka.bootstrap,
                "MINIO_NOTIFY_KAFKA_TOPIC_PV": self._kafka.topic,
                "MINIO_NOTIFY_KAFKA_VERSION_PV": "2.8.0",
                "MINIO_NOTIFY_KAFKA_QUEUE_DIR_PV": str(queues / "kafka"),
            }
        if self._webhook is not None:
            variables |= {
                "MINIO_NOTIFY_WEBHOOK_ENABLE_PV": "on",
                "MINIO_NOTIFY_WEBHOOK_ENDPOINT_PV": self._webhook.url,
                "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_PV": self._webhook.token,
                "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_PV": str(queues / "webhook"),
            }
        return variables

    def works(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/minio/health/cluster", trust_env=False).is_success
        except httpx.TransportError:
            return False
