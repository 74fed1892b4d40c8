"""`polyvox topics`: what flows where, and how far behind each consumer is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from polyvox import bootstrap
from polyvox.errors import Invalid
from polyvox.settings import Settings
from polyvox.topics import TOPICS, WORKERS


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]")
@click.option("--lag", is_flag=True, help="Also count what is kept and what each consumer has not read yet.")
def command(data: Path | None, lag: bool) -> None:
    """Show every topic: what it carries, who writes it, who reads it."""
    table = Table("topic", "partitions", "keeps", "from", "to", "meaning", *(["records", "lag"] if lag else []))
    figures = asyncio.run(_figures(_settings(data))) if lag else {}
    for topic in TOPICS.values():
        days = "for ever" if topic.retention_s is None else f"{topic.retention_s / 86_400:g} days"
        row = [topic.name, str(topic.partitions), days, ", ".join(topic.producers), ", ".join(topic.consumers)]
        table.add_row(*row, topic.meaning, *figures.get(topic.name, ()))
    Console().print(table)


def _settings(data: Path | None) -> Settings:
    settings = Settings() if data is None else Settings(data_dir=data)
    if not settings.data_dir.is_dir():
        raise Invalid(f"there is no data folder {settings.data_dir}; name the one of `polyvox up` with --data")
    return settings


async def _figures(settings: Settings) -> dict[str, tuple[str, str]]:
    """Per topic: records kept, and lag by consumer."""
    figures: dict[str, tuple[str, str]] = {}
    async with bootstrap.runtime(settings, member="topics") as runtime:
        for topic in TOPICS.values():
            bounds = await runtime.log.bounds(topic.name)
            kept = sum(end - first for first, end in bounds.values())
            readers = [name for name in topic.consumers if name in WORKERS]
            behind = {name: sum((await runtime.log.lag(name, [topic.name])).values()) for name in readers}
            figures[topic.name] = (str(kept), ", ".join(f"{name} {count}" for name, count in behind.items()))
    return figures
