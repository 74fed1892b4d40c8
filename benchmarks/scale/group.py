"""A consumer group: the real dealing of partitions, cooperative, with sessions that end late."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.scale.log import Message, Topic
from benchmarks.scale.workers import Speed, Worker, World
from polyvox.adapters.kafka.assignment import Place, deal
from polyvox.ports import TopicPartition

SESSION_S = 45.0
ROUND_S = 3.0
"""Members hear of a rebalance with their next heartbeat."""


class Group:
    def __init__(
        self, world: World, stage: str, speed: Speed, topics: list[Topic], on_done: Callable[[Message], None]
    ) -> None:
        self.world = world
        self.stage = stage
        self.speed = speed
        self.topics = topics
        self.on_done = on_done
        self.workers: dict[str, Worker] = {}
        self.started = 0
        self.rounds = 0
        self.moved = 0
        self.dealing_s = 0.0
        self._members: dict[str, Worker] = {}
        self._due = False
        self._places = {partition.place: partition for topic in topics for partition in topic.partitions}
        self._owners: dict[Place, str] = {}

    def start(self, count: int) -> None:
        for _ in range(count):
            name = f"{self.stage}-{self.started:04d}"
            self.started += 1
            self.workers[name] = self._members[name] = Worker(self.world, self, name)
        self.rebalance()

    def kill(self, count: int) -> None:
        """They are gone at once; the group hears of it when their sessions end."""
        names = self.world.chance.sample(sorted(self.workers), count)
        for name in names:
            self.workers.pop(name).die()

        def noticed() -> None:
            for name in names:
                del self._members[name]
            self._owners = {place: owner for place, owner in self._owners.items() if owner in self._members}
            self.rebalance()

        self.world.after(SESSION_S, noticed)

    def rebalance(self) -> None:
        """Another round; many requests within a heartbeat are one."""
        if not self._due:
            self._due = True
            self.world.after(ROUND_S if self.rounds else 0.0, self._round)

    def _round(self) -> None:
        self._due = False
        if not self.world.broker_up:
            self.rebalance()
            return
        self.rounds += 1
        names = {topic.name for topic in self.topics}
        began_s = time.perf_counter()
        dealt = deal(
            dict.fromkeys(self._members, names),
            {topic.name: range(len(topic.partitions)) for topic in self.topics},
            self._owners,
        )
        self.dealing_s = max(self.dealing_s, time.perf_counter() - began_s)
        by_member: dict[str, list[TopicPartition]] = {name: [] for name in self._members}
        for place, member in dealt.items():
            by_member[member].append(TopicPartition(*place))
        for name, places in by_member.items():
            worker = self._members[name]
            if worker.alive:
                self._hand(worker, frozenset(places))
        self._owners |= dealt

    def _hand(self, worker: Worker, places: frozenset[TopicPartition]) -> None:
        revoked = frozenset(worker.partitions) - places - worker.leaving

        def released() -> None:
            self.moved += len(revoked)
            for place in revoked:
                self._owners.pop(place, None)
            self.rebalance()

        if revoked:
            worker.let_go(revoked, released)
        worker.assign({place: self._places[place] for place in places | worker.leaving})
