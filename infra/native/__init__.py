"""Real servers on this machine, without containers: fetched once, run on free ports, ended with who started them."""

from infra.native.kafka import Kafka
from infra.native.minio import KafkaTarget, Minio
from infra.native.postgres import Postgres
from infra.native.seaweedfs import SeaweedFS
from infra.native.server import StartError

__all__ = ["Kafka", "KafkaTarget", "Minio", "Postgres", "SeaweedFS", "StartError"]
