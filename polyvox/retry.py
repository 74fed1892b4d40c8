"""Whether and when a failed message is tried again. Pure: the caller supplies chance and time."""

from __future__ import annotations

from dataclasses import dataclass

from polyvox.errors import ChildCrashed, Fatal, Invalid, OutOfMemory, Unavailable, WeightsMissing

CRASHES_MAX = 2
"""A message that took the process down twice is taken to be the cause."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    attempts: int = 5
    base_s: float = 0.5
    max_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened to one message so far.

    ``attempts`` are those that count against the policy, ``crashes`` those of them that
    ended the process, ``failures`` all, with those that were the log's or the store's fault.
    """

    attempts: int = 0
    crashes: int = 0
    failures: int = 0

    def after(self, error: BaseException) -> Tally:
        counts = not isinstance(error, Unavailable)
        crashed = isinstance(error, ChildCrashed)
        return Tally(self.attempts + counts, self.crashes + crashed, self.failures + 1)


def may_retry(error: BaseException, tally: Tally, policy: RetryPolicy) -> bool:
    """Whether to try again after ``error``, which ``tally`` counts already."""
    if isinstance(error, Invalid | Fatal):
        return False
    if isinstance(error, Unavailable):
        return True
    if isinstance(error, ChildCrashed):
        return tally.crashes < CRASHES_MAX and tally.attempts < policy.attempts
    return tally.attempts < policy.attempts


def delay_s(failures: int, policy: RetryPolicy, chance: float) -> float:
    """Delay before the next attempt: doubling, with full jitter, within the policy's bounds.

    Full jitter (Brooker, "Exponential Backoff and Jitter", 2015): anything between nothing
    and the bound, so that messages that failed together do not come back together.

    Args:
        failures: how many there were, at least 1.
        chance: drawn evenly from [0, 1).
    """
    exponent = min(failures - 1, 62)
    return chance * min(policy.max_s, policy.base_s * 2.0**exponent)


def code_of(error: BaseException) -> str:
    """Short stable identifier of a failure, for programs."""
    match error:
        case Invalid():
            return error.code
        case WeightsMissing():
            return "no-weights"
        case OutOfMemory():
            return "out-of-memory"
        case ChildCrashed():
            return "crashed"
        case _:
            return "internal-error"


def reason_of(error: BaseException) -> str:
    """One sentence about a failure for the person who uploaded the recording."""
    match error:
        case Invalid():
            return error.reason
        case WeightsMissing():
            return (
                f"The model {error.model!r} is not on the server and could not be fetched: "
                "choose another, or have it pulled there and upload the recording again."
            )
        case OutOfMemory():
            return "The recording needs more memory than the machine has."
        case ChildCrashed():
            return "The recording makes the program that processes it crash."
        case _:
            return f"Processing failed again and again: {error}"
