"""Free ports of 127.0.0.1, away from those the kernel hands out by itself."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

# Below the kernel's range for outgoing connections (from 32768 on Linux). Were a server's port in it, then while the
# server is down some client's connection could occupy it, even a client that tries to reach this very server:
# it would be given the port as its own end and talk to itself.
FIRST = 12_000
LAST = 31_999


def free_ports(count: int, *, avoid: Iterable[int] = ()) -> list[int]:
    """``count`` different ports that nothing listens on now. Somebody else may take one before it is used."""
    avoided = set(avoid)
    found: list[int] = []
    for port in random.sample(range(FIRST, LAST + 1), 1000):
        if port not in avoided and is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"not {count} free ports between {FIRST} and {LAST}")


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # Connections of a server that was killed linger without being in the way of its next start.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections on ``port``."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
