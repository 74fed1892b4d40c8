"""What a child process may use at most."""

from __future__ import annotations

from dataclasses import dataclass

CPU_GRACE_S = 5
"""Between the signal that says the CPU time is used up and the one that cannot be ignored."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one process; None leaves a limit as it is.

    ``cpu_s`` counts over the life of the process, ``memory_bytes`` is address space,
    ``file_bytes`` the size of any one file it writes.
    """

    cpu_s: int | None = None
    memory_bytes: int | None = None
    file_bytes: int | None = None
    open_files: int | None = None


def apply(limits: Limits) -> None:
    """Bind the calling process, for good, and keep it from writing core dumps.

    A limit above what the process was allowed already is lowered to that.
    """
    import resource

    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_CPU: limits.cpu_s and (limits.cpu_s, limits.cpu_s + CPU_GRACE_S),
        resource.RLIMIT_AS: limits.memory_bytes and (limits.memory_bytes, limits.memory_bytes),
        resource.RLIMIT_FSIZE: limits.file_bytes and (limits.file_bytes, limits.file_bytes),
        resource.RLIMIT_NOFILE: limits.open_files and (limits.open_files, limits.open_files),
    }
    for which, bounds in wanted.items():
        if not bounds:
            continue
        _, ceiling = resource.getrlimit(which)
        if ceiling != resource.RLIM_INFINITY:
            bounds = (min(bounds[0], ceiling), min(bounds[1], ceiling))  # noqa: PLW2901
        resource.setrlimit(which, bounds)
