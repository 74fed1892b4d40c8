"""`polyvox export`: transcripts that a server has, in any form."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from polyvox.cli.exporting import FORMATS, form_of, style_of, style_options, suffix_of
from polyvox.cli.servers import connected_async, server_option
from polyvox.errors import Invalid


@click.command()
@click.argument("media_ids", nargs=-1, required=True, metavar="MEDIA_ID…")
@server_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the files. [one is printed]")
@style_options
def command(media_ids: tuple[str, ...], server: str, form: str, out: Path | None, **style: Any) -> None:
    """Write transcripts of recordings that a server has.

    One is printed; several, or with --out, go to DIR/<media id>.<format>.
    """
    if out is None and len(media_ids) > 1:
        raise Invalid("several transcripts need a folder: name one with --out")
    asyncio.run(_export(media_ids, server, form, out, style_of(**style)))


async def _export(
    media_ids: tuple[str, ...], server: str, form: str, out: Path | None, style: dict[str, float | bool]
) -> None:
    async with connected_async(server) as client:
        for media_id in media_ids:
            text = await client.export(media_id, form_of(form), **style)
            if out is None:
                click.echo(text, nl=not text.endswith("\n"))
                continue
            out.mkdir(parents=True, exist_ok=True)
            place = out / f"{media_id}.{suffix_of(form)}"
            place.write_text(text, encoding="utf-8", newline="")
            click.echo(str(place))
