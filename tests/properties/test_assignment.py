"""Properties of dealing partitions to members and of finding a key's partition."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyvox.adapters.embedded_log.assignment import assign
from polyvox.adapters.embedded_log.partitioner import murmur2, partition_of
from polyvox.ports import TopicPartition

TOPICS = st.sampled_from("tuv")
PARTITIONS = st.dictionaries(TOPICS, st.integers(1, 9)).map(
    lambda counts: [TopicPartition(topic, i) for topic, count in counts.items() for i in range(count)]
)
MEMBERS = st.dictionaries(st.text(min_size=1, max_size=3), st.frozensets(TOPICS), max_size=6)


@given(MEMBERS, PARTITIONS)
def test_each_partition_has_one_owner_that_wants_it(
    members: dict[str, frozenset[str]], partitions: list[TopicPartition]
) -> None:
    owners = assign(members, partitions)
    assert set(owners) == {p for p in partitions if any(p.topic in topics for topics in members.values())}
    assert all(partition.topic in members[owner] for partition, owner in owners.items())


@given(st.sets(st.text(min_size=1, max_size=3), min_size=1, max_size=6), PARTITIONS)
def test_members_that_want_the_same_get_the_same_number(names: set[str], partitions: list[TopicPartition]) -> None:
    load = Counter(assign(dict.fromkeys(names, frozenset("tuv")), partitions).values())
    shares = [load[name] for name in names]
    assert max(shares) - min(shares) <= 1


@given(MEMBERS, PARTITIONS)
def test_the_order_of_the_arguments_does_not_matter(
    members: dict[str, frozenset[str]], partitions: list[TopicPartition]
) -> None:
    assert assign(members, partitions) == assign(dict(reversed(members.items())), list(reversed(partitions)))


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 50))
def test_a_key_lands_within_the_topic(key: str, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions


def test_any_key_is_hashed_as_by_the_kafka_client() -> None:
    partitioner = pytest.importorskip("aiokafka.partitioner")

    @given(st.binary(max_size=40))
    def hashes_agree(data: bytes) -> None:
        assert murmur2(data) == partitioner.murmur2(data) & 0xFFFFFFFF

    hashes_agree()
