"""`polyvox replay`: run one stage again over recordings that have a result, with other settings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click

from polyvox.cli.moments import MOMENT
from polyvox.cli.servers import connected_async, server_option
from polyvox.client import AsyncClient

STAGES = {"transcriber": "transcribe", "diarizer": "diarize", "merge": "merge"}
COLUMNS = ("status", "language", "tenant", "engine", "model")
LOOK_EVERY_S = 1.0


@click.command()
@click.option("--stage", required=True, type=click.Choice(list(STAGES)), help="Which stage runs again.")
@click.option("--since", type=MOMENT, help="Only recordings uploaded from then on: 2026-03-01, 2h, 3d.")
@click.option("--until", type=MOMENT, help="Only recordings uploaded before then.")
@click.option(
    "--where",
    multiple=True,
    metavar="KEY=VALUE",
    help=f"Only such recordings; KEY is {', '.join(COLUMNS)} or metadata.NAME. Can be given several times.",
)
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="OPTION=VALUE",
    help="An option to change, for example num_speakers=3; an empty value takes it back.",
)
@click.option("--force", is_flag=True, help="Work again even where the same was done with the same options.")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many recordings, the newest.")
@click.option("--dry-run", is_flag=True, help="Only count what matches.")
@click.option("--wait", is_flag=True, help="Stay until all of it is done.")
@server_option
@click.argument("media_ids", metavar="[MEDIA_ID]...", nargs=-1)
def command(
    stage: str,
    since: datetime | None,
    until: datetime | None,
    where: tuple[str, ...],
    changes: tuple[str, ...],
    force: bool,
    limit: int | None,
    dry_run: bool,
    wait: bool,
    server: str,
    media_ids: tuple[str, ...],
) -> int:
    """Run a stage again over the recordings named, or over all that match.

    Each gets one new version of its result when the stage is through with it; until then, and
    when the stage fails, the result it has stays.
    """
    order = {
        "stage": STAGES[stage],
        "where": selection(where, since=since, until=until, media_ids=media_ids),
        "set": {name: _value(text) for name, text in _pairs(changes, "--set")},
        "force": force,
        "limit": limit,
    }
    return asyncio.run(_replay(server, order, dry_run=dry_run, wait=wait))


def selection(
    where: Iterable[str], *, since: datetime | None, until: datetime | None, media_ids: Sequence[str]
) -> dict[str, Any]:
    """The ``where`` of an order.

    Raises:
        click.UsageError: something is no KEY=VALUE, or there is no such KEY.
    """
    found: dict[str, Any] = {"media_ids": list(media_ids), "metadata": {}}
    if media_ids:
        # Whoever names a recording means it, however it ended.
        found["status"] = None
    for key, value in _pairs(where, "--where"):
        if key.startswith("metadata."):
            found["metadata"][key.removeprefix("metadata.")] = value
        elif key in COLUMNS:
            found[key] = value
        else:
            raise click.UsageError(f"--where knows no {key!r}; there are: {', '.join(COLUMNS)}, metadata.NAME")
    for name, time in (("since", since), ("until", until)):
        if time is not None:
            found[name] = time.isoformat()
    return found


def _pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for key, separator, _ in pairs:
        if not separator or not key.strip():
            raise click.UsageError(f"{option} takes NAME=VALUE, not {key!r}")
    return [(key.strip(), value) for key, _, value in pairs]


def _value(text: str) -> Any:
    """Numbers and truth values as such, nothing as null, all else as text."""
    if text == "":
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int) else text


async def _replay(server: str, order: dict[str, Any], *, dry_run: bool, wait: bool) -> int:
    async with connected_async(server) as client:
        answer = await client.replay(order, dry_run=dry_run)
        if dry_run:
            click.echo(f"{answer['matching']} recordings match (--dry-run)")
            for media_id in answer["first"]:
                click.echo(f"  {media_id}")
            return 0
        replay_id = str(answer["replay_id"])
        click.echo(f"replay {replay_id} ordered")
        if not wait:
            click.echo(f"see how it fares with: curl {server}{answer['href']}")
            return 0
        return await _follow(client, replay_id)


async def _follow(client: AsyncClient, replay_id: str) -> int:
    """1 when a recording failed."""
    said = ""
    while True:
        state = await client.replay_state(replay_id)
        counts = state["recordings"]
        line = ", ".join(f"{counts[name]} {name}" for name in ("done", "failed", "pending"))
        if line != said:
            click.echo(line)
            said = line
        if state["asked"] and not counts["pending"]:
            for failed in state["failed"]:
                click.echo(f"  {failed['media_id']}: {failed['reason']}", err=True)
            return 1 if counts["failed"] else 0
        await asyncio.sleep(LOOK_EVERY_S)
