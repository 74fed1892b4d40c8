"""Faults on real servers while recordings flow: none is lost, none doubled. All faults: docs/chaos.md."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from infra.native import Kafka, Toxiproxy
from tests.chaos.faults import catalogue
from tests.chaos.faults.rounds import Rounds
from tests.chaos.faults.world import Pace, world

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]

RECORDINGS = 20
PACE = Pace(send_s=3, hold_s=5, stall_s=10, storm_s=12, session_timeout_s=6)
CHOSEN = (
    "kill-all",
    "kill-leader",
    "kill-store",
    "kill-database",
    "silent-broker",
    "stall-projection",
    "storm",
    "copies",
    "full-store",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rounds(
    tmp_path_factory: pytest.TempPathFactory, kafka_cluster: Kafka, toxiproxy: Toxiproxy
) -> AsyncIterator[Rounds]:
    """One product for all faults. Its life is one task's, since set-up and tear-down of a fixture are not."""
    ready: asyncio.Future[Rounds] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()
    folder: Path = tmp_path_factory.mktemp("faults")

    async def live() -> None:
        async with world(folder, kafka_cluster, toxiproxy, pace=PACE) as here:
            ready.set_result(Rounds(here, seed=1))
            await over.wait()

    life = asyncio.create_task(live())
    either: set[asyncio.Future[Any]] = {ready, life}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        await life
    yield ready.result()
    over.set()
    await life


@pytest.mark.parametrize("name", CHOSEN)
async def test_nothing_acknowledged_is_lost_or_doubled_by(rounds: Rounds, name: str) -> None:
    fault = catalogue.BY_NAME[name]
    if fault.disk is not None and fault.disk not in rounds.world.disks:
        pytest.skip("to mount a disk that can be full needs the rights of root")
    row = await rounds.play(fault, RECORDINGS)
    print(row)
    assert row.verdict.kept, row.troubles()
    assert row.verdict.acknowledged >= RECORDINGS * 0.7
    assert row.verdict.completed >= row.verdict.acknowledged, (row.letters, row.verdict.reasons)


async def test_what_was_quiet_stays_as_it_is(rounds: Rounds) -> None:
    final = await rounds.judged(rounds.sent)
    assert final.kept, (final.lost, final.doubled)
