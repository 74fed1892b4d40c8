"""Builds every image of ours, and stand-ins for the upstream ones that cannot be had."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.compose_test.podman import Podman
from infra.native import cache, programs
from infra.native.debian import Missing

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "infra" / "docker"
STAND_INS = Path(__file__).with_name("stand_ins")

DEBIAN = "docker.io/library/debian:12.12-slim"
# The bases that Dockerfiles name stand in under the upstream's own tags, so that these build unchanged.
BASES = {
    "python": "docker.io/library/python:3.11.14-slim-bookworm",
    "golang": "docker.io/library/golang:1.26.8-bookworm",
}
# Those that containers run from have names of their own, which stand-ins.yml puts in their place.
SERVERS = ("kafka", "postgres", "prometheus")
OURS = ("ingest", "results-api", "transcriber", "diarizer")
MINIO = "localhost/polyvox/minio:20260212201848"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

Say = Callable[[str], None]


def build_all(podman: Podman, say: Say) -> None:
    """What is built already and has not changed takes seconds."""
    say("stand-ins for upstream images")
    build_stand_ins(podman)
    say("MinIO, from its Go module (the first time some minutes)")
    _build(podman, MINIO, DOCKER / "minio.Dockerfile", DOCKER)
    for target in OURS:
        say(f"polyvox/{target}")
        name = f"localhost/polyvox/{target}:dev"
        _build(podman, name, DOCKER / "Dockerfile", ROOT, f"--target={target}")


def build_stand_ins(podman: Podman) -> None:
    _import_debian(podman)
    context = podman.folder / "stand-ins"
    _fill(context)
    for name, image in BASES.items():
        _build(podman, image, STAND_INS / f"{name}.Dockerfile", context)
    for name in SERVERS:
        _build(podman, f"localhost/polyvox-stand-in/{name}:latest", STAND_INS / f"{name}.Dockerfile", context)


def _build(podman: Podman, image: str, dockerfile: Path, context: Path, *more: str) -> None:
    # Docker's format: the other has no health checks. The host's network: some registries are reached by it alone.
    podman(
        "build",
        "--format=docker",
        "--network=host",
        "--quiet",
        f"--tag={image}",
        f"--file={dockerfile}",
        *more,
        context,
    )


def _import_debian(podman: Podman) -> None:
    if DEBIAN in podman("images", "--format={{.Repository}}:{{.Tag}}").split():
        return
    root = podman.folder / "debian"
    shutil.rmtree(root, ignore_errors=True)
    archive = podman.folder / "debian.tar"
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root)], stdout=subprocess.DEVNULL, check=True)  # noqa: S607
    subprocess.run(
        ["tar", "--directory", str(root), "--exclude=./var/cache/apt/archives/*.deb", "-cf", str(archive), "."],  # noqa: S607
        check=True,
    )
    podman("import", archive, DEBIAN)
    shutil.rmtree(root)
    archive.unlink()


def _fill(context: Path) -> None:
    """What stand-ins are made of besides Debian's packages. Kept as it is where it is, for the sake of the cache."""
    context.mkdir(exist_ok=True)
    for script in ("kafka-run", "postgres-run"):
        shutil.copy2(STAND_INS / script, context / script)
    # With the authorities that this machine trusts, builds and containers reach what it reaches.
    shutil.copy2(CERTIFICATES, context / "ca-certificates.crt")
    if not (context / "kafka").exists():
        shutil.copytree(cache.path(programs.KAFKA), context / "kafka")
    if not (context / "go").exists():
        if shutil.which("go") is None:
            raise Missing("Go 1.24 or newer is not on this machine; see https://go.dev/doc/install")
        home = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
        shutil.copytree(home, context / "go", symlinks=True)
