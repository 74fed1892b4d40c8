"""`polyvox transcribe`: recordings in, transcripts out, with a server or one for the occasion."""

from __future__ import annotations

import sys
from asyncio import Semaphore, gather
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click

from polyvox.cli import interruption
from polyvox.cli.configuration import state_folder
from polyvox.cli.credentials import given_key
from polyvox.cli.exporting import FORMATS, form_of, style_of, style_options, suffix_of
from polyvox.cli.inputs import Input, collect, destinations
from polyvox.cli.progress import Line, Reporter
from polyvox.cli.servers import server_if_any
from polyvox.cli.wishes import options_of, wish_options
from polyvox.client import AsyncClient, TranscriptFormat
from polyvox.client.parts import PARTS_ABOVE_BYTES, resume_name
from polyvox.contracts import Lane, Options
from polyvox.errors import Invalid, PolyvoxError, Transient
from polyvox.settings import Settings


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER…")
@server_if_any
@click.option(
    "--format",
    "extension",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="txt and md are text and markdown under other names.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the transcripts; made if need be. [the current one]",
)
@wish_options
@click.option("--bulk", is_flag=True, help="Let what other people wait for go first.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Files under way at once.")
@style_options
def command(
    paths: tuple[Path, ...],
    server: str | None,
    extension: str,
    out: Path | None,
    bulk: bool,
    jobs: int,
    language: str | None,
    task: str,
    model: str | None,
    engine: str | None,
    no_diarize: bool,
    num_speakers: int | None,
    keep_suspects: bool,
    **style: Any,
) -> None:
    """Turn recordings into transcripts.

    Of one FILE the transcript is printed. Of several, of a FOLDER or with --out, each is written to
    DIR/<stem>.<format>; what is there is overwritten. A FOLDER is searched for audio and video.

    A large file that was not sent whole, because of Ctrl-C or a lost connection, goes on where it was when
    the same command is given again.

    The exit status is 1 if any file failed; each failure is reported with its reason.
    """
    options = options_of(
        language=language,
        no_diarize=no_diarize,
        keep_suspects=keep_suspects,
        task=task,
        model=model,
        engine=engine,
        num_speakers=num_speakers,
    )
    inputs = collect(paths)
    prints = len(inputs) == 1 and out is None and not paths[0].is_dir()
    places = [None] if prints else destinations(inputs, out or Path(), suffix_of(extension))
    if out is not None:
        # Better now than after an hour of transcribing.
        out.mkdir(parents=True, exist_ok=True)
    job = Job(options, form_of(extension), style_of(**style), jobs, "bulk" if bulk else "interactive")
    failures = interruption.run(job.run(server, list(zip(inputs, places, strict=True)), _own_settings(server)))
    sys.exit(1 if failures else 0)


def _own_settings(server: str | None) -> Settings | None:
    """Settings of the server to run for the occasion, when all that it needs is here."""
    if server is not None:
        return None
    from polyvox.cli.configuration import settings
    from polyvox.cli.packages import require_all
    from polyvox.cli.weights import ensure_default_weights

    require_all()
    found = settings()
    ensure_default_weights(found)
    return found


class Job:
    """All files of one call; counts those that failed."""

    def __init__(
        self, options: Options, format: TranscriptFormat, style: Mapping[str, float | bool], jobs: int, lane: Lane
    ) -> None:
        self._options = options
        self._format: TranscriptFormat = format
        self._style = style
        self._slots = Semaphore(jobs)
        self._lane: Lane = lane

    async def run(self, server: str | None, work: list[tuple[Input, Path | None]], own: Settings | None) -> int:
        """Transcribe all, on ``server`` or on one with the settings ``own``; returns how many failed."""
        async with AsyncExitStack() as stack:
            reporter = stack.enter_context(Reporter(len(work)))
            if own is not None:
                from polyvox.cli.local_server import temporary_server

                with reporter.note("starting Polyvox"):
                    server = await stack.enter_async_context(temporary_server(own))
            # A server for the occasion is on this machine and gone afterwards: nothing is resumed there.
            above_bytes = None if own is not None else PARTS_ABOVE_BYTES
            client = await stack.enter_async_context(
                AsyncClient(server or "", api_key=given_key(), parts_above_bytes=above_bytes)
            )
            await client.check()
            done = await gather(*(self._one(client, reporter, item, place) for item, place in work))
            failed = sum(text is None for text in done)
            if len(work) > 1:
                reporter.say(f"{len(work) - failed} of {len(work)} files transcribed")
            reporter.close()
            for text in filter(None, done):
                click.echo(text, nl=not text.endswith("\n"))
        return failed

    async def _one(self, client: AsyncClient, reporter: Reporter, item: Input, place: Path | None) -> str | None:
        """The text to print ("" when it went to a file), or None if the file failed."""
        async with self._slots:
            line = reporter.start(str(item.path))
            uploads = state_folder() / "uploads"
            try:
                memory = uploads / resume_name(item.path, self._options, client.base_url)
                media_id = await client.upload(
                    item.path, self._options, lane=self._lane, progress=line.sent, resume=memory
                )
                text = await self._transcript(client, media_id, line)
                if place is None:
                    line.done("")
                    return text
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
            except (PolyvoxError, OSError) as error:
                line.failed(str(error))
                return None
            line.done(str(place))
            return ""

    async def _transcript(self, client: AsyncClient, media_id: str, line: Line) -> str:
        try:
            state = await client.wait(media_id, progress=line.state)
            if state.status != "completed":
                raise Invalid(state.reason or f"the recording was {state.status} meanwhile")
            return await client.export(media_id, self._format, **self._style)
        except Transient as error:
            raise Transient(f"{error} It has the recording as {media_id}.") from error
