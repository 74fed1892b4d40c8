"""Which packages the services need, and which of them this environment lacks."""

from __future__ import annotations

import importlib.util

from polyvox.errors import Fatal

PACKAGES = {
    "ingest": ("fastapi", "uvicorn", "av"),
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
    lacking = sorted({name for extra in PACKAGES for name in missing(extra)})
    if lacking:
        raise Fatal(
            f"running Polyvox on this machine needs packages that are not installed ({', '.join(lacking)}): "
            "pip install 'polyvox[all]'"
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
