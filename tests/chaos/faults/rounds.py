"""One fault after the other: recordings before, during and after it, then the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import httpx

from polyvox.dead_letters.letter import parse
from polyvox.errors import Transient
from polyvox.ports import Record
from tests.chaos.faults.ends import Ends
from tests.chaos.faults.fault import Fault, Scene
from tests.chaos.faults.load import Load, Sent
from tests.chaos.faults.verdict import Verdict, is_quiet, judge
from tests.chaos.faults.world import World

SENT_BEFORE, SENT_AFTER = 0.2, 0.25
"""Shares of the recordings."""
POLL_S = 0.2


@dataclass(frozen=True)
class Row:
    """What a fault did. ``healed_s``: from its end until everything acknowledged had ended and no message waited."""

    fault: Fault
    verdict: Verdict
    letters: tuple[str, ...]
    healed_s: float

    HEAD = "| fault | recordings | acknowledged | completed | failed | dead letters | lost | doubled | healed s |"

    def __str__(self) -> str:
        verdict = self.verdict
        counts = [verdict.recordings, verdict.acknowledged, verdict.completed, verdict.failed, len(self.letters)]
        counts += [len(verdict.lost), len(verdict.doubled)]
        return f"| {self.fault.name} | {' | '.join(map(str, counts))} | {self.healed_s:.1f} |"

    def troubles(self) -> list[str]:
        verdict = self.verdict
        return [
            *(f"lost: {text}" for text in verdict.lost),
            *(f"doubled: {text}" for text in verdict.doubled),
            *(f"refused: {text}" for text in verdict.refused),
        ]


class Rounds:
    """All recordings of one world, over all its faults."""

    def __init__(self, world: World, *, seed: int) -> None:
        self.world = world
        self.ends = Ends(world.log)
        self.sent: list[Sent] = []
        self._seed = seed

    async def play(self, fault: Fault, recordings: int) -> Row:
        """Put one fault in; returns when all is quiet, or was not for too long."""
        scene = Scene(self.world, self.ends, Random(f"{self._seed}-{fault.name}"))
        held = int(recordings * SENT_AFTER)
        rate_hz = (recordings - held) / self.world.pace.send_s
        load = Load(self.world, fault.name, recordings, held=held, rate_hz=rate_hz)
        self.sent += load.sent
        letters = len(self.ends.letters)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(load.run())
            while load.acknowledged < recordings * SENT_BEFORE:
                await asyncio.sleep(0.05)
            await asyncio.sleep(scene.chance.uniform(0, 1))
            await fault.inject(scene)
            over_s = time.monotonic()
            load.let_go()
            await sending
        await self._until_quiet(load.sent, over_s + self.world.pace.quiet_s)
        healed_s = time.monotonic() - over_s
        verdict = await self.judged(load.sent)
        return Row(fault, verdict, tuple(map(_cause, self.ends.letters[letters:])), healed_s)

    async def judged(self, sent: Sequence[Sent]) -> Verdict:
        await self.ends.catch_up()
        async with httpx.AsyncClient(base_url=self.world.url, timeout=60) as http:
            return await judge(sent, self.ends, http)

    async def _until_quiet(self, sent: Sequence[Sent], give_up_s: float) -> None:
        while time.monotonic() < give_up_s:
            try:
                await self.ends.catch_up()
                if is_quiet(sent, self.ends) and await self.ends.behind() == 0:
                    return
            except Transient:  # the brokers are not all back
                await asyncio.sleep(1)
            await asyncio.sleep(POLL_S)


def _cause(record: Record) -> str:
    letter = parse(record)
    return f"dead letter of {letter.media_id} ({letter.worker}): {letter.error}: {letter.reason}"
