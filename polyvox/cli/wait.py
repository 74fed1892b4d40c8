"""`polyvox wait`: until recordings have ended."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable

import click

from polyvox.cli import interruption
from polyvox.cli.progress import Reporter
from polyvox.cli.servers import connected_async, server_option
from polyvox.client import Recording
from polyvox.errors import Invalid, PolyvoxError

AT_ONCE = 100
"""Recordings that are watched at a time; the others are asked for when those have ended."""


@click.command()
@click.argument("media_ids", nargs=-1, metavar="[MEDIA_ID]…")
@server_option
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), help="Wait so many seconds at most.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, as GET /v1/media/{id} answers.")
def command(media_ids: tuple[str, ...], server: str, timeout_s: float | None, as_json: bool) -> None:
    """Wait until recordings are transcribed; prints a line of media id and status for each, as they end.

    Without MEDIA_ID they are read from standard input, the first word of each line, as `polyvox upload` prints them.

    The exit status is 0 if all were completed, 1 if any was not, 124 if that took longer than --timeout.
    """
    found = list(dict.fromkeys(media_ids or _read(sys.stdin)))
    if not found:
        raise Invalid("no media ids: name them, or pipe in what `polyvox upload` prints")
    try:
        ended = interruption.run(_wait(found, server, timeout_s, as_json=as_json))
    except TimeoutError:
        click.echo(f"polyvox: not all of them ended within {timeout_s:g} s", err=True)
        sys.exit(124)
    sys.exit(0 if all(ended) else 1)


def _read(lines: Iterable[str]) -> list[str]:
    return [words[0] for line in lines if (words := line.split())]


async def _wait(media_ids: list[str], server: str, timeout_s: float | None, *, as_json: bool) -> list[bool]:
    """Which of them were completed."""
    slots = asyncio.Semaphore(AT_ONCE)
    async with connected_async(server) as client:
        await client.check()
        with Reporter(len(media_ids)) as reporter:

            async def one(media_id: str) -> bool:
                async with slots:
                    line = reporter.start(media_id, upload_share=0.0)
                    try:
                        recording = await client.wait(media_id, progress=line.state)
                    except PolyvoxError as error:
                        line.failed(str(error))
                        return False
                    line.remove()
                    _print(recording, reporter, as_json=as_json)
                    return recording.status == "completed"

            async with asyncio.timeout(timeout_s):
                return await asyncio.gather(*map(one, media_ids))


def _print(recording: Recording, reporter: Reporter, *, as_json: bool) -> None:
    reason = f"\t{recording.reason}" if recording.reason else ""
    text = json.dumps(recording.document) if as_json else f"{recording.media_id}\t{recording.status}{reason}"
    if sys.stdout.isatty():
        reporter.say(text)
    else:
        click.echo(text)
