"""Runs one server and ends it when the process that wanted it is gone, however that one ended.

A script of its own, run as ``python -I -S leash.py PID COMMAND…``, between the owner (whose id is PID) and the server:

- it watches the owner through a pidfd, so the server goes too when the owner is killed by SIGKILL. The kernel's own
  "signal at the parent's death" alone would not do: it follows the *thread* that started the child, and tests start
  servers in threads of a pool. Here it is set on the server, in case this script itself is killed: it has one thread;
- it adopts what the server leaves behind (PR_SET_CHILD_SUBREAPER), so that nothing of it outlives the server;
- it signals the server on request, a word on a line of stdin: as it is the parent that has not yet reaped the server,
  the process id cannot meanwhile belong to somebody else.

It writes the server's process id on a line of stdout. In a session of its own a Ctrl-C in the terminal passes it by:
the owner decides when its servers end.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(owner_pid: int, command: list[str]) -> int:
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    owner = os.pidfd_open(owner_pid)
    if os.getppid() != owner_pid:
        return 1
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=2,
        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
    )
    print(server.pid, flush=True)
    _serve(owner, server)
    _end_all()
    return server.returncode if server.returncode is not None else 1


def _serve(owner: int, server: subprocess.Popen[bytes]) -> None:
    """Returns when the server has ended, or has to."""
    ended = os.pidfd_open(server.pid)
    poll = select.poll()
    for descriptor in (owner, ended, 0):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if owner in ready:
            return
        if ended in ready:
            server.wait()
            return
        word = os.read(0, 64).decode().strip()
        if not word:
            return
        if word == "SIGKILL":
            return
        server.send_signal(signal.Signals[word])


def _end_all() -> None:
    """Kills every process below this one; the orphans among them come here, so it looks until none is left."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while pids := [int(word) for word in children.read_text().split()]:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
