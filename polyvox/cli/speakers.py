"""`polyvox speakers enroll|list|forget`: whose voices a server recognises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from polyvox.cli.servers import connected, server_option
from polyvox.cli.tables import print_table
from polyvox.client import Client
from polyvox.contracts import Options
from polyvox.errors import Invalid, NotFound


@click.group()
def command() -> None:
    """People whose voices are recognised in recordings. Off unless the server's settings name the tenant."""


@command.command()
@click.argument("name")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--media", help="A recording that the server has, instead of FILE.")
@click.option("--speaker", help="Who it is in that recording, such as S1.")
@click.option("--consent", required=True, help="How the person agreed; kept with the name.")
@click.option("--keep", is_flag=True, help="Keep FILE's recording on the server; otherwise it is deleted again.")
@server_option
def enroll(
    name: str, file: Path | None, media: str | None, speaker: str | None, consent: str, keep: bool, server: str
) -> None:
    """Recognise NAME from now on, by the voice in FILE, in which nobody else speaks, or in a recording.

    NAME who is known already gets one more voice.
    """
    if (file is None) == (media is None):
        raise click.UsageError("give either a FILE or --media with the id of a recording")
    with connected(server) as client:
        if media is not None:
            person = client.speakers.enrol(name, media, speaker, consent=consent)
        else:
            assert file is not None
            person = _from_file(client, name, file, consent, keep=keep)
    seconds = sum(voice["speech_s"] for voice in person["voices"])
    click.echo(f"{person['name']}  {person['person']}  {seconds:.0f} s of speech in {len(person['voices'])} recordings")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@server_option
def list_(as_json: bool, server: str) -> None:
    """Show who is enrolled."""
    with connected(server) as client:
        people = client.speakers.all()
    if as_json:
        for person in people:
            click.echo(json.dumps(person, ensure_ascii=False))
        return
    if not people:
        click.echo("Nobody is enrolled.", err=True)
        return
    heads = ("person", "name", "tenant", "since", "speech", "consent")
    print_table(heads, [_row(person) for person in people])


@command.command()
@click.argument("person", metavar="NAME|PERSON")
@server_option
def forget(person: str, server: str) -> None:
    """Forget somebody: their voice at once, their name in results within about a minute."""
    with connected(server) as client:
        found = [one for one in client.speakers.all() if person in (one["person"], one["name"])]
        if not found:
            raise NotFound(f"nobody called {person} is enrolled; `polyvox speakers list` shows who is")
        if len(found) > 1:
            raise Invalid(f"several people are called {person}: {', '.join(one['person'] for one in found)}")
        client.speakers.forget(found[0]["person"])
    click.echo(f"{found[0]['name']} is forgotten.")


def _from_file(client: Client, name: str, file: Path, consent: str, *, keep: bool) -> dict[str, Any]:
    media_id = client.upload(file, Options(num_speakers=1))
    try:
        state = client.wait(media_id)
        if state.status != "completed":
            raise Invalid(f"{file} could not be listened to: {state.reason or state.status}")
        return client.speakers.enrol(name, media_id, consent=consent)
    finally:
        if not keep:
            client.delete(media_id)


def _row(person: dict[str, Any]) -> tuple[str, ...]:
    speech = f"{sum(voice['speech_s'] for voice in person['voices']):.0f} s"
    since = str(person["created_at"])[:10]
    return person["person"], person["name"], person["tenant"], since, speech, person["consent"]
