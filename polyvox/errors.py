"""Errors, named by what the caller must do.

PolyvoxError
├── Invalid            the input will never work: dead-letter it, tell the user, do not retry
│   ├── NotFound       nothing is stored under that name
│   └── AlreadyExists  a conditional put lost: somebody was there first
├── Transient          the world is in trouble: retry with growing delay
│   ├── WeightsMissing … a model that one request asks for cannot be fetched; others can be served
│   ├── Unavailable    … the log, the store or the disk itself: retry until it is back, whatever it takes
│   │   └── Limited        … a service elsewhere that wants to be left alone for so long: retry after that
│   └── ChildCrashed   the process that runs a model died; the next attempt gets a fresh one
│       └── OutOfMemory    … because it ran out of memory: one retry on an emptied device
├── Fenced             this consumer no longer owns the partition: drop the work, do not commit
└── Fatal              this process cannot go on: say why and exit
    └── CircuitOpen    … nearly all work fails: somebody should look before it starts again
"""

from __future__ import annotations

EXIT_CIRCUIT_OPEN = 75
"""Exit status of a process that stopped with CircuitOpen (EX_TEMPFAIL of sysexits.h)."""


class PolyvoxError(Exception):
    """Root of every error that Polyvox raises on purpose."""


class Invalid(PolyvoxError):
    """The input can never succeed.

    Args:
        reason: one sentence that a person who uploaded the recording understands.
        code: short stable identifier for programs, for example ``no-audio``.
    """

    def __init__(self, reason: str, *, code: str = "invalid") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_invalid, (type(self), self.reason, self.code))


def _rebuild_invalid(kind: type[Invalid], reason: str, code: str) -> Invalid:
    return kind(reason, code=code)


class NotFound(Invalid):
    """Nothing is stored under that name."""


class AlreadyExists(Invalid):
    """A conditional put found the name taken."""


class Transient(PolyvoxError):
    """The same call may succeed later."""


class Unavailable(Transient):
    """The log or the store does not answer, or the disk is full, which is no message's fault."""


class Limited(Unavailable):
    """A service elsewhere takes no more for now: too many requests, or its account is used up."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return str(self.args[0])


class WeightsMissing(Transient):
    """The weights of a model that a request names, beyond the default one, cannot be had at this time."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the weights of the model {model!r} are not here and cannot be fetched")
        self.model = model


class ChildCrashed(Transient):
    """The child process that ran model code died before it answered."""


class OutOfMemory(ChildCrashed):
    """The child process ran out of host or device memory."""


class Fenced(PolyvoxError):
    """The partition has another owner; whatever was in flight must not be committed."""


class Fatal(PolyvoxError):
    """The process cannot continue and must exit with a message."""


class CircuitOpen(Fatal):
    """Nearly everything that arrived failed; the rest was left on the log."""
