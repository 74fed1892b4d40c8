"""``make compose-test``: builds every image, brings the stack up, and tries it out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import CalledProcessError

import click

from infra.compose_test import compose, images
from infra.compose_test.podman import Podman
from infra.compose_test.scenario import OURS, SERVERS, Ports, Scenario
from infra.docker import make_env
from infra.native import cache, debian
from infra.native.fetch import fetch
from infra.native.ports import free_ports

PROJECT = "polyvox-compose-test"
START_WITHIN_S = 1800


@click.command()
@click.option("--keep", is_flag=True, help="Leave the stack up until Enter is pressed.")
def main(keep: bool) -> None:
    """Bring docker-compose.yml up with podman and see that it works. Needs root, Debian's packages and Go."""
    podman = Podman(cache.folder() / "containers")
    try:
        with step("fetch programs"):
            podman.prepare()
            fetch(lambda what: click.echo(f"  {what}"))
            compose.program()
    except debian.Missing as error:
        raise click.ClickException(str(error)) from error
    with step("build images"):
        images.build_all(podman, lambda what: click.echo(f"  {what}"))
    with podman.service() as docker_host:
        run(podman, docker_host, keep)
    click.echo("compose-test passed")


def run(podman: Podman, docker_host: str, keep: bool) -> None:
    secrets = dict(make_env.secret_values())
    ports = Ports(*free_ports(5))
    stack = compose.Stack(docker_host, {**secrets, **ports.variables()}, project=PROJECT)
    scenario = Scenario(stack, podman, ports, secrets)
    # What an interrupted run left.
    stack("down", "--volumes", "--remove-orphans")
    try:
        with step("start"):
            # Grafana has no stand-in.
            try:
                stack("up", "--detach", "--no-build", "--wait", f"--wait-timeout={START_WITHIN_S}", *OURS, *SERVERS)
            except CalledProcessError as error:
                raise click.ClickException(scenario.unwell()) from error
        for check in (
            scenario.everything_is_healthy,
            scenario.nobody_has_rights,
            scenario.nobody_is_served_without_a_key,
            scenario.a_dropped_recording_becomes_a_transcript,
            scenario.a_killed_service_comes_back,
            scenario.prometheus_counts_everything,
        ):
            with step(check.__name__.replace("_", " ")):
                check()
        if keep:
            click.echo(f"http://127.0.0.1:{ports.front}")
            click.pause("Enter ends it")
    finally:
        with step("stop"):
            stack("down", "--volumes", "--remove-orphans")
    left = podman("ps", "--all", "--quiet") + podman("volume", "ls", "--quiet")
    if left:
        raise click.ClickException(f"this was left behind: {left}")


@contextmanager
def step(name: str) -> Iterator[None]:
    click.echo(f"{name} …")
    began_s = time.monotonic()
    yield
    click.echo(f"{name}: {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
