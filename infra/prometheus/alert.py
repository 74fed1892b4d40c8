"""Alerts as values, and the rules file that Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

Severity = Literal["page", "ticket"]
"""Whether somebody is to look at once, or within a day."""


@dataclass(frozen=True, slots=True)
class Alert:
    """``lasting``: how long ``query`` has to hold. ``says`` is a template of Prometheus, with labels and the value."""

    name: str
    query: str
    lasting: str
    severity: Severity
    says: str

    @property
    def page(self) -> str:
        """What to do about it, in docs/runbooks."""
        return "-".join(re.findall(r"[A-Z][a-z]+", self.name.removeprefix("Polyvox"))).lower() + ".md"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A query that others build on, worked out beforehand."""

    name: str
    query: str


Group = tuple[str, Sequence[Recorded | Alert]]


def text_of(groups: Sequence[Group]) -> str:
    """The text of a rules file."""
    document = {"groups": [{"name": name, "rules": [_rule(one) for one in rules]} for name, rules in groups]}
    note = "# Made by `make docs` from infra/prometheus; do not edit.\n"
    return note + str(yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True))


def _rule(one: Recorded | Alert) -> Mapping[str, Any]:
    if isinstance(one, Recorded):
        return {"record": one.name, "expr": one.query}
    return {
        "alert": one.name,
        "expr": one.query,
        "for": one.lasting,
        "labels": {"severity": one.severity},
        "annotations": {"summary": one.says, "runbook": f"docs/runbooks/{one.page}"},
    }
