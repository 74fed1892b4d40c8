"""How a process ends decides when it is started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from polyvox.errors import EXIT_CIRCUIT_OPEN
from polyvox.supervisor import CIRCUIT_PAUSE_S, RESTART_BASE_S, RESTART_MAX_S, STEADY_S, restart_delay_s

PROGRAM = """
import sys
from pathlib import Path
from polyvox import bootstrap, errors, host
from polyvox.service import Service
from polyvox.settings import Settings

async def work(runtime):
    raise getattr(errors, sys.argv[1])("it is so")

bootstrap.load_service = lambda name: Service(name, work=work)
sys.exit(host.run(["worker"], Settings(data_dir=Path(sys.argv[2])), member="worker"))
"""


@pytest.mark.parametrize(("error", "status"), [("CircuitOpen", EXIT_CIRCUIT_OPEN), ("Fatal", 1)])
def test_the_exit_status_tells_a_worker_that_fails_on_everything(tmp_path: Path, error: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, error, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert "it is so" in done.stdout + done.stderr


def test_delays_double_up_to_a_bound_and_begin_anew_after_a_steady_run() -> None:
    delays, delay_s = [], 0.0
    for _ in range(10):
        delay_s = restart_delay_s(delay_s, status=1, ran_s=0.1)
        delays.append(delay_s)
    assert delays[:3] == [RESTART_BASE_S, RESTART_BASE_S * 2, RESTART_BASE_S * 4]
    assert delays[-1] == RESTART_MAX_S
    assert restart_delay_s(delay_s, status=-9, ran_s=STEADY_S + 1) == RESTART_BASE_S


def test_a_worker_that_fails_on_everything_is_left_alone_for_long() -> None:
    assert restart_delay_s(RESTART_BASE_S, status=EXIT_CIRCUIT_OPEN, ran_s=STEADY_S + 1) == CIRCUIT_PAUSE_S
    assert restart_delay_s(CIRCUIT_PAUSE_S, status=1, ran_s=0.1) == RESTART_MAX_S
