"""`polyvox up`: starts everything, stops everything, and goes on where it was."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import psutil
import pytest

from polyvox.client import Client
from tests.support.command import Running, polyvox
from tests.support.product import Product
from tests.support.stack import speech


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        result = polyvox("up", "--port", str(port), cwd=tmp_path)
    assert result.status == 1
    assert result.err.splitlines()[-1].startswith(
        f"polyvox: cannot listen on 127.0.0.1:{port} (Address already in use)"
    )
    assert "--port" in result.err


def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    result = polyvox("up", "--host", "192.0.2.1", cwd=tmp_path)
    assert result.status == 1
    assert "192.0.2.1" in result.err


@pytest.mark.models
def test_ctrl_c_hands_back_what_is_in_flight_and_the_next_start_goes_on(tmp_path: Path) -> None:
    with Product(tmp_path / "data", environment={"POLYVOX_DRAIN_TIMEOUT_S": "2"}) as product:
        other = polyvox("up", "--port", "0", "--data", product.data_dir, cwd=tmp_path)
        assert (other.status, other.out) == (1, "")
        assert "another `polyvox up` runs on" in other.err

        with Client(product.url) as client:
            media_id = client.upload(speech(tmp_path / "speech.flac", 6.0))
        below = psutil.Process(product.pid).children(recursive=True)
        assert len(below) >= 5
        began_s = time.monotonic()
        assert product.stop() == 0
        # The drain that was asked for, not the usual 25 s; processes want a second or two to end.
        assert time.monotonic() - began_s < 22
        _, alive = psutil.wait_procs(below, timeout=20)
        assert not alive

        product.start()
        with Client(product.url) as client:
            assert client.wait(media_id, timeout_s=120).status == "completed"


@pytest.mark.models
def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    command = Running("up", "--port", "0", "--data", "data", cwd=tmp_path)
    below = command.until_below(5)
    command.send(signal.SIGINT)
    command.send(signal.SIGTERM)
    result = command.result(within_s=22)
    # The second comes too late to be counted where all had stopped already.
    assert result.status == 130 or (result.status == -signal.SIGTERM and "Stopped." in result.err)
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not alive
