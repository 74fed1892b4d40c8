"""A child process answers calls, and its death is classified."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from polyvox.child.child import Child
from polyvox.child.limits import Limits
from polyvox.child.nursery import Nursery
from polyvox.errors import ChildCrashed, Fatal, Invalid, NotFound, OutOfMemory, Transient
from polyvox.metrics import CHILD_RESTARTS
from tests.support.child_targets import Answer
from tests.support.recorded_metrics import RecordedMetrics

TARGET = "tests.support.child_targets:Target"
MIB = 1024 * 1024


@pytest.fixture(params=["started", "forked"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Child]]:
    """Children that are fresh interpreters, and children that are forked."""
    made: list[Child] = []
    nursery = Nursery(["numpy"], env=dict(os.environ), name="model") if request.param == "forked" else None

    def build(factory: str = TARGET, **options: Any) -> Child:
        child = Child(factory, options.pop("kwargs", {}), name="model", nursery=nursery, **options)
        made.append(child)
        return child

    yield build
    for child in made:
        await child.close()
    if nursery:
        await nursery.close()


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_the_object_lives_on_between_calls(make: Callable[..., Child]) -> None:
    child = make(kwargs={"greeting": "hi"})
    assert await child.call("greet", "ann", timeout_s=60) == "hi ann 1"
    assert await child.call("greet", "bob", timeout_s=60) == "hi bob 2"


async def test_calls_at_the_same_time_take_turns(make: Callable[..., Child]) -> None:
    child = make()
    answers = await asyncio.gather(*(child.call("greet", "x", timeout_s=60) for _ in range(5)))
    assert sorted(answers) == [f"hello x {n}" for n in range(1, 6)]


async def test_ten_minutes_of_samples_go_there_and_back(make: Callable[..., Child]) -> None:
    samples = np.arange(16_000 * 600, dtype=np.float32)
    answer = await make().call("double", samples, timeout_s=60)
    assert isinstance(answer, Answer)
    assert answer.samples.dtype == np.float32
    np.testing.assert_array_equal(answer.samples, samples * 2)


async def test_progress_is_heard(make: Callable[..., Child]) -> None:
    heard: list[float] = []
    assert await make().call("count", 4, timeout_s=60, on_progress=heard.append) == 4
    assert heard == [0.25, 0.5, 0.75, 1.0]


async def test_errors_raised_on_purpose_keep_their_class_and_the_process(make: Callable[..., Child]) -> None:
    child = make()
    pid = await child.call("pid", timeout_s=60)
    with pytest.raises(Invalid, match="no sound") as invalid:
        await child.call("refuse", timeout_s=60)
    assert invalid.value.code == "no-audio"
    with pytest.raises(NotFound):
        await child.call("miss", timeout_s=60)
    with pytest.raises(Transient, match="try again"):
        await child.call("stumble", timeout_s=60)
    with pytest.raises(Fatal, match="no weights"):
        await child.call("give_up", timeout_s=60)
    assert await child.call("pid", timeout_s=60) == pid


@pytest.mark.parametrize(("method", "says"), [("bug", "KeyError"), ("unsendable", "Unsendable: ab")])
async def test_other_exceptions_are_transient_and_replace_the_process(
    make: Callable[..., Child], method: str, says: str
) -> None:
    metrics = RecordedMetrics()
    child = make(metrics=metrics)
    pid = await child.call("pid", timeout_s=60)
    with pytest.raises(Transient, match=says):
        await child.call(method, timeout_s=60)
    assert await child.call("pid", timeout_s=60) != pid
    assert metrics.count(CHILD_RESTARTS, child="model", cause="Transient") == 1


@pytest.mark.parametrize(
    ("method", "args", "kind", "says"),
    [
        ("dereference_null", (), ChildCrashed, "SIGSEGV"),
        ("abort", (), ChildCrashed, "SIGABRT"),
        ("leave", (3,), ChildCrashed, "status 3"),
        ("killed", (), OutOfMemory, "killed by the system"),
        ("device_out_of_memory", (), OutOfMemory, "CUDA"),
    ],
)
async def test_a_death_is_classified_and_the_next_call_gets_a_fresh_process(
    make: Callable[..., Child], method: str, args: tuple[Any, ...], kind: type[ChildCrashed], says: str
) -> None:
    child = make()
    await child.call("greet", "x", timeout_s=60)
    with pytest.raises(ChildCrashed, match=says) as crash:
        await child.call(method, *args, timeout_s=60)
    assert type(crash.value) is kind
    assert await child.call("greet", "x", timeout_s=60) == "hello x 1"


async def test_a_process_over_its_memory_limit_is_out_of_memory(make: Callable[..., Child]) -> None:
    child = make(limits=Limits(memory_bytes=1024 * MIB))
    assert await child.call("devour", MIB, timeout_s=60) == MIB
    with pytest.raises(OutOfMemory):
        await child.call("devour", 2048 * MIB, timeout_s=60)


async def test_a_process_over_its_cpu_limit_is_a_time_out(make: Callable[..., Child]) -> None:
    child = make(limits=Limits(cpu_s=1), timeout_error=Invalid)
    with pytest.raises(Invalid, match="CPU time"):
        await child.call("spin", timeout_s=60)


async def test_a_process_over_its_file_limit_is_stopped(make: Callable[..., Child], tmp_path: Path) -> None:
    child = make(limits=Limits(file_bytes=MIB), timeout_error=Invalid)
    await child.call("write", str(tmp_path / "small"), 1000, timeout_s=60)
    with pytest.raises(Invalid, match="File too large"):
        await child.call("write", str(tmp_path / "large"), 2 * MIB, timeout_s=60)


async def test_a_hung_process_is_killed_at_its_time_out(make: Callable[..., Child]) -> None:
    child = make()
    pid = await child.call("pid", timeout_s=60)
    began_s = time.monotonic()
    with pytest.raises(Transient, match=r"within 0\.3 s"):
        await child.call("sleep", 600.0, timeout_s=0.3)
    assert time.monotonic() - began_s < 60
    assert gone(pid)
    assert await child.call("greet", "x", timeout_s=60) == "hello x 1"


async def test_cancelling_a_call_kills_the_process_and_all_it_started(
    make: Callable[..., Child], tmp_path: Path
) -> None:
    child = make()
    pid = await child.call("pid", timeout_s=60)
    pid_file = tmp_path / "pid"
    call = asyncio.create_task(child.call("sleep_with_grandchild", str(pid_file), timeout_s=600))
    await until(lambda: pid_file.exists() and pid_file.read_text() != "")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert gone(pid)
    await until(lambda: gone(int(pid_file.read_text())))


async def test_a_process_that_died_while_idle_is_replaced_unseen(make: Callable[..., Child]) -> None:
    child = make()
    pid = await child.call("pid", timeout_s=60)
    psutil.Process(pid).kill()
    await until(lambda: child.pid is None)
    assert await child.call("pid", timeout_s=60) != pid


async def test_a_factory_that_fails_says_why(make: Callable[..., Child]) -> None:
    failing = "tests.support.child_targets:failing_factory"
    with pytest.raises(Fatal, match="weights"):
        await make(failing, kwargs={"kind": "fatal"}).call("greet", "x", timeout_s=60)
    with pytest.raises(Transient, match="ValueError: other"):
        await make(failing, kwargs={"kind": "other"}).call("greet", "x", timeout_s=60)
    with pytest.raises(Transient, match="did not answer"):
        await make(failing, kwargs={"kind": "slow"}, start_timeout_s=1.0).call("greet", "x", timeout_s=60)
    with pytest.raises(Fatal, match="cannot be loaded"):
        await make("tests.support.no_such_module:Target").call("greet", "x", timeout_s=60)


async def test_what_is_not_a_value_does_not_get_into_this_process(make: Callable[..., Child]) -> None:
    for method in ("evil", "function"):
        with pytest.raises(ChildCrashed, match="not a value"):
            await make().call(method, timeout_s=60)


@pytest.mark.parametrize("make", ["started"], indirect=True)
async def test_the_environment_can_be_added_to_and_withheld(
    make: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "s3")
    child = make(env={"OMP_NUM_THREADS": "1"})
    assert await child.call("environment", "OMP_NUM_THREADS", timeout_s=60) == "1"
    assert await child.call("environment", "A_SECRET", timeout_s=60) == "s3"
    assert await make(inherit_env=False).call("environment", "A_SECRET", timeout_s=60) is None


async def test_what_the_child_prints_is_logged_under_its_name(
    make: Callable[..., Child], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "polyvox.child.model"):
        child = make()
        await child.call("say", "loading weights", timeout_s=60)
        await until(lambda: "loading weights" in caplog.text)


async def test_the_child_loads_no_more_than_its_factory_needs(make: Callable[..., Child]) -> None:
    loaded = await make().call("modules", timeout_s=60)
    assert not {"pydantic", "torch", "aiokafka", "prometheus_client", "polyvox.child.values"} & set(loaded)
