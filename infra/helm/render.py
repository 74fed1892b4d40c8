"""Renders the chart with helm, which ``python -m infra.native fetch`` builds from its Go module."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.native import cache, programs

CHART = Path(__file__).with_name("polyvox")
VALUES = Path(__file__).with_name("values")
KUBERNETES = "1.33.0"
"""Helm built without its makers' flags takes itself for one of an older cluster."""


class Refused(Exception):
    """Helm does not render this; the text says why."""


def render(values: Path | None, *, namespace: str = "speech", more: Sequence[str] = ()) -> list[dict[str, Any]]:
    """All objects of the release ``polyvox``. ``more`` are further options of ``helm template``.

    Raises:
        Refused: the values are not valid, or lack something.
    """
    named = [] if values is None else [f"--values={values}"]
    rendered = _helm("template", "polyvox", str(CHART), f"--namespace={namespace}", *named, *more)
    return [found for found in yaml.safe_load_all(rendered) if found]


def lint(values: Path) -> None:
    """Raises Refused with what helm finds wrong with the chart."""
    _helm("lint", "--strict", "--quiet", str(CHART), f"--values={values}")


def _helm(*arguments: str) -> str:
    """Standard output."""
    program = cache.path(programs.HELM) / "helm"
    command = [str(program), *arguments, f"--kube-version={KUBERNETES}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stdout + done.stderr)
    return done.stdout
