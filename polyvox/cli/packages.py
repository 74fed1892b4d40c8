"""Which packages the services need, and which of them this environment lacks."""

from __future__ import annotations

import importlib.util

from polyvox.errors import Fatal

PACKAGES = {
    "server": ("fastapi", "uvicorn", "prometheus_client"),
    "ingest": ("av",),
    "transcriber": ("torch", "faster_whisper", "whisper"),
    "diarizer": ("torch", "torchaudio", "pyannote.audio"),
    "results": ("sqlalchemy", "alembic", "aiosqlite"),
}
"""By extra of the distribution."""


def missing(extra: str) -> list[str]:
    """Packages of one extra that are not installed. Imports none of them."""
    return [name for name in PACKAGES[extra] if not _is_installed(name)]


def require_all() -> None:
    """Raises Fatal when the services cannot run here."""
    _require("all", {name for extra in PACKAGES for name in missing(extra)})


def require_server() -> None:
    """Raises Fatal when the data of a server cannot be looked into here."""
    _require("server", set(missing("server")))


def _require(extra: str, lacking: set[str]) -> None:
    if lacking:
        raise Fatal(
            f"this needs packages that are not installed ({', '.join(sorted(lacking))}): pip install 'polyvox[{extra}]'"
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
