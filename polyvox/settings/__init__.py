"""Every setting, read from the environment (``POLYVOX_…``) by ``__main__`` modules only."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from pydantic_settings import SettingsConfigDict

from polyvox.settings.access import AccessSettings
from polyvox.settings.kafka import KafkaSettings
from polyvox.settings.models import ModelSettings
from polyvox.settings.objects import ObjectSettings
from polyvox.settings.process import ProcessSettings
from polyvox.settings.remote import RemoteSettings
from polyvox.settings.results import ResultSettings
from polyvox.settings.retention import RetentionSettings
from polyvox.settings.speakers import SpeakerSettings
from polyvox.settings.tenants import TenantSettings
from polyvox.settings.uploads import UploadSettings
from polyvox.settings.work import WorkSettings


# Fields are listed in the order of the bases, the last one first.
class Settings(
    WorkSettings,
    RemoteSettings,
    ModelSettings,
    TenantSettings,
    AccessSettings,
    UploadSettings,
    RetentionSettings,
    SpeakerSettings,
    ResultSettings,
    ObjectSettings,
    KafkaSettings,
    ProcessSettings,
):
    """Settings of all services; each service reads what concerns it.

    A field ``foo`` is set by the environment variable ``POLYVOX_FOO``.
    """

    model_config = SettingsConfigDict(env_prefix="POLYVOX_", frozen=True, extra="ignore")

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
