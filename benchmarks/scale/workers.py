"""Workers in simulated time: the real roster, holdings and retry code; time passes instead of models running."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

from benchmarks.scale.log import Message, Partition
from benchmarks.scale.recordings import Measures
from polyvox.errors import ChildCrashed, Invalid, PolyvoxError, Unavailable
from polyvox.ports import TopicPartition
from polyvox.retry import RetryPolicy, Tally, delay_s, may_retry
from polyvox.worker.holdings import Holdings
from polyvox.worker.roster import Roster

if TYPE_CHECKING:
    from benchmarks.scale.group import Group

POLICY = RetryPolicy()
LOOKUP_S = 0.05
"""A message whose outputs are there: one get from the store, one append."""
CRASHES = 0.002
INVALID = 0.0005
DRAIN_S = 25.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one worker: seconds of audio a second, and what each message costs besides."""

    audio: float
    overhead_s: float

    def takes_s(self, audio_s: float) -> float:
        return self.overhead_s + audio_s / self.audio


class World:
    """What all share: the time, the broker, chance, the measures."""

    def __init__(self, seed: int) -> None:
        self.env = simpy.Environment()
        self.chance = random.Random(seed)
        self.broker_up = True
        self.measures = Measures()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.env.timeout(seconds).callbacks.append(lambda _event: call())


class Worker:
    """One process with one place."""

    def __init__(self, world: World, group: Group, name: str) -> None:
        self.world = world
        self.group = group
        self.name = name
        self.alive = True
        self.roster: Roster[Message] = Roster(1)
        self.holdings = Holdings()
        self.partitions: dict[TopicPartition, Partition] = {}
        self.positions: dict[TopicPartition, int] = {}
        self.leaving: frozenset[TopicPartition] = frozenset()
        """Partitions that are being given back."""
        self.busy_s = 0.0
        self.running: Message | None = None
        self._began_s = 0.0

    def assign(self, partitions: dict[TopicPartition, Partition]) -> None:
        """As ``Worker.on_assigned``: what is kept goes on."""
        self.holdings.assign(partitions)
        for place, partition in partitions.items():
            if place not in self.partitions:
                self.positions[place] = partition.committed
                partition.on_append = self.pull
        self.partitions = dict(partitions)
        for partition in partitions.values():
            self.pull(partition)

    def let_go(self, places: frozenset[TopicPartition], then: Callable[[], None]) -> None:
        """As ``Worker.on_revoked``: nothing more begins, what runs may end for a while."""
        self.leaving |= places
        for place in places:
            holding = self.holdings.get(place)
            assert holding is not None
            holding.closing = True
        self.roster.drop(_closing)
        running = self.running if self.running is not None and _closing(self.running) else None

        def gone() -> None:
            if running is not None and self.running is running and self.alive:
                self.world.measures.count("cancelled at a handover")
                self._cancel()
            for place in places:
                holding = self.holdings.get(place)
                if holding is not None:
                    self.holdings.fence(holding)
                self.partitions.pop(place).on_append = None
            self.leaving -= places
            then()

        wait_s = 0.0 if running is None else min(DRAIN_S, self._ends_s - self.world.env.now)
        self.world.after(wait_s + 0.001, gone)

    def die(self) -> None:
        self.alive = False
        for partition in self.partitions.values():
            partition.on_append = None
        self.world.measures.count("work lost with its worker", self.running is not None)

    def pull(self, partition: Partition) -> None:
        """Read what there is, as long as there is room: what the pump does."""
        holding = self.holdings.get(partition.place)
        if holding is None or holding.closing or not self.world.broker_up or not self.alive:
            return
        taken = False
        position = self.positions[partition.place]
        while position < partition.end and not holding.paused:
            message = partition.at(position)
            position += 1
            if holding.take(message.offset, message.size_bytes):
                message.holding, message.tally = holding, Tally()
                self.roster.put((message,))
                taken = True
            holding.paused = holding.full
        self.positions[partition.place] = position
        if taken:
            self.begin()

    def begin(self) -> None:
        message = self.roster.begin()
        if message is None:
            return
        world = self.world
        if not message.began:
            message.began = True
            world.measures.wait(self.group.stage, message.recording, world.env.now - message.came_s)
        if message.done or message.stored:
            world.measures.count("messages looked up again")
            takes_s = LOOKUP_S
        else:
            takes_s = self.group.speed.takes_s(message.audio_s)
        error = self._fate(message)
        if error is not None and not isinstance(error, Unavailable):
            takes_s *= world.chance.random()
        self.running = message
        self._began_s, self._ends_s = world.env.now, world.env.now + takes_s
        world.after(takes_s, lambda: self._ended(message, error))

    def _fate(self, message: Message) -> PolyvoxError | None:
        if message.stored:
            return None
        drawn = self.world.chance.random()
        if drawn < CRASHES:
            return ChildCrashed("the model's process died")
        return Invalid("the audio is broken") if drawn < CRASHES + INVALID else None

    def _ended(self, message: Message, error: PolyvoxError | None) -> None:
        if not self.alive or self.running is not message:
            return
        self.running = None
        self.busy_s += self.world.env.now - self._began_s
        holding = message.holding
        assert holding is not None
        if error is None:
            message.stored = True
            if not self.world.broker_up:
                error = Unavailable("the broker does not answer")
        if error is not None:
            message.tally = message.tally.after(error)
            if may_retry(error, message.tally, POLICY) and not holding.closing:
                self._rest(message)
                self.begin()
                return
            self.world.measures.count("given up")
        self.roster.end(message)
        holding.finish(message.offset)
        if not message.done:
            message.done = True
            self.group.on_done(message)
        self._commit(message)
        self.begin()

    def _rest(self, message: Message) -> None:
        self.world.measures.count("attempts made again")
        self.roster.rest(message)

        holding = message.holding

        def again() -> None:
            if not self.alive:
                return
            if holding is None or holding.closing:
                self.roster.leave(message)
            else:
                self.roster.resume(message)
                self.begin()

        self.world.after(delay_s(message.tally.failures, POLICY, self.world.chance.random()), again)

    def _cancel(self) -> None:
        assert self.running is not None
        self.roster.end(self.running)
        self.running = None
        self.begin()

    def _commit(self, message: Message) -> None:
        holding = message.holding
        assert holding is not None
        if holding.fenced:
            return
        partition = self.partitions[holding.partition]
        due = holding.due
        if due is not None and self.world.broker_up:
            partition.commit(due)
            holding.committed = due
        if holding.paused and holding.has_room:
            holding.paused = False
            self.pull(partition)


def _closing(message: Message) -> bool:
    return message.holding is not None and message.holding.closing
