"""The inside of a nursery: import and prepare what children need, then fork one for each request.

Started by polyvox.child.nursery as ``python -m polyvox.child.forking FD PARENT_PID MODULE[:FUNCTION]…``.
It has one thread, so that a fork copies all of it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback

from polyvox.child import main as child
from polyvox.child.nursery import ENDED, FORKED, NEWS, REQUEST

_PR_SET_PDEATHSIG = 1


def main(fd: int, parent_pid: int, modules: list[str]) -> None:
    """Fork until the parent hangs up."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:
            os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(fd, False)
    for entry in modules:
        module, _, prepare = entry.partition(":")
        loaded = importlib.import_module(module)
        if prepare:
            getattr(loaded, prepare)()
    # What is here now is never looked at by the collector again, so children need no copies of it.
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=fd))


def serve(channel: socket.socket) -> None:
    woken, waker = socket.socketpair()
    woken.setblocking(False)
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(woken, select.POLLIN)
    numbers: dict[int, int] = {}
    while True:
        ready = {number for number, _ in poll.poll()}
        if woken.fileno() in ready:
            woken.recv(4096)
            reap(channel, numbers)
        if channel.fileno() in ready:
            request, fds, _, _ = socket.recv_fds(channel, REQUEST.size, 2)
            if not request:
                return
            (number,) = REQUEST.unpack(request)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                woken.close()
                waker.close()
                become_child(channel, number, fds)
            numbers[pid] = number
            for descriptor in fds:
                os.close(descriptor)


def reap(channel: socket.socket, numbers: dict[int, int]) -> None:
    """Say how those that ended ended. ``numbers``: of children by process id."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        channel.sendall(NEWS.pack(ENDED, numbers.pop(pid), pid, os.waitstatus_to_exitcode(status)))


def become_child(nursery: socket.socket, number: int, fds: list[int]) -> None:
    """What polyvox.child.main is in a fresh interpreter. Does not return."""
    status = 1
    try:
        parent_pid = os.getppid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        served, output = fds
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        # Said by the child, not for it: from here on a signal to its group reaches it.
        nursery.sendall(NEWS.pack(FORKED, number, os.getpid(), 0))
        nursery.close()
        child.main(served, parent_pid)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
