"""Who gets which partition on Kafka: even shares, few moves, and nothing that has two owners on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyvox.adapters.kafka.assignment import Place, balanced, deal

MEMBERS = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)
PARTITIONS = st.dictionaries(
    st.sampled_from(["part-ready", "part-ready-bulk", "media-ready", "backlog"]), st.integers(1, 13), min_size=1
).map(lambda sizes: {topic: range(size) for topic, size in sizes.items()})


def everywhere(members: list[str], partitions: dict[str, range]) -> dict[str, frozenset[str]]:
    return dict.fromkeys(members, frozenset(partitions))


def loads(owners: dict[Place, str], members: list[str], topic: str | None = None) -> list[int]:
    return [sum(owner == member and topic in (None, place[0]) for place, owner in owners.items()) for member in members]


@given(MEMBERS, PARTITIONS, st.data())
def test_each_topic_and_all_together_are_shared_evenly(
    members: list[str], partitions: dict[str, range], data: st.DataObject
) -> None:
    places = [(topic, number) for topic, numbers in partitions.items() for number in numbers]
    owners = {place: data.draw(st.sampled_from(members)) for place in places if data.draw(st.booleans())}
    target = balanced(everywhere(members, partitions), partitions, owners)
    assert target.keys() == set(places)
    for topic in (None, *partitions):
        found = loads(target, members, topic)
        assert max(found) - min(found) <= 1


@given(PARTITIONS, st.lists(MEMBERS, min_size=1, max_size=5))
def test_rounds_of_letting_go_and_dealing_come_to_rest(partitions: dict[str, range], turns: list[list[str]]) -> None:
    owners: dict[Place, str] = {}
    for members in turns:
        subscriptions = everywhere(members, partitions)
        held = {place: owner for place, owner in owners.items() if owner in members}
        first = deal(subscriptions, partitions, held)
        # What somebody holds goes to nobody else in this round.
        assert all(held.get(place, owner) == owner for place, owner in first.items())
        owners = deal(subscriptions, partitions, first)
        assert owners.keys() == {(topic, number) for topic, numbers in partitions.items() for number in numbers}
        assert all(owners[place] == owner for place, owner in first.items())
        assert deal(subscriptions, partitions, owners) == owners


@given(MEMBERS.filter(lambda members: len(members) > 1), st.integers(1, 40))
def test_one_that_leaves_moves_only_what_it_had(members: list[str], size: int) -> None:
    partitions = {"topic": range(size)}
    before = balanced(everywhere(members, partitions), partitions, {})
    gone, *left = members
    held = {place: owner for place, owner in before.items() if owner != gone}
    after = balanced(everywhere(left, partitions), partitions, held)
    assert all(after[place] == owner for place, owner in held.items())


def test_only_subscribers_get_partitions() -> None:
    subscriptions = {"a": frozenset({"one"}), "b": frozenset({"one", "two"}), "c": frozenset[str]()}
    target = balanced(subscriptions, {"one": range(4), "two": range(3), "three": range(2)}, {})
    assert loads(target, ["a", "b", "c"], "one") == [2, 2, 0]
    assert loads(target, ["a", "b", "c"], "two") == [0, 3, 0]
    assert loads(target, ["a", "b", "c"], "three") == [0, 0, 0]
