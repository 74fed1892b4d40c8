"""`polyvox topics`: what flows where, and how far behind each consumer is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from polyvox import bootstrap
from polyvox.cli.configuration import existing_data
from polyvox.cli.tables import print_table
from polyvox.settings import Settings
from polyvox.topics import TOPICS, WORKERS


@click.command()
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the data. [polyvox-data]")
@click.option("--lag", is_flag=True, help="Also count what is kept and what each consumer has not read yet.")
def command(data: Path | None, lag: bool) -> None:
    """Show every topic: what it carries, who writes it, who reads it."""
    figures = asyncio.run(_figures(existing_data(data_dir=data))) if lag else {}
    rows: list[tuple[str, ...]] = []
    for topic in TOPICS.values():
        days = "for ever" if topic.retention_s is None else f"{topic.retention_s / 86_400:g} days"
        if lag:
            rows.append((topic.name, *figures[topic.name], topic.meaning))
        else:
            writers, readers = ", ".join(topic.producers), ", ".join(topic.consumers)
            rows.append((topic.name, str(topic.partitions), days, f"{writers} → {readers}", topic.meaning))
    heads = ("topic", "records", "lag", "meaning") if lag else ("topic", "partitions", "kept", "flow", "meaning")
    print_table(heads, rows)


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
