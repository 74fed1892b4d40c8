"""`polyvox doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from polyvox import weights
from polyvox.errors import PolyvoxError
from polyvox.settings import Settings

GIB = 1024**3
PACKAGES = {
    "ingest": ("fastapi", "uvicorn", "av"),
    "transcriber": ("torch", "faster_whisper", "whisper"),
    "diarizer": ("torch", "torchaudio", "pyannote.audio"),
    "results": ("sqlalchemy", "alembic", "aiosqlite"),
}
FREE_DISK_BYTES = 2 * GIB
MEMORY_BYTES = 4 * GIB


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
    settings = Settings()
    findings = list(examine(settings))
    for finding in findings:
        mark = click.style("ok", fg="green") if finding.is_fine else click.style("no", fg="red")
        click.echo(f"{mark}  {finding.name}: {finding.text}")
        if not finding.is_fine:
            click.echo(f"    {finding.remedy}")
    missing = sum(not finding.is_fine for finding in findings)
    click.echo("Everything is there." if not missing else f"{missing} to mend.")
    sys.exit(1 if missing else 0)


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything the services need."""
    yield _python()
    yield from _packages()
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
    for extra, names in PACKAGES.items():
        missing = [name for name in names if not _is_installed(name)]
        text = f"without {', '.join(missing)}" if missing else "all packages installed"
        yield Finding(f"packages of {extra}", not missing, text, f"pip install 'polyvox[{extra}]'")


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Finding(
                "port", False, f"{host}:{port}: {error.strerror}", "Choose another with --port or POLYVOX_PORT."
            )
    return Finding("port", True, f"{host}:{port} is free")


def _gpu() -> Finding:
    text = "NVIDIA driver found" if shutil.which("nvidia-smi") else "none; models run on the CPU"
    return Finding("GPU", True, text)
