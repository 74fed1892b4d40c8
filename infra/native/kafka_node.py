"""One node of Kafka: a broker and a controller in one Java process."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from infra.native import cache, programs
from infra.native.server import Server

HEAP = "384m"
PROXIED = "proxied"


class KafkaNode(Server):
    """A node of the cluster that ``join`` names, which must come before ``start``."""

    NAME = "Kafka"
    PORTS = ("broker", "controller")
    # Three Java processes that start at once on two busy cores take their time.
    START_S: ClassVar[float] = 120.0

    def __init__(
        self,
        folder: Path,
        number: int,
        *,
        settings: Mapping[str, str],
        java_options: Sequence[str] | None,
        proxied: bool,
    ) -> None:
        super().__init__(folder)
        self.number = number
        self.advertised_port: int | None = None
        if proxied:
            self.port_names = (*self.PORTS, PROXIED)
        self._settings = settings
        self._java_options = java_options
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
            # Not with options that are meant for the node, such as a file to write at the end.
            options: list[str] | None = None if self._java_options is None else []
            java = [*self._java("256m", options), "-XX:TieredStopAtLevel=1"]
            tool = ["kafka.tools.StorageTool", "format", "-t", self._cluster, "-c", str(properties)]
            with self.log.open("ab") as log:
                subprocess.run([*java, *tool], stdout=log, stderr=log, check=True)

    def command(self) -> list[str]:
        return [*self._java(HEAP, self._java_options), "kafka.Kafka", str(self.folder / "server.properties")]

    def works(self) -> bool:
        # Kafka opens its ports last: then it has joined the cluster and takes requests.
        return True

    def _properties(self) -> dict[str, str]:
        advertised = {"PLAINTEXT": self.ports["broker"]}
        listening = {**advertised, "CONTROLLER": self.ports["controller"]}
        if self.advertised_port is not None:
            advertised["PROXIED"] = self.advertised_port
            listening["PROXIED"] = self.ports[PROXIED]
        copies = str(len(self._voters))
        enough = str(max(1, len(self._voters) - 1))
        return {
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "controller.quorum.voters": ",".join(self._voters),
            "listeners": _addresses(listening),
            "advertised.listeners": _addresses(advertised),
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
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

    @staticmethod
    def _java(heap: str, options: Sequence[str] | None) -> list[str]:
        if options is None:
            # See fetch.py. A Java that was updated since starts without it.
            options = [f"-XX:SharedArchiveFile={cache.path(programs.KAFKA_CLASSES) / 'classes.jsa'}", "-Xlog:cds=off"]
        log = "-Dorg.slf4j.simpleLogger"
        logger = [f"{log}.showDateTime=true", f"{log}.dateTimeFormat=HH:mm:ss.SSS"]
        return java(f"-Xmx{heap}", "-XX:+UseSerialGC", *options, *logger)


def java(*options: str) -> list[str]:
    """Java with Kafka's jars."""
    return [str(programs.java()), "-cp", f"{cache.path(programs.KAFKA)}/*", *options]


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
