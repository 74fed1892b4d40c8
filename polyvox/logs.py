"""Log lines that a person reads on a terminal: time, level, process, text."""

from __future__ import annotations

import logging
import sys


def configure(level: str, *, name: str) -> None:
    """Send all logging of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)-7s {name}: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore", "uvicorn.access", "alembic", "sse_starlette"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
