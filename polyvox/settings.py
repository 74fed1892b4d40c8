"""Every setting, read from the environment (``POLYVOX_…``) by ``__main__`` modules only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
TENANT_CLASSES_MAX = 16


class TenantLimits(BaseModel):
    """What one tenant may let wait in each lane; None: as everybody else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_audio_s: float | None = Field(None, ge=0)
    max_recordings: int | None = Field(None, ge=0)


class Settings(BaseSettings):
    """Settings of all services; each service reads what concerns it.

    A field ``foo`` is set by the environment variable ``POLYVOX_FOO``.
    """

    model_config = SettingsConfigDict(env_prefix="POLYVOX_", frozen=True, extra="ignore")

    data_dir: Path = Field(Path("polyvox-data"), description="Folder of the embedded log, store and database.")
    host: str = Field("127.0.0.1", description="Address the HTTP server listens on.")
    port: int = Field(8484, ge=0, le=65535, description="Port of the HTTP server; 0 picks a free one.")
    member: str | None = Field(
        None,
        description="Name of a process within its consumer groups, the same after a restart; the host name by default.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="json: an object a line; text: for people; auto: text on a terminal, json elsewhere."
    )
    tracing: bool = Field(True, description="Keep what each recording's time went to; polyvox trace shows it.")
    otlp_endpoint: str | None = Field(
        None,
        description="URL of an OpenTelemetry collector that takes OTLP over HTTP, for example http://collector:4318; "
        "spans are sent to its /v1/traces.",
    )
    otlp_headers: SecretStr | None = Field(
        None, description="Headers for that collector: NAME=VALUE, with commas between."
    )
    otlp_share: float = Field(
        1.0, ge=0, le=1, description="Share of the traces that are sent, chosen by trace id: whole ones, everywhere."
    )

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

    s3_bucket: str | None = Field(None, description="Bucket of all objects; without it they lie in data_dir.")
    s3_prefix: str = Field("", description="Begins the key of every object in the bucket.")
    s3_endpoint: str | None = Field(None, description="URL of the object store; AWS without it.")
    s3_region: str | None = Field(None, description="Region of the bucket.")
    s3_access_key: str | None = Field(None, description="Access key; without it boto3 looks where it usually does.")
    s3_secret_key: SecretStr | None = Field(None, description="Secret of the access key.")
    s3_path_style: bool = Field(
        True, description="Bucket in the path, not in the host name. AWS wants false, most others true."
    )
    s3_public_endpoint: str | None = Field(
        None, description="URL of the object store as browsers reach it, for presigned URLs; s3_endpoint without it."
    )

    watches: str | None = Field(
        None, description="Watched prefixes of buckets: a JSON list, or the path of a file with it; see bulk.md."
    )
    bucket_events_topic: str = Field(
        "bucket-events", description="Topic with the bucket notifications that Kafka is sent; kafka_prefix begins it."
    )
    bucket_events_token: SecretStr | None = Field(
        None, description="Token of whoever posts bucket notifications to /v1/bucket-events; nobody may without it."
    )
    bucket_events_sqs: str | None = Field(
        None, description="URLs of SQS queues with bucket notifications, with commas between."
    )
    sqs_endpoint: str | None = Field(None, description="URL of the server of these queues; AWS without it.")
    bucket_concurrency: int = Field(
        32, ge=1, description="Objects of watched buckets that one watcher looks at at the same time."
    )
    sweep_every_s: float = Field(
        30.0, gt=0, description="Shortest time between two listings of a watched prefix, in seconds."
    )
    sweep_at_most_s: float = Field(
        900.0, gt=0, description="Longest time between two listings that find nothing, in seconds."
    )

    database: SecretStr | None = Field(
        None, description="postgresql://user:password@host/name of the results; without it SQLite in data_dir."
    )
    database_connections: int = Field(
        8, ge=2, description="Connections that one service of a process opens to the database at most."
    )

    max_upload_bytes: int = Field(5 * 1024 * MIB, gt=0, description="Largest upload accepted, in bytes.")
    cors_origins: str = Field(
        "",
        description="Web pages of other origins that may use the API from a browser, with commas between, for example "
        "https://app.example.com; * for all.",
    )
    results_url: str | None = Field(
        None,
        description="Where ingest finds the results API, for the routes that answer an upload with its transcript, for "
        "example http://results-api:8484; without it in its own process.",
    )
    webhooks_private: bool = Field(
        False,
        description="Let webhooks go to addresses of this machine and of private networks, and over http. Whoever may "
        "register one can then reach what is there.",
    )
    upload_expires_s: float = Field(
        23 * 3600.0,
        gt=0,
        description="How long an upload in several requests may take, in seconds. MinIO forgets its parts after a day.",
    )
    tenant_backlog_max_audio_s: float = Field(
        18_000_000.0,
        gt=0,
        description="Audio of one tenant that may wait in each lane, in seconds; beyond it uploads get 429.",
    )
    tenant_backlog_max_recordings: int = Field(
        1_000_000, gt=0, description="Recordings of one tenant that may wait in each lane."
    )
    tenant_backlog_limits: dict[str, TenantLimits] = Field(
        {},
        description='Other limits for single tenants, as JSON: {"acme": {"max_audio_s": 3600, "max_recordings": 100}}.',
    )
    tenant_classes: dict[str, str] = Field(
        {},
        description='Classes of tenants, by which metrics tell them apart, as JSON: {"acme": "gold"}; all others are '
        "standard. At most 16 classes.",
    )
    turnaround_target_s: float = Field(
        600.0, gt=0, description="Interactive recordings that take longer than this, in seconds, count as late."
    )
    turnaround_target_bulk_s: float = Field(
        86_400.0, gt=0, description="Bulk recordings that take longer than this, in seconds, count as late."
    )
    trust_tenant_header: str | None = Field(
        None,
        description="Header in which a gateway names the tenant of a request. Off by default: "
        "whoever can reach the server directly could name any.",
    )
    max_duration_s: float = Field(12 * 3600.0, gt=0, description="Longest recording accepted, in seconds.")
    part_max_s: float = Field(600.0, gt=0, description="Longest part given to a transcriber, in seconds.")
    normaliser_concurrency: int = Field(2, ge=1, description="Recordings decoded at the same time by one normaliser.")
    decode_memory_bytes: int = Field(1536 * MIB, gt=0, description="Address space of the decoding process, in bytes.")
    decode_timeout_s: float = Field(
        1800.0, gt=0, description="Longest wall-clock time to decode one recording, in seconds."
    )

    weights_dir: Path = Field(
        Path.home() / ".cache" / "polyvox" / "weights", description="Folder where model weights are kept."
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.")
    threads: int = Field(0, ge=0, description="Threads a model uses on CPU; 0 uses all cores.")
    transcriber_engine: Literal["ctranslate2", "whisper"] = Field(
        "ctranslate2", description="Engine that writes the words."
    )
    transcriber_model: str = Field("base", description="Model of the transcriber when a request names none.")
    transcriber_concurrency: int = Field(1, ge=1, description="Parts transcribed at the same time by one transcriber.")
    transcriber_batch: int = Field(
        4,
        ge=1,
        description="Short parts that a transcriber's model takes together, so that their windows share its batch; "
        "engine whisper only.",
    )
    transcribe_timeout_s: float = Field(3600.0, gt=0, description="Longest wall-clock time for one part, in seconds.")
    diarizer_pipeline: str = Field(
        "builtin",
        description="builtin, or a pyannote pipeline: a Hugging Face name or a local folder.",
    )
    diarizer_concurrency: int = Field(1, ge=1, description="Recordings diarized at the same time by one diarizer.")
    diarize_timeout_s: float = Field(
        6 * 3600.0, gt=0, description="Longest wall-clock time for one recording, in seconds."
    )
    speakers_wait_s: float = Field(
        3600.0,
        gt=0,
        description="How long a recording that has its words waits for its speakers, in seconds; then its result is "
        "made without them, and made again when they come.",
    )
    hf_token: str | None = Field(None, description="Hugging Face token, for pipelines and models that need one.")

    attempts: int = Field(5, ge=1, description="Attempts at a message in transient trouble before it is dead-lettered.")
    retry_base_s: float = Field(0.5, gt=0, description="First delay between attempts, in seconds; it doubles.")
    retry_max_s: float = Field(60.0, gt=0, description="Longest delay between attempts, in seconds.")
    session_timeout_s: float = Field(
        45.0, gt=0, description="Silence after which a consumer loses its partitions, in seconds."
    )
    drain_timeout_s: float = Field(25.0, ge=0, description="How long work in flight may go on at shutdown, in seconds.")

    @field_validator("tenant_classes")
    @classmethod
    def _few_classes(cls, classes: dict[str, str]) -> dict[str, str]:
        if len(names := set(classes.values())) > TENANT_CLASSES_MAX:
            raise ValueError(f"there may be {TENANT_CLASSES_MAX} classes of tenants at most, not {len(names)}")
        for name in names:
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", name):
                raise ValueError(f"{name!r} is no name of a class: up to 32 lower-case letters, digits and hyphens")
        return classes

    @property
    def log_path(self) -> Path:
        return self.data_dir / "log"

    @property
    def objects_path(self) -> Path:
        return self.data_dir / "objects"

    @property
    def database_path(self) -> Path:
        return self.data_dir / "polyvox.db"

    @property
    def scratch_path(self) -> Path:
        return self.data_dir / "scratch"

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the results database."""
        if self.database is not None:
            scheme, separator, rest = self.database.get_secret_value().partition("://")
            if scheme not in ("postgresql", "postgres", "postgresql+asyncpg") or not separator:
                raise ValueError("POLYVOX_DATABASE is a URL such as postgresql://user:password@host/name")
            return f"postgresql+asyncpg://{rest}"
        return f"sqlite+aiosqlite:///{quote(str(self.database_path))}"
