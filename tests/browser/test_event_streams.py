"""A real browser follows a recording across origins: its EventSource can send no key, so it brings a ticket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.support import node
from tests.support.file_server import FileServer
from tests.support.guarded import guarded


async def test_a_page_of_another_origin_follows_a_recording_with_a_ticket(tmp_path: Path) -> None:
    with FileServer({"/page.html": b"<!doctype html><title>Events</title>"}) as pages:
        async with guarded(tmp_path, cors_origins=pages.url) as api:
            _, key = await api.key("acme", "upload", "read")
            media_id = await api.recording(await api.nobody({"X-API-Key": key}))
            arguments = (node.chromium(), f"{pages.url}/page.html", api.url, key, media_id)
            status, lines = await asyncio.to_thread(node.run, "browser_events.mjs", *arguments, timeout_s=120)
    assert status == 0
    assert json.loads(lines[0]) == {"withTicket": "completed", "without": "error"}
