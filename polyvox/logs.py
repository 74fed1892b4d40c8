"""Log lines that a person reads on a terminal: time, level, process, text."""

from __future__ import annotations

import logging
import sys

CHATTY = ("aiosqlite", "alembic", "asyncio", "filelock", "httpcore", "httpx", "multipart", "sse_starlette", "uvicorn")
"""Libraries that only speak up from a warning on."""


def configure(level: str, *, name: str) -> None:
    """Send all logging of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)-7s {name}: %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
