"""`polyvox top` where services run by themselves: each has metrics of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from polyvox.cli.exposition import Values
from polyvox.client import Client
from polyvox.metrics import BACKLOG_AUDIO
from tests.support.command import Running, polyvox
from tests.support.media import tone, wav
from tests.support.polling import until
from tests.support.ports import free_port

GONE = "http://127.0.0.1:9"
EVERY = ("--once", "--every", "0.3")


@contextmanager
def on_terminal(*arguments: str, cwd: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`polyvox …` on a terminal of its own: what is read and written there, and the process."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "polyvox.cli", *arguments],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield ours, process
    finally:
        process.kill()
        process.wait(10)
        os.close(ours)


def read_until(terminal: int, text: str, *, within_s: float) -> str:
    """What was written up to ``text``; fails the test when it does not come."""
    seen = ""
    deadline_s = time.monotonic() + within_s
    while text not in seen:
        left_s = deadline_s - time.monotonic()
        assert left_s > 0, f"no {text!r} in {seen!r}"
        if select.select([terminal], [], [], left_s)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return seen


@pytest.fixture
def services(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Addresses of the APIs and of what works behind them; nobody transcribes."""
    ports = [free_port() for _ in range(2)]
    running = [
        Running(
            *("run", *names, "--member", names[0]),
            cwd=tmp_path,
            POLYVOX_DATA_DIR=str(tmp_path / "data"),
            POLYVOX_PORT=str(port),
            POLYVOX_DRAIN_TIMEOUT_S="0",
        )
        for names, port in zip((("ingest-api", "results-api"), ("projection", "normaliser")), ports, strict=True)
    ]
    try:
        yield f"http://127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
    finally:
        for one in running:
            one.send(signal.SIGTERM)
        for one in running:
            one.result(within_s=60)


async def test_what_waits_and_what_failed_is_added_up_over_all_processes(
    services: tuple[str, str], tmp_path: Path
) -> None:
    front, behind = services

    def waiting_s() -> float:
        values = Values.of(0.0, [httpx.get(f"http://{behind}/metrics").text])
        return values.total(BACKLOG_AUDIO.name, stage="transcribe")

    with Client(front) as client:
        await until(client.is_ready, deadline_s=60)
        (tmp_path / "good.wav").write_bytes(wav(tone(4.0)))
        (tmp_path / "empty.wav").write_bytes(wav(tone(0.0)))
        client.upload(tmp_path / "good.wav")
        failed_id = client.upload(tmp_path / "empty.wav")
        client.wait(failed_id, timeout_s=60)

        await until(lambda: waiting_s() == 4.0, deadline_s=60)
    answer = polyvox("top", *EVERY, "--json", *(f"--server={one}" for one in (front, behind, GONE)), cwd=tmp_path)
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)
    stages = {stage["name"]: stage for stage in found["stages"]}
    assert (stages["transcribe"]["interactive_s"], stages["transcribe"]["recordings"]) == (4.0, 1)
    assert stages["normalise"]["given_up"] == 1
    assert (found["completed"], found["failed"]) == (0, 1)
    assert found["eta_s"] is None
    assert found["silent"] == [GONE]

    shown = polyvox("top", *EVERY, "--server", front, "--server", behind, cwd=tmp_path).out
    assert shown.startswith("4.0 s of audio wait, done: not known yet")
    assert failed_id in shown

    with on_terminal("top", "--every", "0.3", "--server", front, cwd=tmp_path) as (terminal, process):
        seen = read_until(terminal, "RTFx", within_s=60)
        assert "transcribe" in seen + read_until(terminal, "transcribe", within_s=60)
        process.send_signal(signal.SIGINT)
        read_until(terminal, "\x1b[?1049l", within_s=60)
        assert process.wait(30) == 0


def test_where_nobody_answers_is_said(tmp_path: Path) -> None:
    found = polyvox("top", "--once", "--server", GONE, cwd=tmp_path)
    assert (found.status, found.out) == (1, "")
    assert f"no metrics of Polyvox at {GONE}" in found.err
