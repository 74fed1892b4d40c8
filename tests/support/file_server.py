"""A web server on this machine that gives files, hangs, breaks off and goes slowly, as asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class FileServer:
    """Paths that start with ``/silent`` are never answered; ``/slow/x`` gives ``/x`` after a moment.

    ``other_url`` is the same server under another host name.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.break_after_bytes: int | None = None
        self.requests: list[tuple[str, str | None]] = []
        """(path, Range header)"""
        self._closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.other_url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        asked_range = request.headers.get("Range")
        self.requests.append((request.path, asked_range))
        path = request.path
        if path.startswith("/silent"):
            self._closing.wait(30)
            return
        if path.startswith("/slow"):
            time.sleep(0.5)
            path = path.removeprefix("/slow")
        if path not in self.files:
            request.send_error(404)
            return
        content = self.files[path]
        start = int(asked_range.removeprefix("bytes=").removesuffix("-")) if asked_range else 0
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        stop = len(content) if self.break_after_bytes is None else start + self.break_after_bytes
        request.wfile.write(content[start:stop])
