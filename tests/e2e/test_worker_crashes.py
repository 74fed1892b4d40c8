"""Processes that die: the worker's own between output and commit, and the children that run models."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from polyvox.child.child import Child
from polyvox.child.limits import Limits
from polyvox.contracts import Envelope, MediaFailed
from polyvox.errors import PolyvoxError
from polyvox.metrics import MESSAGES_IN_FLIGHT
from tests.support.worker_bench import STAGE, Bench, ids, until

MIB = 1024 * 1024


async def start(path: Path, then: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.interrupted_worker", str(path), then, cwd=Path(__file__).parents[2]
    )


async def test_a_crash_between_output_and_commit_repeats_the_output_under_its_old_id(bench: Bench) -> None:
    await bench.publish(ids(2))
    process = await start(bench.path, "hang")

    async def published() -> bool:
        return len(await bench.events(MediaFailed.TOPIC)) == 1

    await until(published)
    process.kill()
    await process.wait()
    assert await bench.lag() == 2

    process = await start(bench.path, "finish")
    assert await process.wait() == 0
    assert await bench.lag() == 0
    outputs = Counter(event.id for event in await bench.events(MediaFailed.TOPIC))
    # Both inputs have one id each downstream; the interrupted one is on the log twice.
    assert sorted(outputs.values()) == [1, 2]


@pytest.mark.parametrize(
    ("method", "args", "code", "attempts", "says"),
    [
        ("dereference_null", (), "crashed", 2, "SIGSEGV"),
        ("killed", (), "out-of-memory", 2, "killed by the system"),
        ("devour", (4096 * MIB,), "out-of-memory", 2, "MemoryError"),
        ("sleep", (600.0,), "internal-error", 3, "did not answer within"),
        ("refuse", (), "no-audio", 1, "no sound"),
    ],
)
async def test_a_message_that_brings_its_child_down_fails_alone(
    bench: Bench, method: str, args: tuple[Any, ...], code: str, attempts: int, says: str
) -> None:
    child = Child(
        "tests.support.child_targets:Target",
        {},
        name="model",
        limits=Limits(memory_bytes=2048 * MIB),
        metrics=bench.metrics,
    )
    greeted: list[str] = []
    failures: dict[str, tuple[PolyvoxError, int]] = {}

    async def handler(envelope: Envelope[Any]) -> None:
        if envelope.data.media_id == "recording-0001":
            await child.call(method, *args, timeout_s=1.0)
        greeted.append(await child.call("greet", envelope.data.media_id, timeout_s=30.0))

    async def tell(envelope: Envelope[Any], failure: PolyvoxError, made: int) -> None:
        failures[envelope.data.media_id] = failure, made

    # A fresh child may take longer to start on a busy machine than a call to it may last.
    await child.call("pid", timeout_s=30.0)
    await bench.publish(ids(4))
    running = bench.start(handler, attempts=3, on_give_up=tell)
    await until(bench.no_lag, 60)
    await running.stop()
    await child.close()
    assert sorted(name.split()[1] for name in greeted) == ["recording-0000", "recording-0002", "recording-0003"]
    ((failure, made),) = failures.values()
    assert made == attempts
    assert says in str(failure)
    (letter,) = await bench.dead_letters()
    assert (letter.code, letter.attempts) == (code, attempts)


async def test_stopping_a_worker_with_a_hung_child_leaves_no_process_behind(bench: Bench) -> None:
    child = Child("tests.support.child_targets:Target", {}, name="model", metrics=bench.metrics)
    await child.call("pid", timeout_s=30.0)

    async def handler(envelope: Envelope[Any]) -> None:
        await child.call("sleep", 600.0, timeout_s=600.0)

    await bench.publish(ids(1))
    running = bench.start(handler, drain_timeout_s=0.3)
    await until(lambda: 1.0 in bench.metrics.values(MESSAGES_IN_FLIGHT, worker=STAGE))
    assert child.pid is not None
    await running.stop()
    assert child.pid is None
    assert await bench.lag() == 1


async def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio\n"
        "from polyvox.child.child import Child\n"
        "async def main():\n"
        "    child = Child('tests.support.child_targets:Target', {}, name='model')\n"
        "    print(await child.call('pid', timeout_s=30), flush=True)\n"
        "    await child.call('spin', timeout_s=600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    await parent.wait()
    await until(lambda: not Path(f"/proc/{pid}").exists())
