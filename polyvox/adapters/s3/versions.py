"""Which version of an object is meant, by version id or ETag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from polyvox.adapters.s3.bucket import Bucket, etag_of, version_of
from polyvox.adapters.s3.failures import MISCONFIGURED, code_of, status_of
from polyvox.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


def found(bucket: Bucket, key: str, version: str | None, client: S3Client) -> Mapping[str, Any]:
    """HEAD of the object that is ``version``, by ETag or version id. Raises NotFound when it is not kept."""
    missing = NotFound(f"{key} was replaced, and the version {version} is not kept", code="not-found")
    try:
        answer = bucket.head(client, key)
        if version is None or version.strip('"') in (etag_of(answer), version_of(answer)):
            return answer
    except ClientError as error:
        # A deleted object may still be kept as a version.
        if version is None or status_of(error) != 404 or code_of(error) == "NoSuchBucket":
            raise
    try:
        answer = bucket.head(client, key, VersionId=version)
    except ClientError as error:
        if status_of(error) in (400, 404, 405) and code_of(error) not in MISCONFIGURED:
            raise missing from error
        raise
    if answer.get("VersionId") != version:
        # Servers without versions give what they have.
        raise missing
    return answer


def pin_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """Arguments that ask for just the version that was answered."""
    version = version_of(answer)
    return {"IfMatch": answer["ETag"], **({} if version is None else {"VersionId": version})}
