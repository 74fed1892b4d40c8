"""docker-compose.yml as Compose reads it: variables filled in, anchors merged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class Missing(Exception):
    """A variable that must be set is not; the text is what Compose says."""


def compose_file(variables: Mapping[str, str], *names: str) -> dict[str, Any]:
    """The files ``names`` (docker-compose.yml by default), later ones over earlier ones, service by service."""
    merged: dict[str, Any] = {}
    for name in names or ("docker-compose.yml",):
        text = _VARIABLE.sub(lambda match: _value(match, variables), (ROOT / name).read_text())
        _merge(merged, yaml.load(text, _Loader))
    return {key: value for key, value in merged.items() if not key.startswith("x-")}


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    found = variables.get(match["name"], "")
    if found:
        return found
    if match["kind"] == "?":
        raise Missing(f"{match['name']}: {match['rest']}")
    return match["rest"] or ""


def _sequence(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return list(loader.construct_sequence(node, deep=True))


class _Loader(yaml.SafeLoader):
    """Knows Compose's tags for what a later file takes away."""


_Loader.add_constructor("!reset", lambda loader, node: None)
_Loader.add_constructor("!override", _sequence)


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _merge(below[key], value)
        elif value is None:
            below.pop(key, None)
        else:
            below[key] = value
