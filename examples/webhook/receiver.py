"""Prints the transcript of every recording that a webhook says is completed: ``python receiver.py --port 9000``.

The secret of the webhook is in POLYVOX_WEBHOOK_SECRET, where the server is in POLYVOX_SERVER.
"""

from __future__ import annotations

import argparse
import os
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from polyvox.client import Client

MOST_BYTES = 1 << 20


def main(port: int) -> None:
    verifier = Webhook(os.environ["POLYVOX_WEBHOOK_SECRET"])
    told: queue.Queue[dict[str, Any]] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size_bytes = int(self.headers.get("Content-Length") or 0)
            if size_bytes > MOST_BYTES:
                self.send_error(413)
                return
            try:
                # Raises for a wrong signature, and for one that is too old to be anything but a repetition.
                event = verifier.verify(self.rfile.read(size_bytes), dict(self.headers.items()))
            except WebhookVerificationError:
                self.send_error(401)
                return
            # Answered at once: what takes longer is done elsewhere, or it would be sent again.
            told.put({"id": self.headers["webhook-id"], **event})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Requests are not printed."""

    threading.Thread(target=show, args=(told,), daemon=True).start()
    with ThreadingHTTPServer(("127.0.0.1", port), Receiver) as server:
        print(f"waiting on http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


def show(told: queue.Queue[dict[str, Any]]) -> None:
    seen: set[str] = set()
    server, key = os.environ.get("POLYVOX_SERVER", "http://127.0.0.1:8484"), os.environ.get("POLYVOX_API_KEY")
    with Client(server, api_key=key or None) as client:
        while True:
            event = told.get()
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            media_id = event["data"]["media_id"]
            print(f"{event['type']} {media_id}", flush=True)
            if event["type"] == "media.completed":
                print(client.export(media_id, "text"), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Print what webhooks tell.")
    options.add_argument("--port", type=int, default=9000)
    main(options.parse_args().port)
