"""`polyvox replay STAGE`: puts what a stage gave up on back on its topic."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from polyvox import bootstrap, dead_letters
from polyvox.settings import Settings
from polyvox.topics import WORKERS


@click.command()
@click.argument("stage", type=click.Choice(WORKERS))
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]")
@click.option("--dry-run", is_flag=True, help="Only show what would be replayed.")
def command(stage: str, data: Path | None, dry_run: bool) -> None:
    """Give the dead letters of STAGE another chance. Each is replayed once."""
    settings = Settings() if data is None else Settings(data_dir=data)
    asyncio.run(_replay(settings, stage, dry_run=dry_run))


async def _replay(settings: Settings, stage: str, *, dry_run: bool) -> None:
    async with bootstrap.runtime(settings, member="replay") as runtime:
        if dry_run:
            letters = [letter for letter in await dead_letters.letters(runtime.log, stage) if not letter.replayed]
        else:
            letters = await dead_letters.replay(runtime.log, stage)
        for letter in letters:
            click.echo(f"{letter.time:%Y-%m-%d %H:%M:%S}  {letter.key}  {letter.code}  {letter.reason}")
        click.echo(f"{len(letters)} dead letters of {stage} {'would be replayed' if dry_run else 'replayed'}")
