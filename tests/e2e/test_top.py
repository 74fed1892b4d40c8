"""`polyvox top` where services run by themselves: each has metrics of its own."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from polyvox.cli.exposition import Values
from polyvox.cli.local_server import free_port
from polyvox.client import Client
from polyvox.metrics import BACKLOG_AUDIO
from tests.support.command import Running, polyvox
from tests.support.media import tone, wav
from tests.support.polling import until

GONE = "http://127.0.0.1:9"
EVERY = ("--once", "--every", "0.3")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Addresses of the APIs and of what works behind them; nobody transcribes."""
    ports = [free_port("127.0.0.1") for _ in range(2)]
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
            one.result(within_s=30)


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
        client.wait(failed_id, timeout_s=30)

        await until(lambda: waiting_s() == 4.0, deadline_s=30)
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


def test_where_nobody_answers_is_said(tmp_path: Path) -> None:
    found = polyvox("top", "--once", "--server", GONE, cwd=tmp_path)
    assert (found.status, found.out) == (1, "")
    assert f"no metrics of Polyvox at {GONE}" in found.err
