"""Writes the secrets that docker-compose.yml asks for into .env, at random; leaves a file that is there alone."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

SECRETS = ("S3_ACCESS_KEY", "S3_SECRET_KEY", "POSTGRES_PASSWORD", "GRAFANA_PASSWORD")


def secret_values() -> Iterator[tuple[str, str]]:
    """Each secret and a random value, of letters and digits alone: they stand in URLs as they are."""
    return ((name, secrets.token_hex(20)) for name in SECRETS)


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
