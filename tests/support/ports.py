"""A port for a server of the product that a test starts, stops and starts again."""

from __future__ import annotations

from infra.native.ports import free_ports


def free_port() -> int:
    """On 127.0.0.1, and none that the kernel gives to a connection or to another test's server meanwhile."""
    (port,) = free_ports(1)
    return port
