"""A whole Polyvox for as long as a command needs one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from polyvox.client import AsyncClient
from polyvox.errors import Fatal, PolyvoxError
from polyvox.settings import Settings
from polyvox.supervisor import Supervisor

READY_WITHIN_S = 120.0
PROBE_S = 5.0
FAILURES_MAX = 5
LAST_LINES = 15


def free_port(host: str) -> int:
    """Raises Fatal when this machine has no such address."""
    return _bound_port(host, 0)


def check_port(host: str, port: int) -> None:
    """Raises Fatal when nothing can listen there."""
    _bound_port(host, port)


def _bound_port(host: str, port: int) -> int:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # What the server itself does: a port that was just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise Fatal(
            f"cannot listen on {host}:{port} ({error.strerror}); "
            "choose another with --host and --port, or POLYVOX_HOST and POLYVOX_PORT"
        ) from error


@asynccontextmanager
async def running(settings: Settings, supervisor: Supervisor, stopping: asyncio.Event) -> AsyncIterator[str]:
    """Start ``supervisor``, wait until it serves, give its URL; stop it at the end.

    The body is cancelled when the supervisor gives up.

    Raises:
        Fatal: it did not come up within two minutes, or gave up.
    """
    url = base_url(settings)
    try:
        async with asyncio.TaskGroup() as group:
            tree = group.create_task(supervisor.run(stopping))
            try:
                await _until_ready(url, stopping)
                yield url
            finally:
                stopping.set()
                await asyncio.wait({tree})
    except BaseExceptionGroup as errors:
        # One thing went wrong, here or in the body; the group is only how it travelled.
        raise _first(errors) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@asynccontextmanager
async def temporary_server(settings: Settings) -> AsyncIterator[str]:
    """A server on a free port with a data folder that is gone afterwards.

    Nobody comes back for what is in flight at the end, so it is dropped at once. The log
    is shown only if it tells why there is no server.

    Raises:
        Fatal: it did not come up, or one of its processes ends again and again.
    """
    with _temporary_folder() as folder:
        log_file = folder / "log.txt"
        data = folder / "data"
        port = free_port("127.0.0.1")
        changes = {
            "data_dir": data,
            "host": "127.0.0.1",
            "port": port,
            "log_level": "info",
            "log_format": "text",
            "drain_timeout_s": 0.0,
        }
        own = settings.model_copy(update=changes)
        stopping = asyncio.Event()
        with _logging_to(log_file):
            supervisor = Supervisor(own, log_file=log_file, failures_max=FAILURES_MAX)
            try:
                async with running(own, supervisor, stopping) as url:
                    yield url
            except Fatal as error:
                raise Fatal(f"{error}\n{_last_lines(log_file)}") from error


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="polyvox-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """What this process logs goes to the file, not between the lines of progress."""
    handler = logging.FileHandler(file, encoding="utf-8")
    logger = logging.getLogger("polyvox")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def _last_lines(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LAST_LINES:])


def base_url(settings: Settings) -> str:
    """How a program on this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def _until_ready(url: str, stopping: asyncio.Event) -> None:
    """Returns as well when it is told to stop before that."""
    try:
        async with asyncio.timeout(READY_WITHIN_S), AsyncClient(url) as client:
            while not stopping.is_set() and not await _is_ready(client):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), 0.1)
    except TimeoutError:
        raise Fatal(
            f"the server did not become ready within {READY_WITHIN_S:g} s; `polyvox doctor` says what may be missing"
        ) from None


async def _is_ready(client: AsyncClient) -> bool:
    try:
        return await asyncio.wait_for(client.is_ready(), PROBE_S)
    except (TimeoutError, PolyvoxError):
        return False
