"""Compose v2, built from its Go module, and the stack it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.compose_test.images import ROOT
from infra.native import cache
from infra.native.debian import Missing

VERSION = "2.40.3"
MODULE = "github.com/docker/compose/v2/cmd"
STAND_INS = Path(__file__).with_name("stand-ins.yml")


def program() -> Path:
    """``docker-compose``; built at the first call, which takes minutes."""
    return cache.once(f"docker-compose-{VERSION}", _build) / "docker-compose"


def _build(place: Path) -> None:
    if shutil.which("go") is None:
        raise Missing("Go 1.24 or newer is not on this machine; see https://go.dev/doc/install")
    # Not installable by its path: the module replaces some of what it needs, so it is built from one of our own.
    for arguments in (
        ("mod", "init", "polyvox.invalid/compose"),
        ("get", f"{MODULE}@v{VERSION}"),
        ("build", "-trimpath", "-ldflags=-s -w", "-o", "docker-compose", MODULE),
    ):
        subprocess.run(["go", *arguments], cwd=place, stderr=subprocess.DEVNULL, check=True)  # noqa: S607


class Stack:
    """docker-compose.yml as a project of its own. ``variables`` are what .env would say."""

    def __init__(self, docker_host: str, variables: Mapping[str, str], *, project: str) -> None:
        self._environment = {**os.environ, **variables, "DOCKER_HOST": docker_host, "COMPOSE_PARALLEL_LIMIT": "2"}
        files = (ROOT / "docker-compose.yml", STAND_INS)
        self._command = [
            str(program()),
            f"--project-name={project}",
            f"--project-directory={ROOT}",
            "--env-file=/dev/null",
            *(f"--file={file}" for file in files),
        ]

    def __call__(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self._command, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            os.write(2, (done.stderr + done.stdout).encode())
            done.check_returncode()
        return done.stdout

    def states(self) -> dict[str, dict[str, Any]]:
        """Of each container, by service: ``State``, ``Health``, ``ExitCode``, ``ID`` and more."""
        lines = self("ps", "--all", "--format=json").splitlines()
        return {state["Service"]: state for state in map(json.loads, lines)}
