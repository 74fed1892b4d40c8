"""Settings of a process: its folder, address, logs and traces."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class ProcessSettings(BaseSettings):
    """What every process of Polyvox has."""

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
