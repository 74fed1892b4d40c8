"""What is to be known about a cluster, and names with their prefix."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from polyvox.errors import Fatal
from polyvox.ports import TopicPartition
from polyvox.settings import Settings


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """How to reach a cluster and what to put there.

    Args:
        bootstrap: ``host:port`` of some brokers, with commas between.
        compression: of what is produced; "none", "gzip", "snappy", "lz4" or "zstd".
        prefix: begins the name of every topic and group.
        replication: copies of each new topic; 0 leaves it to the broker's default.
        partitions_factor: new topics get their number of partitions times this.
    """

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    compression: str = "zstd"
    prefix: str = ""
    replication: int = 0
    partitions_factor: int = 1

    def full(self, name: str) -> str:
        """The name that the cluster knows a topic or a group by."""
        return self.prefix + name

    def bare(self, partition: tuple[str, int]) -> TopicPartition:
        """A partition as the port names it."""
        topic, number = partition
        return TopicPartition(topic.removeprefix(self.prefix), number)

    def client(self, client_id: str) -> dict[str, Any]:
        """Arguments that all of aiokafka's clients take. Raises Fatal for settings that cannot work."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in self.bootstrap.split(",") if server.strip()],
            "client_id": client_id,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol in ("SSL", "SASL_SSL"):
            arguments["ssl_context"] = self._trust()
        if self.security_protocol.startswith("SASL_"):
            if self.username is None or self.password is None:
                raise Fatal("SASL needs a name and a password: set POLYVOX_KAFKA_USERNAME and POLYVOX_KAFKA_PASSWORD")
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return arguments

    def _trust(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=None if self.ca_file is None else str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise Fatal(
                f"no certificates can be read from {self.ca_file} ({error}): see POLYVOX_KAFKA_CA_FILE"
            ) from error


def of_settings(settings: Settings) -> KafkaOptions:
    """Raises Fatal when no brokers are named."""
    if not settings.kafka_bootstrap:
        raise Fatal("no Kafka brokers are named: set POLYVOX_KAFKA_BOOTSTRAP to host:port")
    return KafkaOptions(
        bootstrap=settings.kafka_bootstrap,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=None if settings.kafka_password is None else settings.kafka_password.get_secret_value(),
        ca_file=settings.kafka_ca_file,
        compression=settings.kafka_compression,
        prefix=settings.kafka_prefix,
        replication=settings.kafka_replication,
        partitions_factor=settings.kafka_partitions_factor,
    )
