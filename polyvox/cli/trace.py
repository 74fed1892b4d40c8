"""`polyvox trace`: what one recording's time went to, as a timeline in the terminal."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime
from typing import Any

import click

from polyvox.cli.servers import connected_async, server_option
from polyvox.cli.timeline import lines

WIDTH = 120
"""Columns where the output is no terminal."""


@click.command()
@server_option
@click.option("--steps", is_flag=True, help="A line for each step of a piece of work as well.")
@click.option("--json", "as_json", is_flag=True, help="The trace as JSON, as GET /v1/media/{id}/trace answers.")
@click.argument("media_id")
def command(media_id: str, server: str, steps: bool, as_json: bool) -> None:
    """Show what the time of the recording MEDIA_ID went to, from its upload to its result.

    It comes from what Polyvox keeps with the recording: no tracing backend is needed.
    """
    document = asyncio.run(_trace(server, media_id))
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH
    for line in lines(document, now=datetime.now(UTC), width=width, with_steps=steps):
        click.echo(line)


async def _trace(server: str, media_id: str) -> dict[str, Any]:
    async with connected_async(server) as client:
        return await client.trace(media_id)
