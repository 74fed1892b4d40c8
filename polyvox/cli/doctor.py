"""`polyvox doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from polyvox import bootstrap, keys, weights
from polyvox.cli.configuration import settings
from polyvox.cli.local_server import check_port
from polyvox.cli.packages import PACKAGES, missing
from polyvox.clock import SystemClock
from polyvox.errors import Fatal, PolyvoxError
from polyvox.settings import Settings
from polyvox.topics import TOPICS

GIB = 1024**3
FREE_DISK_BYTES = 2 * GIB
MEMORY_BYTES = 4 * GIB
DATABASE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``remedy`` says what to do when it is not fine."""

    name: str
    is_fine: bool
    text: str
    remedy: str = ""


@click.command()
def command() -> None:
    """Say what is missing on this machine and how to get it. Exit status 1 when something is."""
    findings = list(examine(settings()))
    for finding in findings:
        mark = click.style("ok", fg="green") if finding.is_fine else click.style("no", fg="red")
        click.echo(f"{mark}  {finding.name}: {finding.text}")
        if not finding.is_fine:
            click.echo(f"    {finding.remedy}")
    to_mend = sum(not finding.is_fine for finding in findings)
    click.echo("Everything is there." if not to_mend else f"{to_mend} to mend.")
    sys.exit(1 if to_mend else 0)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything the services need."""
    yield _python()
    yield from _packages()
    if settings.kafka_bootstrap is not None:
        yield _kafka(settings)
    if settings.s3_bucket is not None:
        yield _bucket(settings)
    if settings.database is not None:
        yield _database(settings.database_url)
    yield from _weights(settings)
    yield _data_folder(settings.data_dir)
    yield _disk(settings.data_dir)
    yield _memory()
    yield _port(settings.host, settings.port)
    yield _gpu()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")


def _packages() -> Iterator[Finding]:
    for extra in PACKAGES:
        lacking = missing(extra)
        text = f"without {', '.join(lacking)}" if lacking else "all packages installed"
        yield Finding(f"packages of {extra}", not lacking, text, f"pip install 'polyvox[{extra}]'")


def _kafka(settings: Settings) -> Finding:
    async def ask() -> None:
        log = bootstrap.open_log(settings, SystemClock(), member="doctor")
        try:
            await log.bounds(next(iter(TOPICS)))
        finally:
            await log.close()

    try:
        asyncio.run(ask())
    except PolyvoxError as error:
        return Finding("Kafka", False, str(error), "Start it, or correct the POLYVOX_KAFKA_… settings.")
    return Finding("Kafka", True, f"{settings.kafka_bootstrap} answers")


def _bucket(settings: Settings) -> Finding:
    async def ask() -> None:
        store = bootstrap.open_store(settings)
        try:
            await anext(aiter(store.list(keys.PENDING_UPLOADS)), None)
        finally:
            await store.close()

    try:
        asyncio.run(ask())
    except PolyvoxError as error:
        return Finding("S3", False, str(error), "Start it, make the bucket, or correct the POLYVOX_S3_… settings.")
    return Finding("S3", True, f"the bucket {settings.s3_bucket} answers")


def _database(url: str) -> Finding:
    async def ask() -> str:
        import asyncpg  # type: ignore[import-untyped]

        connection = await asyncpg.connect(f"postgresql://{url.partition('://')[2]}", timeout=DATABASE_TIMEOUT_S)
        try:
            return str(await connection.fetchval("show server_version"))
        finally:
            await connection.close()

    try:
        version = asyncio.run(ask())
    except Exception as error:  # asyncpg's errors have no root of their own
        return Finding(
            "PostgreSQL", False, str(error) or type(error).__name__, "Start it, or correct POLYVOX_DATABASE."
        )
    return Finding("PostgreSQL", True, f"{version} answers")


def _weights(settings: Settings) -> Iterator[Finding]:
    for name in weights.DEFAULT_SET:
        try:
            weights.verify(name, settings.weights_dir)
        except PolyvoxError as error:
            yield Finding(f"weights {name}", False, str(error), f"polyvox weights pull {name}")
        else:
            yield Finding(f"weights {name}", True, "complete")


def _data_folder(folder: Path) -> Finding:
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return Finding(
        "data folder",
        parent.is_dir() and os.access(parent, os.W_OK),
        str(folder),
        f"Make {parent} writable, or name another folder with POLYVOX_DATA_DIR or `polyvox up --data`.",
    )


def _disk(folder: Path) -> Finding:
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    return Finding(
        "disk", free >= FREE_DISK_BYTES, f"{free / GIB:.1f} GiB free", "Free at least 2 GiB where the data folder is."
    )


def _memory() -> Finding:
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Finding("memory", size >= MEMORY_BYTES, f"{size / GIB:.1f} GiB", "The models need 4 GiB.")


def _port(host: str, port: int) -> Finding:
    try:
        check_port(host, port)
    except Fatal as error:
        return Finding("port", False, str(error), "Stop what listens there, or choose another port.")
    return Finding("port", True, f"{host}:{port} is free")


def _gpu() -> Finding:
    text = "NVIDIA driver found" if shutil.which("nvidia-smi") else "none; models run on the CPU"
    return Finding("GPU", True, text)
