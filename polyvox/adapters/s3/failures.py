"""What S3 answers, in the terms of polyvox/errors.py.

What is no object's fault is Unavailable, wrong credentials and a missing bucket included: a worker waits
for the operator and leaves its messages where they are, instead of emptying its topic into the dead letters.
"""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)

from polyvox.errors import AlreadyExists, Fatal, Invalid, NotFound, PolyvoxError, Transient, Unavailable

BAD_NAMES = frozenset(("XMinioInvalidObjectName", "XMinioInvalidResourceName", "InvalidObjectName", "KeyTooLongError"))
"""The server takes no such key, so nothing is stored under it either."""

_NOT_FOUND = frozenset(("NoSuchKey", "NoSuchVersion", "NoSuchUpload", "MethodNotAllowed")) | BAD_NAMES
_INVALID = {
    "InvalidPart": "a part of the upload is missing or is not the one that was stored",
    "InvalidPartOrder": "the parts of the upload are not in order",
    "EntityTooSmall": "a part of the upload other than the last is smaller than 5 MiB",
    "EntityTooLarge": "the object is larger than the store takes",
    "MetadataTooLarge": "the object's metadata are larger than the store takes",
    "InvalidObjectState": "the object is archived and must be restored first",
}
_DAMAGED = frozenset(("BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"))
_ADVICE = {
    "NoSuchBucket": "create it, or name another with POLYVOX_S3_BUCKET",
    "InvalidAccessKeyId": "check POLYVOX_S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "check POLYVOX_S3_SECRET_KEY, and POLYVOX_S3_ENDPOINT if a proxy rewrites requests",
    "ExpiredToken": "renew the credentials",
    "InvalidToken": "renew the credentials",
    "TokenRefreshRequired": "renew the credentials",
    "RequestTimeTooSkewed": "set this machine's clock",
    "AuthorizationHeaderMalformed": "check POLYVOX_S3_REGION",
    "PermanentRedirect": "check POLYVOX_S3_REGION and POLYVOX_S3_ENDPOINT",
    "IllegalLocationConstraintException": "check POLYVOX_S3_REGION",
    "AccessDenied": "give the access key the rights that polyvox/adapters/s3 lists",
}
_BUSY = frozenset(("SlowDown", "RequestTimeout", "Throttling", "TooManyRequests", "XMinioStorageFull", "QuotaExceeded"))
MISCONFIGURED = frozenset(_ADVICE)


def code_of(error: BaseException) -> str:
    """The code of S3's answer; the HTTP status where it has no body; "" for other errors."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def translated(error: Exception, what: str, *, conditional: bool = False) -> PolyvoxError:
    """The error to raise instead of what botocore raised.

    Args:
        what: the object, for people.
        conditional: the request was a put that must not replace anything.
    """
    if isinstance(error, ClientError):
        return _answered(error, what, conditional=conditional)
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return Unavailable(f"the store cannot be asked for {what}: {error}; set POLYVOX_S3_ACCESS_KEY and …_SECRET_KEY")
    if isinstance(error, NoRegionError):
        return Unavailable(f"the store cannot be asked for {what}: {error} Set POLYVOX_S3_REGION.")
    if isinstance(error, ParamValidationError):
        return Invalid(f"the store cannot be asked for {what}: {error}", code="bad-request")
    if isinstance(error, BotoCoreError | OSError):
        return Unavailable(f"the store does not answer ({what}): {error}")
    return Transient(f"{what}: {type(error).__name__}: {error}")


def _answered(error: ClientError, what: str, *, conditional: bool) -> PolyvoxError:
    code, status = code_of(error), status_of(error)
    if code == "PreconditionFailed" or status == 412:
        if conditional:
            return AlreadyExists(f"{what} is already stored", code="exists")
        return NotFound(f"{what} was replaced by another version", code="not-found")
    if code in _INVALID:
        return Invalid(f"{what}: {_INVALID[code]}", code="bad-request")
    if code in _NOT_FOUND:
        return NotFound(f"nothing is stored as {what}", code="not-found")
    if code in _DAMAGED:
        return Transient(f"{what} was damaged on its way to the store")
    if code in _ADVICE:
        return Unavailable(f"the store refuses {what} ({code}): {_ADVICE[code]}")
    if status == 403:
        return Unavailable(f"the store refuses {what} ({code}): {_ADVICE['AccessDenied']}")
    if code == "NotImplemented" or status == 501:
        return Fatal(f"the store cannot do what Polyvox needs for {what}: {error}")
    if status >= 500 or status == 429 or code in _BUSY:
        return Unavailable(f"the store is in trouble ({what}): {error}")
    return Transient(f"{what}: {error}")
