"""The MessageQueue port on Amazon SQS, and on servers that speak its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from polyvox.errors import Unavailable
from polyvox.ports import QueuedMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

MESSAGES_MAX = 10
"""What SQS gives and takes at a time."""
THREADS = 8

T = TypeVar("T")


class SqsQueue:
    """The queue at ``url``. Every call raises Unavailable when it cannot be reached or refuses us.

    Args:
        endpoint: URL of the server; AWS without it.
        region: of the queue; without it the one in its URL, if that is one of AWS.
        access_key: without it boto3 looks where it usually does: environment, profile, role.
        wait_s: how long ``receive`` waits for the first message, at most 20.
    """

    def __init__(
        self,
        url: str,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        wait_s: int = 5,
    ) -> None:
        self._url = url
        self._wait_s = wait_s
        self._named: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": region or _region_of(url) or ("us-east-1" if endpoint else None),
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
        }
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="polyvox-sqs")
        self._client: SQSClient | None = None
        self._making = asyncio.Lock()

    def __str__(self) -> str:
        return self._url

    async def receive(self) -> list[QueuedMessage]:
        answer = await self._ask(
            lambda client: client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=MESSAGES_MAX, WaitTimeSeconds=self._wait_s
            )
        )
        return [
            QueuedMessage(said["MessageId"], said["Body"], said["ReceiptHandle"]) for said in answer.get("Messages", ())
        ]

    async def delete(self, messages: Sequence[QueuedMessage]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(messages)]
        await self._in_tens(entries, lambda client, some: client.delete_message_batch(QueueUrl=self._url, Entries=some))

    async def extend(self, messages: Sequence[QueuedMessage], seconds: int) -> None:
        entries = [
            {"Id": str(n), "ReceiptHandle": message.receipt, "VisibilityTimeout": seconds}
            for n, message in enumerate(messages)
        ]
        await self._in_tens(
            entries, lambda client, some: client.change_message_visibility_batch(QueueUrl=self._url, Entries=some)
        )

    async def close(self) -> None:
        """Waits for what the threads are doing, which may be waiting for messages."""
        await asyncio.to_thread(self._executor.shutdown)
        if self._client is not None:
            self._client.close()

    async def _in_tens(self, entries: list[Any], request: Callable[[SQSClient, list[Any]], object]) -> None:
        # An entry that fails is one that comes again, as after a crash: there is nothing more to do about it.
        for start in range(0, len(entries), MESSAGES_MAX):
            await self._ask(partial(_called, request, entries[start : start + MESSAGES_MAX]))

    async def _ask(self, request: Callable[[SQSClient], T]) -> T:
        async with self._making:
            if self._client is None:
                self._client = await self._run(self._make_client)
        return await self._run(partial(request, self._client))

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except (ClientError, BotoCoreError, OSError, ValueError) as error:
            raise Unavailable(f"the queue {self._url} cannot be used right now: {error}") from error

    def _make_client(self) -> SQSClient:
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 2},
            connect_timeout=5,
            read_timeout=self._wait_s + 10,
            max_pool_connections=THREADS,
        )
        return boto3.session.Session().client("sqs", config=config, **self._named)


def _called(request: Callable[[SQSClient, list[Any]], object], entries: list[Any], client: SQSClient) -> None:
    request(client, entries)


def _region_of(url: str) -> str | None:
    """``https://sqs.eu-central-1.amazonaws.com/…`` names its region."""
    host = url.partition("://")[2].partition("/")[0].split(".")
    return host[1] if len(host) > 3 and host[0] == "sqs" and host[2] == "amazonaws" else None
