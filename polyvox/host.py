"""Runs one or more services in this process: their routes on one port, their workers beside them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from polyvox import bootstrap
from polyvox.errors import EXIT_CIRCUIT_OPEN, CircuitOpen, Fatal
from polyvox.logs import configure
from polyvox.service import Check, Runtime, Service
from polyvox.settings import Settings

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger(__name__)

RETENTION_EVERY_S = 600.0
HTTP_GRACE_S = 5


def run(names: Sequence[str], settings: Settings, *, member: str, operations: bool = False) -> int:
    """Run services until SIGINT or SIGTERM; returns the exit status.

    0 in order, EXIT_CIRCUIT_OPEN when nearly all work failed, 1 for anything else that stops it.
    ``operations``: answer ``/health``, ``/ready`` and ``/metrics`` even where no service has routes.
    """
    configure(settings.log_level, name=member, form=settings.log_format)
    try:
        services = [bootstrap.load_service(name) for name in names]
    except Fatal as error:
        log.error("%s cannot start: %s", member, error)
        return 1
    return run_loaded(services, settings, member=member, operations=operations)


def run_loaded(services: Sequence[Service], settings: Settings, *, member: str, operations: bool = False) -> int:
    """As ``run``, for services that are at hand."""
    configure(settings.log_level, name=member, form=settings.log_format)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_run(services, settings, member, operations))
    except Fatal as error:
        log.error("%s stops: %s", member, error)
        return EXIT_CIRCUIT_OPEN if isinstance(error, CircuitOpen) else 1
    return 0


def run_service(name: str, services: Sequence[str], settings: Settings) -> int:
    """Run one package's services as a process of its own, named after the host unless settings say otherwise."""
    return run(services, settings, member=settings.member or f"{name}-{socket.gethostname()}", operations=True)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed; None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _settle_memory() -> None:
    """What is loaded by now stays: the collector need not look at it again, nor as often as it does for programs
    that make cycles. The pipeline makes few, and some of a worker's time went into looking for them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _run(services: Sequence[Service], settings: Settings, member: str, operations: bool) -> None:
    async with bootstrap.runtime(settings, member=member) as runtime:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, runtime.stopping.set)
        for service in services:
            if service.prepare:
                await service.prepare(runtime)
        _settle_memory()
        await run_services(services, runtime, operations=operations)


async def run_services(services: Sequence[Service], runtime: Runtime, *, operations: bool = False) -> None:
    """Serve and work until ``runtime.stopping`` is set; the first failure stops all and is raised.

    The port is opened where a service has routes, or for ``operations``.
    """
    from polyvox.resources import watch_resources

    tasks = [asyncio.create_task(service.work(runtime), name=service.name) for service in services if service.work]
    if operations or any(service.http for service in services):
        tasks.append(asyncio.create_task(_serve(services, runtime), name="http"))
    tasks.append(asyncio.create_task(_enforce_retention(runtime), name="retention"))
    name = "+".join(service.name for service in services)
    watching = asyncio.create_task(watch_resources(name, runtime.settings), name="resources")
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        runtime.stopping.set()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _serve(services: Sequence[Service], runtime: Runtime) -> None:
    import uvicorn

    from polyvox.http import create_app, operations_router
    from polyvox.http.connections import KEEP_ALIVE_S, Connection
    from polyvox.http.opening import administration, check_reachable, door_of, recorder_of
    from polyvox.http.server import Server
    from polyvox.metrics import process_metrics

    door, recorder = door_of(runtime), recorder_of(runtime)
    serves = any(service.http for service in services)
    if serves:
        await check_reachable(runtime.settings, door.known)
    checks: dict[str, Check] = {}
    for service in services:
        checks |= service.checks(runtime) if service.checks else {}
    app = create_app(
        [
            *(service.http(runtime) for service in services if service.http),
            *(administration(runtime, door, recorder) if serves else ()),
            operations_router(runtime, process_metrics().render, checks=checks),
        ],
        title="Polyvox",
        cors_origins=runtime.settings.cors_origins,
        door=door,
        recorder=recorder if serves else None,
        hsts_max_age_s=runtime.settings.hsts_max_age_s,
    )

    settings = runtime.settings
    server = Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=HTTP_GRACE_S,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
            http=Connection,
            timeout_keep_alive=KEEP_ALIVE_S,
            ws="none",
        )
    )
    stopper = asyncio.create_task(_stop_server(server, runtime))
    try:
        await server.serve()
    except SystemExit as error:
        raise Fatal(
            f"cannot listen on {settings.host}:{settings.port}; is another server there? "
            "Choose another port with --port."
        ) from error
    finally:
        stopper.cancel()
    if not runtime.stopping.is_set():
        raise Fatal(f"the HTTP server on {settings.host}:{settings.port} stopped by itself")


async def _stop_server(server: uvicorn.Server, runtime: Runtime) -> None:
    await runtime.stopping.wait()
    server.should_exit = True


async def _enforce_retention(runtime: Runtime) -> None:
    while not runtime.stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(runtime.stopping.wait(), RETENTION_EVERY_S)
            return
        dropped = await runtime.log.enforce_retention()
        if dropped:
            log.info("retention dropped %d records", dropped)
