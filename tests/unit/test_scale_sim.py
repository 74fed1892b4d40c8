"""The simulated cluster: nothing lost in all its faults, interactive work first, a flood held back."""

from __future__ import annotations

import random
from statistics import median

import pytest

from benchmarks import scale_sim
from benchmarks.scale.cluster import Cluster, Size
from benchmarks.scale.load import FLOOD, Load
from benchmarks.scale.workers import World

SIZE = Size(share=0.01)


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """Half an hour with every fault."""
    return scale_sim.run(SIZE, hours=0.5, seed=1, calm=False)


def test_interactive_work_waits_less_than_bulk(cluster: Cluster) -> None:
    waits = {lane: median(cluster.world.measures.all_of("transcribe", lane)) for lane in ("interactive", "bulk")}
    assert waits["interactive"] < waits["bulk"]


def test_a_flood_is_held_to_its_limit_and_costs_others_little(cluster: Cluster) -> None:
    # By what the processes let in that do not hear of each other for two seconds, and a recording each.
    assert cluster.worst_s[FLOOD] < 1.5 * cluster.limit_s
    assert cluster.world.measures.counts[f"uploads answered 429 to {FLOOD}"] > 0
    bulk = {kind: median(values) for lane, kind, values in cluster.world.measures.rows("transcribe") if lane == "bulk"}
    assert bulk[FLOOD] > 2 * max(bulk["large"], bulk["medium"], bulk["small"])


def test_faults_were_felt(cluster: Cluster) -> None:
    counts = cluster.world.measures.counts
    assert counts["uploads answered 503"] > 0
    assert counts["messages looked up again"] > 0
    assert counts["attempts made again"] > 0


def test_everything_ends_when_nothing_more_comes() -> None:
    world = World(seed=3)
    cluster = Cluster(world, SIZE, Load(random.Random(4)))
    for number in range(500):
        world.after(number * 0.5, lambda: cluster.upload(cluster.load.upload()))
    world.after(60.0, lambda: cluster.transcribers.kill(3))
    world.after(150.0, lambda: cluster.transcribers.start(3))
    world.env.run(until=6 * 3600)
    counts = world.measures.counts
    assert counts["recordings accepted"] == counts["recordings completed"] == 500
    assert sum(account.recordings for account in cluster.accounts.values()) == 0
    for topic in (*cluster.parts.values(), *cluster.media.values()):
        assert all(partition.committed == partition.end for partition in topic.partitions)
