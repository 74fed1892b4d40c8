"""Buckets on real servers, and stores in them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Protocol

from polyvox.adapters.s3 import S3Options
from polyvox.adapters.s3.connection import make_client

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class S3Server(Protocol):
    @property
    def endpoint(self) -> str: ...

    @property
    def access_key(self) -> str: ...

    @property
    def secret_key(self) -> str: ...


def options_of(server: S3Server, **more: Any) -> S3Options:
    return S3Options(
        **{"endpoint": server.endpoint, "access_key": server.access_key, "secret_key": server.secret_key, **more}
    )


def client_of(server: S3Server) -> S3Client:
    """boto3 itself, for what a test does behind the store's back."""
    return make_client(options_of(server), server.endpoint)


def new_bucket(server: S3Server) -> str:
    """A bucket of its own for a test, since the server outlives it."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    client = client_of(server)
    client.create_bucket(Bucket=name)
    client.close()
    return name


def s3_settings(server: S3Server, **more: Any) -> dict[str, Any]:
    """Settings of a product that keeps its objects in a new bucket."""
    return {
        "s3_bucket": new_bucket(server),
        "s3_endpoint": server.endpoint,
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        **more,
    }
