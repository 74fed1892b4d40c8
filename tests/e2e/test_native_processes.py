"""Servers find ports, and none outlives the process that started it, however that one ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from infra.native import Postgres, StartError, Toxiproxy, keeper
from tests.support.polling import until

STARTER = """
import sys, threading
from pathlib import Path
from infra.native import Postgres, Toxiproxy

folder = Path(sys.argv[1])
servers = [Postgres(folder / "postgres"), Toxiproxy(folder / "toxiproxy")]
# In a thread that ends: the servers belong to the process, not to the thread.
for server in servers:
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
print(*(server.pid for server in servers), flush=True)
sys.stdin.read()
"""


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() for process in processes)


async def test_servers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        processes = [process for pid in pids for process in _family(pid)]
        assert len(processes) > 4
        leashes = [psutil.Process(pid).parents()[0] for pid in pids]
        assert all(process.is_running() for process in processes)
        starter.kill()
    await until(lambda: _gone([*processes, *leashes]))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_nothing_is_left_of_a_server(how: str, tmp_path: Path) -> None:
    before = psutil.Process().children()
    server = Postgres(tmp_path).start()
    processes = _family(server.pid)
    assert len(processes) > 1
    getattr(server, how)()
    assert _gone(processes)
    assert not server.running
    assert set(psutil.Process().children()) <= set(before)


def test_a_server_that_starts_again_has_its_ports_and_another_process(tmp_path: Path) -> None:
    with Toxiproxy(tmp_path) as server:
        before, pid = dict(server.ports), server.pid
        assert server.start() is server
        assert server.pid == pid
        server.kill()
        server.start()
        assert server.ports == before
        assert server.pid != pid
    with Toxiproxy(tmp_path) as later:
        assert later.ports == before


def test_a_port_that_is_taken_in_between_is_given_up(tmp_path: Path) -> None:
    server = Toxiproxy(tmp_path)
    server.choose_ports()
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", server.ports["api"]))
        stranger.listen()
        with server:
            assert server.ports["api"] != stranger.getsockname()[1]


def test_a_port_that_others_know_is_waited_for(tmp_path: Path) -> None:
    with Toxiproxy(tmp_path) as server:
        port = server.ports["api"]
        server.kill()
        stranger = socket.socket()
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        threading.Timer(0.5, stranger.close).start()
        server.start()
        assert server.ports["api"] == port


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with Postgres(tmp_path) as server:
        server.stop()
        (tmp_path / "data" / "postgresql.conf").write_text("nonsense = 1\n")
        with pytest.raises(StartError, match='unrecognized configuration parameter "nonsense"'):
            server.start()


def test_a_second_fetch_takes_no_time() -> None:
    before_s = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "infra.native", "fetch"], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert time.monotonic() - before_s < 60


def test_where_no_keeper_runs_there_is_nothing_to_stop(tmp_path: Path) -> None:
    assert keeper.stop(tmp_path) is False
    assert keeper.status(tmp_path) == {}
    # The id of somebody else's process, left by a keeper whose machine went down.
    (tmp_path / "keeper.pid").write_text("1")
    assert keeper.stop(tmp_path) is False


def test_no_other_process_is_stopped_for_the_keeper(tmp_path: Path) -> None:
    with FileLock(tmp_path / "keeper.lock"), subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "keeper.pid").write_text(str(stranger.pid))
        with pytest.raises(keeper.KeeperError, match="is no keeper"):
            keeper.stop(tmp_path)
        assert stranger.poll() is None
        stranger.kill()
