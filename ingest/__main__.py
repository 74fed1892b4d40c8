"""`python -m ingest`: this service alone, as one process of a larger deployment."""

from __future__ import annotations

import sys

from polyvox.host import run_service
from polyvox.settings import Settings

SERVICES = (
    "ingest-api",
    "normaliser",
    "bucket-watcher",
)

if __name__ == "__main__":
    sys.exit(run_service("ingest", SERVICES, Settings()))
