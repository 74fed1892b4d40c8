"""What a fault is, and the parts that faults are made of."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import psutil

from infra.native import Proxy
from tests.chaos.faults.ends import Ends
from tests.chaos.faults.world import World


@dataclass(frozen=True)
class Scene:
    """Where a fault happens. ``ends``: what lies on the topics so far."""

    world: World
    ends: Ends
    chance: Random


Inject = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """``inject`` puts it in and takes it away again; it returns when nothing is broken any more.

    ``disk``: which of the world's disks it needs.
    """

    name: str
    meaning: str
    inject: Inject
    disk: str | None = None


def killed(name: str) -> Inject:
    """kill -9 of one of the product's processes, which its supervisor starts again."""

    async def inject(scene: Scene) -> None:
        os.kill(await scene.world.pid(name), signal.SIGKILL)

    return inject


async def all_killed(scene: Scene) -> None:
    scene.world.supervisor.kill()


def stalled(name: str) -> Inject:
    """A process whose event loop stands still for longer than its session with the brokers lasts."""

    async def inject(scene: Scene) -> None:
        process = psutil.Process(await scene.world.pid(name))
        process.suspend()
        try:
            await asyncio.sleep(scene.world.pace.stall_s)
        finally:
            process.resume()

    return inject


def on_the_way_to(server: str, apply: Callable[[Proxy], None]) -> Inject:
    """Every connection between the product and a server suffers for a while."""

    async def inject(scene: Scene) -> None:
        proxies = scene.world.proxies[server]
        for proxy in proxies:
            await asyncio.to_thread(apply, proxy)
        await asyncio.sleep(scene.world.pace.hold_s)
        for proxy in proxies:
            await asyncio.to_thread(proxy.clear)

    return inject


def slow(proxy: Proxy) -> None:
    proxy.latency(500)


def silent(proxy: Proxy) -> None:
    proxy.timeout()


def reset(proxy: Proxy) -> None:
    """Connections live for half a second."""
    proxy.reset_peer(500)


def thin(proxy: Proxy) -> None:
    proxy.bandwidth(64)
    proxy.bandwidth(64, stream="upstream")
