"""A disk that is full ends no process that counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.disk import Disk, can_mount

COUNTING = """
import sys
from polyvox.adapters.prometheus import PrometheusMetrics
from polyvox.metrics import MESSAGES_HANDLED, MESSAGES_IN_FLIGHT, HANDLER_DURATION

metrics = PrometheusMetrics()
metrics.add(MESSAGES_HANDLED, worker="first")
print("counting", flush=True)
sys.stdin.readline()
for number in range(20):
    metrics.add(MESSAGES_HANDLED, worker=f"worker-{number}")
    metrics.set(MESSAGES_IN_FLIGHT, 1.0, worker=f"worker-{number}")
    metrics.observe(HANDLER_DURATION, 1.0, worker=f"worker-{number}")
print(metrics.render().decode().count("worker-19"))
"""


def test_values_that_came_while_the_disk_was_full_are_counted(tmp_path: Path) -> None:
    if not can_mount(tmp_path / "probe"):
        pytest.skip("to mount a disk that can be full needs the rights of root")
    with (
        Disk(tmp_path / "metrics") as disk,
        subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(disk.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "counting\n"
        disk.fill()
        told, _ = process.communicate("go on\n", timeout=120)
    assert process.returncode == 0
    assert int(told) > 2


def test_a_process_that_begins_on_a_full_disk_says_so(tmp_path: Path) -> None:
    if not can_mount(tmp_path / "probe"):
        pytest.skip("to mount a disk that can be full needs the rights of root")
    with Disk(tmp_path / "metrics") as disk:
        disk.fill()
        done = subprocess.run(
            [sys.executable, "-c", COUNTING],
            env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(disk.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert list(disk.folder.iterdir()) == []
    assert done.returncode == 1
    assert "cannot be kept" in done.stderr
