"""`polyvox top`: what a running Polyvox is up to, live in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import click
import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from polyvox.cli.exposition import Values
from polyvox.cli.servers import servers_option
from polyvox.cli.timeline import seconds
from polyvox.cli.workload import Stage, Workload, is_polyvox, workload
from polyvox.errors import Transient

WINDOW_S = 60.0
"""Rates are of what happened in the last minute, or since the command was started."""
FAILURES = 5
WIDTH = 120


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One look at all servers; ``silent`` are those that did not answer, ``failures`` the newest that ended so."""

    values: Values
    silent: tuple[str, ...]
    failures: tuple[dict[str, Any], ...]


@click.command()
@servers_option
@click.option("--every", "every_s", default=2.0, type=click.FloatRange(min=0.2), show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Look twice, so many seconds apart, print and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: for programs.")
def command(servers: tuple[str, ...], every_s: float, once: bool, as_json: bool) -> None:
    """Show stages, what waits and how long it will take, how fast the engines are, and what failed. Ctrl-C ends it."""
    if as_json and not once:
        raise click.UsageError("--json goes with --once")
    if once:
        asyncio.run(_once(servers, every_s, as_json=as_json))
        return
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_live(servers, every_s))


async def _once(servers: Sequence[str], every_s: float, *, as_json: bool) -> None:
    async with _client() as http:
        first = await _look(http, servers)
        await asyncio.sleep(every_s)
        last = await _look(http, servers)
    found = workload([first.values, last.values])
    if as_json:
        told = {**dataclasses.asdict(found), "waits_s": found.waits_s, "eta_s": found.eta_s, "silent": last.silent}
        click.echo(json.dumps(told, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    with console.capture() as capture:
        console.print(_screen(found, last))
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


async def _live(servers: Sequence[str], every_s: float) -> None:
    seen: deque[Values] = deque()
    async with _client() as http:
        look = await _look(http, servers)
        with Live(console=Console(highlight=False), screen=sys.stdout.isatty(), auto_refresh=False) as live:
            while True:
                seen.append(look.values)
                while len(seen) > 2 and look.values.at_s - seen[0].at_s > WINDOW_S:
                    seen.popleft()
                live.update(_screen(workload(seen), look), refresh=True)
                await asyncio.sleep(every_s)
                try:
                    look = await _look(http, servers)
                except Transient:
                    look = dataclasses.replace(look, silent=tuple(servers))


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=5.0)


async def _look(http: httpx.AsyncClient, servers: Sequence[str]) -> Look:
    """Raises Transient when none of the servers answers as Polyvox does."""
    texts = await asyncio.gather(*(_metrics(http, server) for server in servers))
    values = Values.of(time.monotonic(), [text for text in texts if text is not None])
    silent = tuple(server for server, text in zip(servers, texts, strict=True) if text is None)
    if not is_polyvox(values):
        raise Transient(f"no metrics of Polyvox at {', '.join(servers)}; name the processes with --server")
    failures: list[dict[str, Any]] = []
    for server in servers:
        failures += await _failures(http, server)
    failures.sort(key=lambda failed: str(failed["ended_at"]), reverse=True)
    return Look(values, silent, tuple(failures[:FAILURES]))


async def _metrics(http: httpx.AsyncClient, server: str) -> str | None:
    try:
        answer = await http.get(f"{server.rstrip('/')}/metrics")
    except httpx.RequestError:
        return None
    return answer.text if answer.is_success else None


async def _failures(http: httpx.AsyncClient, server: str) -> list[dict[str, Any]]:
    """The newest recordings that failed; [] from processes that do not know."""
    try:
        params: dict[str, str | int] = {"status": "failed", "limit": FAILURES}
        answer = await http.get(f"{server.rstrip('/')}/v1/media", params=params)
        return list(answer.json()["items"]) if answer.is_success else []
    except (httpx.RequestError, ValueError, KeyError):
        return []


def _screen(found: Workload, look: Look) -> Group:
    eta = found.eta_s
    soon = "nothing waits" if not found.waits_s else f"{seconds(found.waits_s)} of audio wait"
    when = "" if not found.waits_s else f", done in {seconds(eta)}" if eta is not None else ", done: not known yet"
    pace = "" if found.completed_per_min is None else f" ({found.completed_per_min:.1f} a minute)"
    head = Text(f"{soon}{when}   {found.completed} completed{pace}, {found.failed} failed")
    parts: list[Any] = [head, Text(""), _table(found.stages)]
    if look.failures:
        parts += [Text(""), _failed(look.failures)]
    if look.silent:
        parts += [Text(""), Text(f"no answer from {', '.join(look.silent)}", style="bold red")]
    return Group(*parts)


def _table(stages: Sequence[Stage]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ("stage", "interactive", "bulk", "recordings", "in flight", "pace", "RTFx", "ETA", "retried", "given up")
    for head in heads:
        table.add_column(head, justify="left" if head == "stage" else "right", no_wrap=True)
    for stage in stages:
        table.add_row(
            stage.name,
            _seconds(stage.interactive_s),
            _seconds(stage.bulk_s),
            "" if stage.waits_s is None else str(stage.recordings),
            str(stage.in_flight),
            "" if stage.pace is None else f"{stage.pace:.1f} ×",
            "" if stage.rtfx is None else f"{stage.rtfx:.1f} ×",
            _seconds(stage.eta_s) if stage.waits_s else "",
            str(stage.retried),
            Text(str(stage.given_up), style="bold red" if stage.given_up else ""),
        )
    return table


def _failed(failures: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("failed last", no_wrap=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("reason", overflow="ellipsis", no_wrap=True)
    for failed in failures:
        failure = failed.get("failure") or {}
        table.add_row(failed["media_id"], failure.get("stage", ""), Text(failure.get("reason", "")))
    return table


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return seconds(value) if value else "0"
