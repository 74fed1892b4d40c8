"""Who gets which partition: the same answer for the same members, whoever computes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from polyvox.ports import TopicPartition


def assign(subscriptions: Mapping[str, Set[str]], partitions: Iterable[TopicPartition]) -> dict[TopicPartition, str]:
    """Owner of each partition among the members subscribed to its topic.

    Members with equal subscriptions get equal numbers of partitions, give or take one. A partition
    that nobody subscribed to has no owner.
    """
    load = dict.fromkeys(sorted(subscriptions), 0)
    candidates = {
        partition: [member for member in load if partition.topic in subscriptions[member]]
        for partition in sorted(partitions)
    }
    owners: dict[TopicPartition, str] = {}
    # Partitions with the fewest takers first: the others can still even things out.
    for partition, members in sorted(candidates.items(), key=lambda item: (len(item[1]), item[0])):
        if members:
            owner = min(members, key=lambda member: (load[member], member))
            load[owner] += 1
            owners[partition] = owner
    return owners
