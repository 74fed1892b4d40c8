"""Log lines: an object each for programs, time, level, process and text for people.

Every line that is written while a recording is worked on says which one, in which stage, of which part and in which
trace; the work in hand (polyvox/tracing) knows. Nothing that a recording holds is logged from the level info on: no
words, no names of files, no metadata. What a user sent is named by the code of what is wrong with it. A key that
found its way into a line all the same stands there without what is secret of it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from polyvox import tracing
from polyvox.access.secret import without_secrets

CHATTY = (
    "aiosqlite",
    "alembic",
    "asyncio",
    "filelock",
    "httpcore",
    "httpx",
    "httpx2",
    "multipart",
    "sse_starlette",
    "uvicorn",
)
"""Libraries that only speak up from a warning on."""
UNSAID = ("urllib3", "openai", "opentelemetry.exporter")
"""They say what they send: of no use below a warning, and then more than may be said."""
ABOUT = ("media_id", "stage", "part", "attempt", "trace_id", "span_id")
"""Fields of a line, where they are known; ``extra`` of a call may name them where no work is in hand."""

Format = Literal["auto", "json", "text"]


def configure(level: str, *, name: str, form: Format = "auto") -> None:
    """Send all logging of this process, called ``name``, to standard error.

    ``form``: auto is text on a terminal and json elsewhere.
    """
    handler = logging.StreamHandler(sys.stderr)
    is_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler.setFormatter(JsonLines(name) if is_json else TextLines(name))
    handler.addFilter(about_work)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in (*CHATTY, *UNSAID):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def about_work(record: logging.LogRecord) -> bool:
    """A logging filter that lets all pass and notes what they are about."""
    work = tracing.in_hand()
    if work is None:
        return True
    about: dict[str, Any] = {"stage": work.name, "trace_id": work.context.trace_id, "span_id": work.context.span_id}
    if work.media_id is not None:
        about["media_id"] = work.media_id
    if work.part is not None:
        about["part"] = work.part
    if work.queued_us is not None:
        about["attempt"] = len(work.tries) + 1
    for field, value in about.items():
        if not hasattr(record, field):
            setattr(record, field, value)
    return True


class JsonLines(logging.Formatter):
    """One JSON object a line (JSON Lines); times are RFC 3339 in UTC."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **_about(record),
        }
        if record.exc_info:
            said["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(said, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """For people: what a line is about stands at its end, in brackets."""

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {process.replace('%', '%%')}: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        about = _about(record)
        # A trace is found by its recording; one short id less to read past.
        about.pop("span_id", None)
        about.pop("trace_id", None)
        short = " ".join(f"{field}={value}" for field, value in about.items())
        return f"{super().formatMessage(record)} [{short}]" if short else super().formatMessage(record)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    return {field: value for field in ABOUT if (value := getattr(record, field, None)) is not None}
