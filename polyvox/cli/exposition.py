"""Reads metrics in Prometheus text format 0.0.4. Pure; histograms come as the series they consist of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?\s*')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


def read(text: str) -> Iterator[Sample]:
    """Samples of an answer of /metrics; lines that are none are passed over."""
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None or line.startswith("#"):
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        labels = {name: _ESCAPED.sub(_plain, quoted) for name, quoted in _LABEL.findall(found[2] or "")}
        yield Sample(found[1], labels, value)


def _plain(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


@dataclass(slots=True)
class Values:
    """The values of several processes at one time, added up where their names and labels are the same."""

    at_s: float
    series: dict[str, dict[tuple[tuple[str, str], ...], float]] = field(default_factory=dict)

    @classmethod
    def of(cls, at_s: float, texts: Iterable[str]) -> Values:
        """``at_s`` on a monotonic clock; ``texts`` are what processes answered."""
        values = cls(at_s)
        for text in texts:
            for sample in read(text):
                by_labels = values.series.setdefault(sample.name, {})
                key = tuple(sorted(sample.labels.items()))
                by_labels[key] = by_labels.get(key, 0.0) + sample.value
        return values

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series with these labels; 0 when there is none."""
        return sum(value for key, value in self.series.get(name, {}).items() if labels.items() <= dict(key).items())

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """As ``total``, for each value of ``label``."""
        found: dict[str, float] = {}
        for key, value in self.series.get(name, {}).items():
            known = dict(key)
            if labels.items() <= known.items() and label in known:
                found[known[label]] = found.get(known[label], 0.0) + value
        return found
