"""A log by its address, so that tests and the processes they start open the same one."""

from __future__ import annotations

import uuid
from pathlib import Path

from polyvox.adapters.embedded_log import EmbeddedLog
from polyvox.adapters.kafka import KafkaLog, KafkaOptions
from polyvox.ports import EventLog

KAFKA = "kafka://"


def kafka_address(bootstrap: str) -> str:
    """An address on those brokers that nobody else uses."""
    return f"{KAFKA}{bootstrap}/{uuid.uuid4().hex[:8]}-"


def open_log(address: str | Path, *, name: str = "test") -> EventLog:
    """The log at ``kafka://BOOTSTRAP/PREFIX``, or the embedded one in a folder."""
    if str(address).startswith(KAFKA):
        bootstrap, _, prefix = str(address).removeprefix(KAFKA).partition("/")
        return KafkaLog(KafkaOptions(bootstrap, prefix=prefix), client_id=name)
    return EmbeddedLog(Path(address))
