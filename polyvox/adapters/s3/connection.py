"""The client, its threads, and errors in our terms."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import boto3.session
from botocore.config import Config

from polyvox.adapters.s3.options import S3Options

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

T = TypeVar("T")

_making = threading.Lock()


@lru_cache(maxsize=1)
def _session() -> boto3.session.Session:
    """One for all stores: what S3 looks like is read and kept once."""
    return boto3.session.Session()


def make_client(options: S3Options, endpoint: str | None) -> S3Client:
    """A client that may be used from any thread. Takes a tenth of a second."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if options.path_style else "virtual"},
        retries={"mode": "standard", "total_max_attempts": options.attempts},
        connect_timeout=options.connect_timeout_s,
        read_timeout=options.read_timeout_s,
        max_pool_connections=options.connections,
        tcp_keepalive=True,
        # What is sent and received is checked here, the same for all servers and for streams that break half-way.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # The port's own checks and the type checker come before this. It and botocore's own user agent, put together
        # anew for every call, are a few percent of a small one.
        parameter_validation=False,
        user_agent="polyvox",
    )
    with _making:
        client = _session().client(
            "s3",
            endpoint_url=endpoint,
            region_name=options.region or ("us-east-1" if options.endpoint else None),
            aws_access_key_id=options.access_key,
            aws_secret_access_key=options.secret_key,
            config=config,
        )
    client.meta.events.register_last("before-call.s3", _ask_no_leave)
    return client


def _ask_no_leave(params: dict[str, Any], **_: Any) -> None:
    """Send bodies at once. botocore asks the server first whether it wants them, a round trip for each put."""
    params["headers"].pop("Expect", None)


class Connection:
    """A client and the threads that call it. The client is made by the first call."""

    def __init__(self, options: S3Options) -> None:
        self.options = options
        self._executor = ThreadPoolExecutor(options.connections, thread_name_prefix="polyvox-s3")
        self._clients: dict[str | None, S3Client] = {}
        self._tidying: set[asyncio.Task[Any]] = set()

    def client(self) -> S3Client:
        """Blocking at first."""
        return self._client(self.options.endpoint)

    def public_client(self) -> S3Client:
        """The one whose presigned URLs are for others. Blocking at first."""
        return self._client(self.options.public_endpoint or self.options.endpoint)

    def _client(self, endpoint: str | None) -> S3Client:
        client = self._clients.get(endpoint)
        if client is None:
            client = self._clients.setdefault(endpoint, make_client(self.options, endpoint))
        return client

    def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``work`` in a thread, whatever becomes of the caller."""
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def run(self, work: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
        """What ``work`` returns; ``undo`` takes it back when the caller was cancelled and never got it."""
        job = self.start(work)
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            job.add_done_callback(partial(_take_back, undo))
            raise

    async def tidy(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait for ``work``, which goes on if the caller is cancelled."""
        task = asyncio.create_task(work)
        self._tidying.add(task)
        task.add_done_callback(self._tidying.discard)
        await asyncio.shield(task)

    async def close(self) -> None:
        """Waits for what the threads are doing."""
        while self._tidying:
            await asyncio.wait(self._tidying)
        await asyncio.to_thread(self._executor.shutdown)
        for client in self._clients.values():
            client.close()


def _take_back(undo: Callable[[T], object] | None, job: asyncio.Future[T]) -> None:
    if not job.cancelled() and job.exception() is None and undo is not None:
        undo(job.result())
