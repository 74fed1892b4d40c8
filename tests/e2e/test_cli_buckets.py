"""`polyvox buckets create` on a real MinIO."""

from __future__ import annotations

import asyncio
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from infra.native import Minio, WebhookTarget
from polyvox.adapters.s3 import S3Options
from polyvox.adapters.s3.connection import make_client
from tests.support.command import polyvox
from tests.support.polling import until


async def test_the_store_is_ready_for_recordings_however_often_it_is_prepared(tmp_path: Path) -> None:
    told: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:
            event: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append(event["Key"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        Thread(target=listener.serve_forever, daemon=True).start()
        hook = WebhookTarget(f"http://127.0.0.1:{listener.server_port}")
        with Minio(tmp_path / "minio", webhook=hook) as server:
            environment = {
                "POLYVOX_S3_BUCKET": "own",
                "POLYVOX_S3_ENDPOINT": server.endpoint,
                "POLYVOX_S3_ACCESS_KEY": server.access_key,
                "POLYVOX_S3_SECRET_KEY": server.secret_key,
            }

            async def create(*arguments: str) -> Any:
                return await asyncio.to_thread(
                    polyvox, "buckets", "create", *arguments, cwd=tmp_path, within_s=120.0, **environment
                )

            notified = ("calls", "--notify", server.WEBHOOK_ARN, "--prefix", "in/")
            assert (await create(*notified)).out.splitlines() == [
                "own: made",
                "calls: made",
                f"calls: new objects are told to {server.WEBHOOK_ARN}",
            ]
            assert (await create(*notified)).out.splitlines()[:2] == ["own: is there", "calls: is there"]
            unknown = await create("calls", "--notify", "arn:minio:sqs::OTHER:kafka")
            assert unknown.status == 1
            assert "arn:minio:sqs::OTHER:kafka" in unknown.err

            client = make_client(S3Options(access_key=server.access_key, secret_key=server.secret_key), server.endpoint)
            for key in ("out/a.wav", "in/b.wav", "in/last.wav"):
                client.put_object(Bucket="calls", Key=key, Body=b"sound")
            await until(lambda: "calls/in/last.wav" in told)
            client.close()
        listener.shutdown()
    assert sorted(set(told)) == ["calls/in/b.wav", "calls/in/last.wav"]
