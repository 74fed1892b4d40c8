"""The inside of a child process: build one object, answer calls on it, die with the parent.

Started by polyvox.child as ``python -m polyvox.child.main FD PARENT_PID``.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import importlib
import io
import logging
import os
import pickle
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from polyvox.child import wire
from polyvox.child.limits import apply
from polyvox.child.wire import Closed
from polyvox.errors import ChildCrashed, Fatal, OutOfMemory, PolyvoxError, Transient

_PR_SET_PDEATHSIG = 1
_OUT_OF_MEMORY_SAYINGS = (
    "out of memory", "can't allocate memory", "could not allocate", "alloc_failed", "bad_alloc", "bad allocation",
)  # fmt: skip


def die_with_parent(channel: socket.socket, parent_pid: int) -> None:
    """Exit when the parent does, however it ends and whatever this process is busy with."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            os._exit(1)

    def watch() -> None:
        # No event is asked for: a hang-up is reported regardless, data is left to the main thread.
        poll = select.poll()
        poll.register(channel, getattr(select, "POLLRDHUP", 0))
        poll.poll()
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def classified(error: BaseException) -> tuple[str, PolyvoxError]:
    """How an exception travels: a kind for the parent, and the error it raises.

    ``intact``: raised on purpose, and the process goes on in order. ``limit``: it hit one
    of its limits. ``broken``: it is to be replaced.
    """
    if isinstance(error, PolyvoxError):
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
        except Exception as unsendable:
            logging.getLogger(__name__).warning("%r does not pickle: %r", error, unsendable)
            return "broken", Transient(f"{type(error).__name__}: {error}")
        return "broken" if isinstance(error, ChildCrashed) else "intact", error
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "limit", Transient(text)
    return "broken", OutOfMemory(text) if is_out_of_memory(error) else Transient(text)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether host or device memory ran out, as Python, torch and CTranslate2 say it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, RuntimeError):
        return any(saying in str(error).lower() for saying in _OUT_OF_MEMORY_SAYINGS)
    return isinstance(error, OSError) and error.errno == errno.ENOMEM


def build(init: dict[str, Any]) -> Any:
    """Import the factory and call it. Raises Fatal when there is no such factory."""
    module_name, _, attribute = init["factory"].partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise Fatal(f"{init['factory']} cannot be loaded: {error}") from error
    return factory(**init["kwargs"])


def answer(target: Any, request: tuple[str, tuple[Any, ...], bool], channel: socket.socket) -> list[memoryview]:
    """Run one call; the packed reply."""
    method, args, with_progress = request

    def progress(fraction: float) -> None:
        wire.send(channel, ("progress", float(fraction)))

    try:
        keywords = {"progress": progress} if with_progress else {}
        return wire.pack(("result", getattr(target, method)(*args, **keywords)))
    except Closed:
        raise
    except BaseException as error:
        return wire.pack(refusal(error))


def refusal(error: BaseException) -> tuple[str, str, PolyvoxError]:
    kind, sent = classified(error)
    if kind != "intact":
        traceback.print_exception(error)
    return ("error", kind, sent)


def main(fd: int, parent_pid: int) -> None:
    """Serve the parent until it hangs up."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(fd, False)
    channel = socket.socket(fileno=fd)
    die_with_parent(channel, parent_pid)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        init = wire.receive(channel)
        sys.path[:] = init["sys_path"]
        os.environ.update(init["env"])
        try:
            apply(init["limits"])
            target = build(init)
        except BaseException as error:
            wire.send(channel, refusal(error))
            return
        wire.send(channel, ("ready",))
        while True:
            request = wire.receive(channel)
            reply = answer(target, request, channel)
            del request
            for frame in reply:
                channel.sendall(frame)
            del reply
    except (Closed, ConnectionError):
        return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
