"""`polyvox dlq list|show|replay`: what the stages gave up on, and another chance for it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from polyvox import bootstrap, dead_letters
from polyvox.cli.configuration import existing_data
from polyvox.cli.moments import MOMENT
from polyvox.cli.tables import print_table
from polyvox.dead_letters import DeadLetter, Selection
from polyvox.ports import EventLog
from polyvox.settings import Settings
from polyvox.topics import WORKERS

ASK_ABOVE = 100
SHOWN_MAX = 1000

F = TypeVar("F", bound=Callable[..., Any])

_DATA = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]"
)


def _which(command: F) -> F:
    """The options that say which letters are meant."""
    for option in (
        click.option("--media", help="Only letters about this recording."),
        click.option("--tenant", help="Only letters about recordings of this tenant."),
        click.option("--code", help="Only letters with this code, for example no-audio."),
        click.option("--until", type=MOMENT, help="Only letters from before then."),
        click.option("--since", type=MOMENT, help="Only letters from then on: 2026-03-01, 2026-03-01T12:00Z, 2h, 3d."),
        click.option("--stage", "stages", multiple=True, type=click.Choice(WORKERS), help="Only of this stage."),
        _DATA,
    ):
        command = option(command)
    return command


@click.group()
def command() -> None:
    """Dead letters: the messages that a stage gave up on, as they came, with the cause."""


@command.command("list")
@_which
@click.option("--all", "everything", is_flag=True, help="Also those that were replayed already.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(data: Path | None, stages: tuple[str, ...], everything: bool, as_json: bool, **which: Any) -> None:
    """Show the dead letters, oldest first."""
    selection = _selection(**which, replayed=everything)
    asyncio.run(_list(existing_data(data_dir=data), stages or WORKERS, selection, as_json=as_json))


@command.command()
@_DATA
@click.argument("id_", metavar="ID")
def show(data: Path | None, id_: str) -> None:
    """Show one dead letter whole: cause, headers and the event itself."""
    asyncio.run(_show(existing_data(data_dir=data), id_))


@command.command()
@_which
@click.option("--dry-run", is_flag=True, help="Only count what would be replayed.")
@click.option("--yes", is_flag=True, help=f"Do not ask before replaying more than {ASK_ABOVE}.")
@click.argument("ids", metavar="[ID]...", nargs=-1)
def replay(
    data: Path | None, stages: tuple[str, ...], ids: tuple[str, ...], dry_run: bool, yes: bool, **which: Any
) -> None:
    """Put dead letters back onto the topics they came from, each once: those named, or all that match."""
    if ids and (stages or any(which.values())):
        raise click.UsageError("name letters or describe them, not both")
    selection = _selection(**which)
    asyncio.run(_replay(existing_data(data_dir=data), ids, stages or WORKERS, selection, dry_run=dry_run, yes=yes))


def _selection(*, media: str | None, replayed: bool = False, **which: Any) -> Selection:
    return Selection(media_id=media, replayed=replayed, **which)


async def _matching(log: EventLog, stages: Collection[str], selection: Selection) -> AsyncIterator[DeadLetter]:
    for stage in stages:
        async for letter in dead_letters.letters(log, stage):
            if letter in selection:
                yield letter


async def _list(settings: Settings, stages: Sequence[str], selection: Selection, *, as_json: bool) -> None:
    rows: list[tuple[str, ...]] = []
    counts = dict.fromkeys(stages, 0)
    async with bootstrap.runtime(settings, member="dlq") as runtime:
        async for letter in _matching(runtime.log, stages, selection):
            counts[letter.worker] += 1
            if as_json:
                click.echo(json.dumps(_summary(letter), ensure_ascii=False))
            elif len(rows) < SHOWN_MAX:
                rows.append(_row(letter))
    if as_json:
        return
    if not rows:
        click.echo("no dead letters")
        return
    print_table(("id", "when", "recording", "tenant", "code", "attempts", "reason"), rows)
    total = sum(counts.values())
    if total > len(rows):
        click.echo(f"… and {total - len(rows)} more: narrow them down, or use --json")
    click.echo(f"{total} in all: " + ", ".join(f"{stage} {count}" for stage, count in counts.items() if count))


async def _show(settings: Settings, id_: str) -> None:
    async with bootstrap.runtime(settings, member="dlq") as runtime:
        letter = await dead_letters.find(runtime.log, id_)
    for name, value in _summary(letter).items():
        click.echo(f"{name:<10} {value}")
    click.echo(f"{'from':<10} {letter.topic}, partition {letter.partition}, offset {letter.offset}")
    for name, raw in letter.headers:
        click.echo(f"{'header':<10} {name}: {raw.decode(errors='replace')}")
    click.echo()
    click.echo(_pretty(letter.value))
    if not letter.replayed:
        click.echo(f"\nGive it another chance with: polyvox dlq replay {letter.id}", err=True)


async def _replay(
    settings: Settings, ids: Sequence[str], stages: Sequence[str], selection: Selection, *, dry_run: bool, yes: bool
) -> None:
    async with bootstrap.runtime(settings, member="dlq") as runtime:

        async def chosen() -> AsyncIterator[DeadLetter]:
            if ids:
                for id_ in ids:
                    letter = await dead_letters.find(runtime.log, id_)
                    if letter.replayed:
                        click.echo(f"{letter.id} was replayed already", err=True)
                    else:
                        yield letter
            else:
                async for letter in _matching(runtime.log, stages, selection):
                    yield letter

        if dry_run or not (ids or yes):
            count = 0
            async for _ in chosen():
                count += 1
            if dry_run:
                click.echo(f"{count} dead letters would be replayed (--dry-run)")
                return
            if count > ASK_ABOVE:
                if not sys.stdin.isatty():
                    raise click.UsageError(f"{count} dead letters match; say --yes to replay them all")
                click.confirm(f"Replay {count} dead letters?", abort=True)
        click.echo(f"{await dead_letters.replay(runtime.log, chosen())} dead letters replayed")


def _row(letter: DeadLetter) -> tuple[str, ...]:
    summary = _summary(letter)
    return (
        letter.id,
        f"{_local(letter.time):%Y-%m-%d %H:%M:%S}",
        letter.key,
        letter.tenant or "",
        letter.code,
        str(letter.attempts),
        ("(replayed) " if letter.replayed else "") + str(summary["reason"]),
    )


def _summary(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "stage": letter.worker,
        "time": letter.time.isoformat(),
        "recording": letter.key,
        "tenant": letter.tenant,
        "error": letter.error,
        "code": letter.code,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "replayed": letter.replayed,
    }


def _pretty(value: bytes) -> str:
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except ValueError:
        return repr(value)


def _local(time: datetime) -> datetime:
    return time.astimezone()
