"""`polyvox replay STAGE`: puts what a stage gave up on back on its topic."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from polyvox import bootstrap, dead_letters
from polyvox.cli.configuration import existing_data
from polyvox.settings import Settings
from polyvox.topics import WORKERS


@click.command()
@click.argument("stage", type=click.Choice(WORKERS))
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]")
@click.option("--dry-run", is_flag=True, help="Only show what would be replayed.")
def command(stage: str, data: Path | None, dry_run: bool) -> None:
    """Give the dead letters of STAGE another chance. Each is replayed once."""
    asyncio.run(_replay(existing_data(data_dir=data), stage, dry_run=dry_run))


async def _replay(settings: Settings, stage: str, *, dry_run: bool) -> None:
    async with bootstrap.runtime(settings, member="replay") as runtime:
        for letter in await dead_letters.pending(runtime.log, stage):
            click.echo(f"{letter.time:%Y-%m-%d %H:%M:%S}  {letter.key}  {letter.code}  {letter.reason}")
        if dry_run:
            click.echo("nothing was replayed (--dry-run)")
        else:
            click.echo(f"{await dead_letters.replay(runtime.log, stage)} dead letters of {stage} replayed")
