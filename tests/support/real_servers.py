"""One of each real server for the whole test run, started when the first test asks for it.

Tests share them and keep apart by a Kafka prefix, a bucket, a database of their own. A server that cannot be started
fails the test: what the product runs on in production is not optional here (``python -m infra.native fetch``).
A test that kills a server starts one of its own: ``Kafka(tmp_path)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.native import ElasticMQ, Kafka, Minio, Postgres, SeaweedFS, Toxiproxy

PATIENT = {
    "controller.quorum.election.timeout.ms": "5000",
    "controller.quorum.fetch.timeout.ms": "8000",
    "controller.quorum.request.timeout.ms": "8000",
}
"""Three controllers that start at once on a busy machine never agree on one within the second they have by default."""


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def toxiproxy(servers_folder: Path) -> Iterator[Toxiproxy]:
    """Make proxies under names of your own: ``toxiproxy.proxy(name, "host:port")``."""
    with Toxiproxy(servers_folder / "toxiproxy") as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server(servers_folder: Path, toxiproxy: Toxiproxy) -> Iterator[Kafka]:
    """One node; through ``kafka_server.proxies`` and ``.proxied_bootstrap`` with faults."""
    server = Kafka(servers_folder / "kafka", toxiproxy=toxiproxy).start()
    yield server
    # Nobody reads the data again: no need for the order that stop keeps.
    server.kill()


@pytest.fixture(scope="module")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory, toxiproxy: Toxiproxy) -> Iterator[Kafka]:
    """Three nodes, as ``kafka_server``; a test that kills one starts it again.

    For a module, not for all: three idle nodes take a third of a core.
    """
    folder = tmp_path_factory.mktemp("kafka-cluster")
    cluster = Kafka(folder, nodes=3, settings=PATIENT, toxiproxy=toxiproxy).start()
    yield cluster
    cluster.kill()


@pytest.fixture(scope="session")
def minio_server(servers_folder: Path) -> Iterator[Minio]:
    with Minio(servers_folder / "minio") as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs_server(servers_folder: Path) -> Iterator[SeaweedFS]:
    with SeaweedFS(servers_folder / "seaweedfs") as server:
        yield server


@pytest.fixture(scope="session")
def sqs_server(servers_folder: Path) -> Iterator[ElasticMQ]:
    with ElasticMQ(servers_folder / "elasticmq") as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[Postgres]:
    with Postgres(servers_folder / "postgres") as server:
        yield server
