"""`polyvox delete`: remove recordings and everything made from them."""

from __future__ import annotations

import sys

import click

from polyvox.cli.asking import agreed
from polyvox.cli.servers import connected, server_option
from polyvox.errors import NotFound


@click.command()
@click.argument("media_ids", nargs=-1, required=True, metavar="MEDIA_ID…")
@server_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(media_ids: tuple[str, ...], server: str, yes: bool) -> None:
    """Remove recordings and everything made from them, for good. One that is deleted already stays so."""
    count = "this recording" if len(media_ids) == 1 else f"these {len(media_ids)} recordings"
    if not yes and not agreed(f"Delete {count} and everything made from it?"):
        click.echo("Nothing was deleted.", err=True)
        sys.exit(1)
    missing = False
    with connected(server) as client:
        client.check()
        for media_id in media_ids:
            try:
                client.delete(media_id)
            except NotFound as error:
                click.echo(f"polyvox: {error}", err=True)
                missing = True
            else:
                click.echo(f"{media_id}\tdeleted")
    sys.exit(1 if missing else 0)
