"""Apache Kafka in KRaft mode: one node, or three that replicate."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from infra.native.kafka_node import PROXIED, KafkaNode
from infra.native.server import ATTEMPTS, PortTaken, StartError
from infra.native.toxiproxy import Proxy, Toxiproxy


class Kafka:
    """A cluster in ``folder``; ``settings`` are added to each node's server.properties.

    Topics are not created by being used, as in most clusters in production. With three nodes new topics get three
    copies, of which two must have a message before it is acknowledged: one node may be down.

    With ``toxiproxy`` (which runs) each node has another listener behind a proxy of its own, in ``proxies``: clients
    that begin at ``proxied_bootstrap`` are sent from node to node through the proxies only.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: Literal[1, 3] = 1,
        settings: Mapping[str, str] | None = None,
        toxiproxy: Toxiproxy | None = None,
        java_options: Sequence[str] | None = None,
    ) -> None:
        self.folder = folder
        self.proxies: list[Proxy] = []
        self._toxiproxy = toxiproxy
        self.nodes = [
            KafkaNode(
                folder / f"node-{number}",
                number,
                settings=settings or {},
                java_options=java_options,
                proxied=toxiproxy is not None,
            )
            for number in range(1, nodes + 1)
        ]

    @property
    def bootstrap(self) -> str:
        """``host:port`` of all nodes, with commas between."""
        return ",".join(f"127.0.0.1:{node.ports['broker']}" for node in self.nodes)

    @property
    def proxied_bootstrap(self) -> str:
        """``bootstrap`` through the proxies."""
        return ",".join(proxy.address for proxy in self.proxies)

    @property
    def running(self) -> bool:
        """Whether all nodes run."""
        return all(node.running for node in self.nodes)

    @property
    def pids(self) -> list[int]:
        """Process ids of the nodes that run."""
        return [node.pid for node in self.nodes if node.running]

    def start(self) -> Self:
        """Starts the nodes that are down, on the ports they had."""
        if all(node.settled for node in self.nodes):
            self._each(KafkaNode.start)
            return self
        for attempt in range(ATTEMPTS):
            self._introduce(afresh=attempt > 0)
            try:
                self._each(KafkaNode.attempt)
            except StartError as error:
                self.kill()
                # Each node knows the ports of all: they change together or not at all.
                if not isinstance(error, PortTaken) or attempt == ATTEMPTS - 1:
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        self._each(KafkaNode.stop)

    def kill(self) -> None:
        """SIGKILL to all nodes."""
        self._each(KafkaNode.kill)

    def kill_node(self, index: int) -> None:
        """SIGKILL to one node; they count from 0."""
        self.nodes[index].kill()

    def start_node(self, index: int) -> None:
        """Starts a node that is down; returns when it has joined the others."""
        self.nodes[index].start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _introduce(self, *, afresh: bool) -> None:
        """Gives each node its ports and tells it those of the others."""
        for node in self.nodes:
            others = [port for other in self.nodes if other is not node for port in other.ports.values()]
            node.choose_ports(afresh=afresh, avoid=others)
        self._put_proxies_before()
        cluster, voters = self._cluster_id(), [node.voter for node in self.nodes]
        for node in self.nodes:
            node.join(cluster, voters)

    def _put_proxies_before(self) -> None:
        if self._toxiproxy is None:
            return
        while self.proxies:
            self.proxies.pop().remove()
        for node in self.nodes:
            name = f"{self.folder.name}-{node.number}"
            proxy = self._toxiproxy.proxy(name, f"127.0.0.1:{node.ports[PROXIED]}")
            node.advertised_port = proxy.port
            self.proxies.append(proxy)

    def _cluster_id(self) -> str:
        """Kafka's form of a random UUID, the same for all nodes and for the life of the folder."""
        kept = self.folder / "cluster-id"
        if not kept.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            # A leading hyphen would read as an option.
            kept.write_text("p" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:])
        return kept.read_text()

    def _each(self, action: Callable[[KafkaNode], object]) -> None:
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            for done in [pool.submit(action, node) for node in self.nodes]:
                done.result()
