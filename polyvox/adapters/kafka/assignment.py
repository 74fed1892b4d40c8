"""Who gets which partition, moving as few as can be. Pure.

Rebalances are cooperative (KIP-429): a member keeps working on what it keeps. A partition that has to move is dealt
to nobody while its owner still holds it; the owner sees that, lets go and joins again, and then it is dealt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

Place = tuple[str, int]


def deal(
    subscriptions: Mapping[str, Set[str]],
    partitions: Mapping[str, Sequence[int]],
    owners: Mapping[Place, str],
) -> dict[Place, str]:
    """Owner of each partition that may be worked on now.

    Args:
        subscriptions: topics by member.
        partitions: numbers by topic.
        owners: who holds what; partitions without an owner are missing.
    """
    target = balanced(subscriptions, partitions, owners)
    return {place: member for place, member in target.items() if owners.get(place, member) == member}


def balanced(
    subscriptions: Mapping[str, Set[str]],
    partitions: Mapping[str, Sequence[int]],
    owners: Mapping[Place, str],
) -> dict[Place, str]:
    """Who should own each partition in the end.

    Of each topic its members get equal numbers, give or take one; who gets one more depends on how many each has of
    the topics before, then on who has one more now. Two rounds of dealing come to rest.
    """
    load = dict.fromkeys(sorted(subscriptions), 0)
    dealt: dict[Place, str] = {}
    for topic in sorted(partitions):
        members = [member for member in load if topic in subscriptions[member]]
        if not members:
            continue
        places = [(topic, number) for number in sorted(partitions[topic])]
        held = {member: [place for place in places if owners.get(place) == member] for member in members}
        each, more = divmod(len(places), len(members))
        # Not by how many they hold: a round in which much is held back must not change who gets one more.
        ranked = sorted(members, key=lambda member: (load[member], len(held[member]) <= each, member))
        quota = {member: each + (rank < more) for rank, member in enumerate(ranked)}
        for member in members:
            for place in held[member][: quota[member]]:
                dealt[place] = member
                quota[member] -= 1
                load[member] += 1
        free = [place for place in places if place not in dealt]
        for member in ranked:
            taken, free = free[: quota[member]], free[quota[member] :]
            dealt |= dict.fromkeys(taken, member)
            load[member] += len(taken)
    return dealt
