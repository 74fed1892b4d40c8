"""`polyvox search`: where something was said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice

import click

from polyvox.cli.moments import MOMENT
from polyvox.cli.servers import connected, server_option
from polyvox.client import Hit
from polyvox.errors import Invalid


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORDS…")
@server_option
@click.option("--speaker", help="A speaker's id, or label in any case.")
@click.option("--language", help="Of what was said, such as en.")
@click.option("--after", type=MOMENT, help="Recordings uploaded after then: 2026-03-01, or 3d ago.")
@click.option("--before", type=MOMENT, help="Recordings uploaded before then.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Recordings with this; may be given again.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def command(
    words: tuple[str, ...],
    server: str,
    speaker: str | None,
    language: str | None,
    after: datetime | None,
    before: datetime | None,
    metadata: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """Show where WORDS were said, all of them in one segment, latest results first.

    A word may end with * for all that begin so. An argument with spaces in it is a phrase, and so is what is in double
    quotes within one.
    """
    filters: dict[str, str | int] = {"limit": min(limit, 100)}
    if speaker is not None:
        filters["speaker"] = speaker
    if language is not None:
        filters["language"] = language
    if after is not None:
        filters["created_after"] = after.astimezone(UTC).isoformat()
    if before is not None:
        filters["created_before"] = before.astimezone(UTC).isoformat()
    for entry in metadata:
        key, equals, value = entry.partition("=")
        if not equals:
            raise Invalid(f"--metadata {entry} has no value: write KEY=VALUE")
        filters[f"metadata.{key}"] = value
    shown: str | None = None
    with connected(server) as client:
        for hit in islice(client.search(" ".join(map(_quoted, words)), **filters), limit):
            if as_json:
                click.echo(json.dumps(hit.document, ensure_ascii=False))
                continue
            if hit.media_id != shown:
                click.echo(f"{'' if shown is None else chr(10)}{_heading(hit)}")
                shown = hit.media_id
            click.echo(_line(hit))
    if shown is None and not as_json:
        click.echo("Nothing was found.", err=True)


def _quoted(word: str) -> str:
    """The shell took the quotes of a phrase away."""
    if '"' in word or len(word.split()) < 2:
        return word
    return f'"{word[:-1]}"*' if word.endswith("*") else f'"{word}"'


def _heading(hit: Hit) -> str:
    created = hit.document.get("created_at")
    return "  ".join(part for part in (hit.filename, hit.media_id, str(created)[:10] if created else None) if part)


def _line(hit: Hit) -> str:
    """``[00:01:02] Speaker 1: text`` with the matches in bold on a terminal."""
    text, place = "", 0
    for start, end in hit.matches:
        text += hit.text[place:start] + click.style(hit.text[start:end], bold=True)
        place = end
    minutes, seconds = divmod(int(hit.start_s), 60)
    time = f"[{minutes // 60:02}:{minutes % 60:02}:{seconds:02}]"
    return f"{time} {f'{hit.speaker}: ' if hit.speaker else ''}{text}{hit.text[place:]}"
