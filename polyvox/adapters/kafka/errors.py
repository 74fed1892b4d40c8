"""What Kafka's errors mean to a caller."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from aiokafka import errors

from polyvox.errors import Fatal, Fenced, Invalid, PolyvoxError, Unavailable

PATIENCE_S = 15.0
PAUSE_S = 0.1

Answer = TypeVar("Answer")

_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_FENCED = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.IllegalStateError,
    errors.RebalanceInProgressError,
    errors.UnknownMemberIdError,
)
_IDENTITY = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.IllegalSaslStateError,
    errors.SaslAuthenticationFailed,
    errors.SecurityDisabled,
    errors.UnsupportedSaslMechanismError,
)
_RIGHTS = (
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.TopicAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
)
_REFUSED = (
    errors.IncompatibleBrokerVersion,
    errors.InconsistentGroupProtocolError,
    errors.InvalidConfigurationError,
    errors.InvalidGroupIdError,
    errors.InvalidPartitionsError,
    errors.InvalidReplicationFactorError,
    errors.InvalidSessionTimeoutError,
    errors.InvalidTopicError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
    errors.UnrecognizedBrokerVersion,
    errors.UnsupportedCodecError,
    errors.UnsupportedVersionError,
)
_ADVICE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (_IDENTITY, "see POLYVOX_KAFKA_SECURITY_PROTOCOL, _SASL_MECHANISM, _USERNAME and _PASSWORD"),
    (_RIGHTS, "give the user the rights that polyvox/adapters/kafka lists"),
    (
        (errors.InvalidSessionTimeoutError,),
        "POLYVOX_SESSION_TIMEOUT_S must lie between the brokers' group.min.session.timeout.ms and group.max…",
    ),
    ((errors.InvalidReplicationFactorError,), "POLYVOX_KAFKA_REPLICATION must not exceed the number of brokers"),
    (_REFUSED, "check the POLYVOX_KAFKA_… settings and the brokers' version"),
)


def meaning_of(error: BaseException, doing: str) -> PolyvoxError:
    """What ``error``, which came up while ``doing``, tells the caller to do."""
    said = f"{doing}: {str(error) or type(error).__name__}"
    if isinstance(error, PolyvoxError):
        return error
    if isinstance(error, _TOO_LARGE):
        return Invalid(f"the message is too large for the log ({said})", code="message-too-large")
    if isinstance(error, _FENCED):
        return Fenced(said)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fatal(f"{said}; see POLYVOX_KAFKA_CA_FILE")
    for kinds, advice in _ADVICE:
        if isinstance(error, kinds):
            return Fatal(f"{said}; {advice}")
    return Unavailable(said)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises what polyvox.errors documents instead of what aiokafka and the network raise."""
    try:
        yield
    except (errors.KafkaError, errors.ConsumerStoppedError, OSError, TimeoutError) as error:
        raise meaning_of(error, doing) from error


async def patiently(doing: str, call: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of ``call``, asked again for a while when brokers change or have just started.

    Raises what ``translated`` raises.
    """
    with translated(doing):
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + PATIENCE_S
        while True:
            try:
                async with asyncio.timeout_at(deadline_s):
                    return await call()
            except errors.KafkaError as error:
                if not error.retriable or loop.time() + PAUSE_S > deadline_s:
                    raise
            await asyncio.sleep(PAUSE_S)


def of_code(code: int) -> type[Exception]:
    """The class of an error number in a broker's answer."""
    kind: type[Exception] = errors.for_code(code)
    return kind
