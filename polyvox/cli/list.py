"""`polyvox list`: which recordings a server has."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice

import click

from polyvox.cli.moments import MOMENT
from polyvox.cli.servers import connected, server_option
from polyvox.cli.tables import print_table
from polyvox.cli.wishes import pairs
from polyvox.client import Recording

STATES = ("queued", "processing", "completed", "failed", "deleted")
PAGE = 200


@click.command()
@server_option
@click.option("--status", type=click.Choice(STATES), help="Only these; deleted ones are listed only when asked for.")
@click.option("--language", help="Only those in this language, such as en.")
@click.option("--after", type=MOMENT, help="Uploaded after then: 2026-03-01, or 3d ago.")
@click.option("--before", type=MOMENT, help="Uploaded before then.")
@click.option("--filename", help="A piece of the file's name, in any case.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Recordings with this; may be given again.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, as GET /v1/media answers.")
@click.option("--ids", is_flag=True, help="Nothing but their ids, for other commands.")
def command(
    server: str,
    status: str | None,
    language: str | None,
    after: datetime | None,
    before: datetime | None,
    filename: str | None,
    metadata: tuple[str, ...],
    limit: int,
    as_json: bool,
    ids: bool,
) -> None:
    """List recordings, newest first."""
    given = {
        "status": status,
        "language": language,
        "created_after": after.astimezone(UTC).isoformat() if after else None,
        "created_before": before.astimezone(UTC).isoformat() if before else None,
        "filename": filename,
        **{f"metadata.{key}": value for key, value in pairs(metadata, "--metadata").items()},
    }
    filters: dict[str, str | int] = {name: value for name, value in given.items() if value is not None}
    with connected(server) as client:
        client.check()
        found = list(islice(client.list(limit=min(limit, PAGE), **filters), limit))
    if ids or as_json:
        for one in found:
            click.echo(one.media_id if ids else json.dumps(one.document, ensure_ascii=False))
    elif found:
        print_table(("MEDIA ID", "STATUS", "UPLOADED", "LENGTH", "LANGUAGE", "FILE"), [_row(one) for one in found])
    else:
        click.echo("There are none.", err=True)


def _row(recording: Recording) -> tuple[str, ...]:
    document = recording.document
    status = recording.status if recording.is_final else f"{recording.status} {recording.progress:.0%}"
    length = "" if document.get("duration_s") is None else _clock(float(document["duration_s"]))
    created = str(document.get("created_at") or "")[:16].replace("T", " ")
    language, filename = document.get("language") or "", document.get("filename") or ""
    return recording.media_id, status, created, length, language, filename


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
