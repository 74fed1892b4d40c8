"""ElasticMQ: a message queue that speaks the protocol of Amazon SQS. Its messages live in memory."""

from __future__ import annotations

import httpx

from infra.native import cache, programs
from infra.native.server import Server


class ElasticMQ(Server):
    """Takes any credentials."""

    NAME = "ElasticMQ"
    PORTS = ("sqs",)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['sqs']}"

    def command(self) -> list[str]:
        options = {
            "rest-sqs.bind-hostname": "127.0.0.1",
            "rest-sqs.bind-port": self.ports["sqs"],
            "node-address.host": "127.0.0.1",
            "node-address.port": self.ports["sqs"],
            "rest-stats.enabled": "false",
        }
        return [
            str(programs.java()),
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            *(f"-D{name}={value}" for name, value in options.items()),
            "-cp",
            str(cache.path(programs.ELASTICMQ) / "*"),
            "org.elasticmq.server.Main",
        ]

    def works(self) -> bool:
        try:
            return httpx.get(f"{self.endpoint}/health", trust_env=False).is_success
        except httpx.TransportError:
            return False
