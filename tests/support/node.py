"""Programs for node: other people's clients at pinned versions, as subprocesses."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from infra.native import cache, debian

SCRIPTS = Path(__file__).resolve().parents[1] / "node"
PINNED = ("package.json", "package-lock.json")


def node() -> Path:
    return debian.program("node", package="nodejs")


def chromium() -> Path:
    """A browser, installed if need be."""
    try:
        return debian.program("chromium", package="chromium")
    except debian.Missing:
        debian.install(["chromium"])
        return debian.program("chromium", package="chromium")


def packages() -> Path:
    """The folder ``node_modules`` of tests/node, installed once for each version of what it pins."""
    npm = debian.program("npm", package="npm")
    digest = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in PINNED)).hexdigest()[:12]

    def install(folder: Path) -> None:
        for name in PINNED:
            shutil.copy(SCRIPTS / name, folder)
        subprocess.run(
            [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True, timeout=120
        )

    return cache.once(f"node-{digest}", install) / "node_modules"


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Runs tests/node/``script``; standard output is a pipe, standard error the test's own."""
    return subprocess.Popen(
        [node(), SCRIPTS / script, *map(str, arguments)],
        env={**os.environ, "POLYVOX_NODE_MODULES": str(packages())},
        stdout=subprocess.PIPE,
        text=True,
    )


def run(script: str, *arguments: object, timeout_s: float = 60.0) -> tuple[int, list[str]]:
    """Exit status and the lines of standard output."""
    with start(script, *arguments) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, output.splitlines()
