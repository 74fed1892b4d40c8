"""Settings of results: their database, who is told of them, and when they are late."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from polyvox.contracts import Lane


class ResultSettings(BaseSettings):
    """Where results are kept, who is told, and what counts as late."""

    database: SecretStr | None = Field(
        None, description="postgresql://user:password@host/name of the results; without it SQLite in data_dir."
    )
    database_connections: int = Field(
        8, ge=2, description="Connections that one service of a process opens to the database at most."
    )
    keep_suspects: bool = Field(
        False,
        description="Leave words that look made up in transcripts, for uploads that do not say; without it they are "
        "listed with their reasons.",
    )
    webhooks_private: bool = Field(
        False,
        description="Let webhooks go to addresses of this machine and of private networks, and over http. Whoever may "
        "register one can then reach what is there.",
    )
    cors_origins: str = Field(
        "",
        description="Web pages of other origins that may use the API from a browser, with commas between, for example "
        "https://app.example.com; * for all.",
    )
    turnaround_target_s: float = Field(
        600.0, gt=0, description="Interactive recordings that take longer than this, in seconds, count as late."
    )
    turnaround_target_bulk_s: float = Field(
        86_400.0, gt=0, description="Bulk recordings that take longer than this, in seconds, count as late."
    )

    @property
    def turnaround_targets_s(self) -> dict[Lane, float]:
        return {"interactive": self.turnaround_target_s, "bulk": self.turnaround_target_bulk_s}
