"""Real servers on this machine, without containers: fetched once, run on free ports, ended with who started them."""

from infra.native.elasticmq import ElasticMQ
from infra.native.kafka import Kafka
from infra.native.minio import KafkaTarget, Minio, WebhookTarget
from infra.native.postgres import Postgres
from infra.native.prometheus import Prometheus
from infra.native.seaweedfs import SeaweedFS
from infra.native.server import StartError
from infra.native.toxiproxy import Proxy, Toxiproxy

__all__ = [
    "ElasticMQ",
    "Kafka",
    "KafkaTarget",
    "Minio",
    "Postgres",
    "Prometheus",
    "Proxy",
    "SeaweedFS",
    "StartError",
    "Toxiproxy",
    "WebhookTarget",
]
