"""Dockerfiles: nothing to complain about, nothing of ours as root, no more in a build than it needs."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "infra/docker/Dockerfile"
DOCKERFILES = sorted(path for path in (ROOT / "infra").rglob("*ockerfile") if path.is_file())


def test_there_are_all() -> None:
    assert {path.relative_to(ROOT / "infra").as_posix() for path in DOCKERFILES} >= {
        "docker/Dockerfile",
        "docker/minio.Dockerfile",
        "compose_test/stand_ins/kafka.Dockerfile",
    }


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    # Stand-ins are made for one run; pinning Debian's packages there would only age.
    lenient = ["--ignore=DL3008"] if "stand_ins" in path.parts else []
    said = subprocess.run([hadolint, *lenient, path], capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_service_has_a_target_that_runs_it_as_nobody() -> None:
    stages = re.split(r"^FROM ", OURS.read_text(), flags=re.MULTILINE)[1:]
    by_name = {re.split(r"\s+", stage)[2]: stage for stage in stages}
    for target in ("ingest", "results-api", "transcriber", "diarizer"):
        assert "USER 10001:10001" in by_name[target]
        assert 'CMD ["run", "' in by_name[target]
    assert "torch" not in by_name["ingest"] + by_name["results-api"]


def test_only_what_the_wheel_is_made_of_goes_into_a_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (?!--)(.+)$", OURS.read_text(), flags=re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert copied == kept
