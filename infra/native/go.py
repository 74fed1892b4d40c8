"""Programs built from Go modules at pinned versions."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from infra.native.debian import Missing


def build(target: Path, package: str) -> None:
    """``go install`` of ``package`` (path@version) into the folder ``target``."""
    if shutil.which("go") is None:
        raise Missing("Go 1.24 or newer is not on this machine; see https://go.dev/doc/install")
    subprocess.run(["go", "install", package], env={**os.environ, "GOBIN": str(target)}, check=True)  # noqa: S607
