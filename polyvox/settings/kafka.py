"""Settings of the event log on Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class KafkaSettings(BaseSettings):
    """How to reach the brokers, and what topics are made like."""

    kafka_bootstrap: str | None = Field(
        None, description="Kafka brokers, host:port with commas between; without it the log is embedded in data_dir."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to log in, with SASL."
    )
    kafka_username: str | None = Field(None, description="User name, with SASL.")
    kafka_password: SecretStr | None = Field(None, description="Password, with SASL.")
    kafka_ca_file: Path | None = Field(
        None, description="Certificates that sign the brokers'; the system's without it."
    )
    kafka_compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        "zstd", description="Compression of what is produced."
    )
    kafka_prefix: str = Field(
        "",
        pattern=r"^[a-z0-9-]*$",
        description="Begins the name of every topic and group, for clusters that are shared.",
    )
    kafka_replication: int = Field(
        0, ge=0, description="Copies of each new topic; 0 leaves it to the broker's default."
    )
    kafka_partitions_factor: int = Field(
        1, ge=1, description="New topics get their number of partitions times this; as many workers share a topic."
    )
