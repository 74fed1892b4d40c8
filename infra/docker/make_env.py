"""Writes the secrets that docker-compose.yml asks for into .env, at random; leaves a file that is there alone."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

SECRETS = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "POSTGRES_PASSWORD", "GRAFANA_PASSWORD", "API_KEY")


def secret_values() -> Iterator[tuple[str, str]]:
    """Each secret and a random value, of letters and digits alone: they stand in URLs as they are. API_KEY is the first
    key of the server, in the form of docs/security.md."""
    return ((name, _api_key() if name == "API_KEY" else secrets.token_hex(20)) for name in SECRETS)


def _api_key() -> str:
    return f"pvx_{secrets.token_hex(8)}_{secrets.token_hex(32)}"


def write(path: Path) -> bool:
    """Whether it was written. Only its owner can read it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("# Secrets of this machine's servers; docs/operations.md names what else may be set here.\n")
        file.writelines(f"{name}={value}\n" for name, value in secret_values())
    return True


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else ".env")
    print(f"{place}: {'written' if write(place) else 'is there and stays as it is'}")
