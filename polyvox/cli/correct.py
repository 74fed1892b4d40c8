"""`polyvox correct`: put right what a transcript says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from polyvox.cli import editing
from polyvox.cli.servers import connected, server_option
from polyvox.client import Client
from polyvox.errors import Invalid


@click.command()
@click.argument("media_id")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Only write the file to edit.")
@click.option("--read", type=click.File(encoding="utf-8"), help="Send what was changed in that file; - reads it.")
@click.option("--author", help="Whom the history names.")
@click.option("--history", is_flag=True, help="Show what was corrected, newest first.")
@click.option("--take-back", metavar="CORRECTION", help="One of the history; the text is again as without it.")
@server_option
def command(
    media_id: str, write: Path | None, read: Any, author: str | None, history: bool, take_back: str | None, server: str
) -> None:
    """Put right what the transcript of MEDIA_ID says, and what its speakers are called, in an editor.

    It makes a new version of the result, which replays of any stage keep. See docs/corrections.md.
    """
    with connected(server) as client:
        if history:
            for correction in client.corrections.all(media_id):
                _show(correction)
        elif take_back is not None:
            _say(client.corrections.take_back(media_id, take_back))
        else:
            transcript, etag = client.corrections.look(media_id)
            original = editing.editable(transcript, etag)
            if write is not None:
                write.write_text(original, encoding="utf-8")
                click.echo(str(write))
            else:
                edited = read.read() if read else click.edit(original, extension=".txt")
                _send(client, media_id, original, edited, author)


def _send(client: Client, media_id: str, original: str, edited: str | None, author: str | None) -> None:
    now = editing.read(original)
    after = editing.read(edited) if edited is not None else now
    if after.media_id != media_id:
        raise Invalid(f"that file is of the recording {after.media_id}")
    # Whoever was faster in between is in ``now``: the server refuses what was made of another version.
    changed = editing.changes(now, after)
    if not changed.segments and not changed.speakers:
        click.echo("Nothing was changed.", err=True)
        return
    speakers = {id: name or None for id, name in changed.speakers.items()}
    _say(client.corrections.make(media_id, after.etag, segments=changed.segments, speakers=speakers, author=author))


def _say(correction: dict[str, Any]) -> None:
    state = {"publishing": "will be there in a moment", "published": "is there", "taken-back": "is taken back"}
    click.echo(f"The correction {correction['correction_id']} {state.get(correction['state'], correction['state'])}.")


def _show(correction: dict[str, Any]) -> None:
    by = f" by {correction['author']}" if correction.get("author") else ""
    back = ", taken back" if correction.get("taken_back_at") else ""
    click.echo(f"{correction['correction_id']}  {correction['corrected_at']}{by}{back}")
    for segment in correction["segments"]:
        nowhere = "" if segment["placed"] else "  (fits nowhere now)"
        click.echo(f"  {segment['start']:.1f} s  {segment['before']} -> {segment['after'] or '(removed)'}{nowhere}")
    for speaker in correction["speakers"]:
        nowhere = "" if speaker["placed"] else "  (nobody is that speaker now)"
        click.echo(f"  {speaker['speaker']} is {speaker['name'] or 'nobody known'}{nowhere}")
