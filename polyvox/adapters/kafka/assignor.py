"""The assignment in terms of Kafka's group protocol: members say what they hold, the leader deals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from polyvox.adapters.kafka.assignment import Place, deal

VERSION = 0


class Assignor:
    """One member's assignor; ``claims`` says in which generation it was dealt what it holds."""

    name = "polyvox-cooperative"

    def __init__(self, claims: Callable[[], tuple[int, Iterable[Place]]]) -> None:
        self._claims = claims

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        generation, places = self._claims()
        said = json.dumps({"generation": generation, "held": sorted(places)}).encode()
        return ConsumerProtocolMemberMetadata(VERSION, sorted(topics), said)

    def assign(
        self, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        subscriptions = {member: frozenset(metadata.subscription) for member, metadata in members.items()}
        topics = frozenset().union(*subscriptions.values())
        partitions = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        dealt: dict[str, dict[str, list[int]]] = {member: {} for member in members}
        for (topic, number), member in sorted(deal(subscriptions, partitions, _owners(members)).items()):
            dealt[member].setdefault(topic, []).append(number)
        return {
            member: ConsumerProtocolMemberAssignment(VERSION, sorted(numbers.items()), b"")
            for member, numbers in dealt.items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing is kept here."""


def _owners(members: Mapping[str, ConsumerProtocolMemberMetadata]) -> dict[Place, str]:
    """Who holds what. Of two that claim a partition, the one to whom it was dealt later does."""
    owners: dict[Place, tuple[int, str]] = {}
    for member, metadata in sorted(members.items()):
        said = json.loads(metadata.user_data)
        for topic, number in said["held"]:
            owners[topic, number] = max(owners.get((topic, number), (-1, "")), (said["generation"], member))
    return {place: member for place, (_, member) in owners.items()}
