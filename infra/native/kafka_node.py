"""One node of Kafka: a broker and a controller in one Java process."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from infra.native import cache, fetch
from infra.native.server import Server

HEAP = "384m"


class KafkaNode(Server):
    """A node of the cluster that ``join`` names, which must come before ``start``."""

    NAME = "Kafka"
    PORTS = ("broker", "controller")
    # Three Java processes that start at once on two busy cores take their time.
    START_S: ClassVar[float] = 120.0
    STOP_S: ClassVar[float] = 20.0

    def __init__(self, folder: Path, number: int, settings: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.number = number
        self._settings = settings
        self._cluster = ""
        self._voters: list[str] = []

    @property
    def voter(self) -> str:
        """How the other controllers know this one."""
        return f"{self.number}@127.0.0.1:{self.ports['controller']}"

    def join(self, cluster: str, voters: list[str]) -> None:
        self._cluster, self._voters = cluster, voters

    def prepare(self) -> None:
        properties = self.folder / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        if not (self.folder / "data" / "meta.properties").exists():
            tool = [*_java("256m"), "kafka.tools.StorageTool", "format", "-t", self._cluster, "-c", str(properties)]
            with self.log.open("ab") as log:
                subprocess.run(tool, stdout=log, stderr=log, check=True)

    def command(self) -> list[str]:
        return [*_java(HEAP), "kafka.Kafka", str(self.folder / "server.properties")]

    def works(self) -> bool:
        # Kafka opens its ports last: then it has joined the cluster and takes requests.
        return True

    def _properties(self) -> dict[str, str]:
        broker = f"PLAINTEXT://127.0.0.1:{self.ports['broker']}"
        copies = str(len(self._voters))
        enough = str(max(1, len(self._voters) - 1))
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(self._voters),
            "listeners": f"{broker},CONTROLLER://127.0.0.1:{self.ports['controller']}",
            "advertised.listeners": broker,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": enough,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": enough,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": enough,
            # 50 by default; they are created by the first group that joins, which waits for them.
            "offsets.topic.num.partitions": "10",
            "transaction.state.log.num.partitions": "10",
            "group.initial.rebalance.delay.ms": "0",
            # A node that was killed is let in again when its former life has timed out: after 9 s by default.
            "broker.session.timeout.ms": "5000",
            "broker.heartbeat.interval.ms": "1000",
            # 128 MiB by default, a third of the heap.
            "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
            **self._settings,
        }


def _java(heap: str) -> list[str]:
    return [
        str(fetch.java()),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        "-cp",
        f"{cache.path(fetch.KAFKA)}/*",
    ]
