"""Kafka over TLS with names and passwords: who gets in, and what those who do not are told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psutil import Process

from infra.native import Kafka
from infra.native.kafka_node import java
from polyvox.adapters.kafka import KafkaLog, KafkaOptions
from polyvox.errors import Fatal
from polyvox.ports import Message, TopicConfig, TopicPartition
from tests.support.consuming import collect
from tests.support.polling import until

LOGIN = "org.apache.kafka.common.security"


def certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 that signs itself, and its key, in one PEM file."""
    key, signed, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {signed}".split(),
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + signed.read_text())
    return signed


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaOptions]:
    """How ``admin`` gets in with PLAIN; ``scram`` has the same password and gets in with SCRAM-SHA-512."""
    folder = tmp_path_factory.mktemp("secure")
    signed = certificate(folder)
    settings = {
        "listener.security.protocol.map": "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.plaintext.plain.sasl.jaas.config": (
            f'{LOGIN}.plain.PlainLoginModule required username="admin" password="secret" user_admin="secret";'
        ),
        "listener.name.plaintext.scram-sha-512.sasl.jaas.config": f"{LOGIN}.scram.ScramLoginModule required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "both.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(signed),
    }
    with Kafka(folder / "kafka", settings=settings) as broker:
        client = folder / "client.properties"
        client.write_text(
            "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nssl.truststore.type=PEM\n"
            f"ssl.truststore.location={signed}\n"
            f'sasl.jaas.config={LOGIN}.plain.PlainLoginModule required username="admin" password="secret";\n'
        )
        subprocess.run(
            [
                *java("kafka.admin.ConfigCommand", "--bootstrap-server", broker.bootstrap),
                *("--command-config", str(client), "--alter", "--entity-type", "users", "--entity-name", "scram"),
                *("--add-config", "SCRAM-SHA-512=[password=secret]"),
            ],
            check=True,
            capture_output=True,
        )
        yield KafkaOptions(
            broker.bootstrap,
            security_protocol="SASL_SSL",
            sasl_mechanism="PLAIN",
            username="admin",
            password="secret",
            ca_file=signed,
        )


@pytest.mark.parametrize(("mechanism", "user"), [("PLAIN", "admin"), ("SCRAM-SHA-512", "scram")])
async def test_who_knows_the_password_appends_and_consumes(options: KafkaOptions, mechanism: str, user: str) -> None:
    log = KafkaLog(replace(options, sasl_mechanism=mechanism, username=user, prefix=f"{user}-"), client_id="test")
    await log.ensure_topics([TopicConfig("topic", 1)])
    await log.append([Message("topic", "k", b"v")])
    consumer = await log.subscribe("group", ["topic"], member="m")
    (record,) = await collect(consumer, 1, deadline_s=60.0)
    await consumer.commit({TopicPartition("topic", 0): record.offset + 1})
    assert await log.lag("group", ["topic"]) == {TopicPartition("topic", 0): 0}
    await log.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "guess"}, "POLYVOX_KAFKA_SECURITY_PROTOCOL, _SASL_MECHANISM, _USERNAME and _PASSWORD"),
        ({"sasl_mechanism": "SCRAM-SHA-512", "username": "nobody"}, "_USERNAME and _PASSWORD"),
        ({"sasl_mechanism": "SCRAM-SHA-256"}, "_SASL_MECHANISM"),
        ({"username": None}, "set POLYVOX_KAFKA_USERNAME and POLYVOX_KAFKA_PASSWORD"),
        ({"ca_file": None}, "POLYVOX_KAFKA_CA_FILE"),
        ({"ca_file": Path("/nowhere.pem")}, "POLYVOX_KAFKA_CA_FILE"),
    ],
)
async def test_who_is_refused_is_told_what_to_set(
    options: KafkaOptions, wrong: dict[str, str | Path | None], said: str
) -> None:
    files = Process().num_fds()
    log = KafkaLog(replace(options, **wrong), client_id="test")  # type: ignore[arg-type]
    for call in (log.append([Message("topic", "k", b"v")]), log.subscribe("group", ["topic"], member="m")):
        with pytest.raises(Fatal) as refusal:
            await call
        assert said in str(refusal.value)
    await log.close()
    # A refused connection is closed by both sides, which takes a moment more than closing the log.
    await until(lambda: Process().num_fds() <= files)
