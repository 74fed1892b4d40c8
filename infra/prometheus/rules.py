"""All rules."""

from __future__ import annotations

from infra.prometheus import machines, promises, transcripts, workers
from infra.prometheus.alert import Alert, Group

GROUPS: list[Group] = [*promises.GROUPS, *workers.GROUPS, *transcripts.GROUPS, *machines.GROUPS]
ALERTS = [rule for _, rules in GROUPS for rule in rules if isinstance(rule, Alert)]
