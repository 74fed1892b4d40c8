"""`polyvox transcribe`: recordings in, transcripts out, with a server or one for the occasion."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast, get_args

import click
from pydantic import ValidationError

from polyvox.cli.inputs import Input, collect, destinations
from polyvox.cli.progress import Reporter
from polyvox.client import AsyncClient, Recording, TranscriptFormat
from polyvox.contracts import Options
from polyvox.errors import Invalid, PolyvoxError
from polyvox.settings import Settings

FORMATS = (*get_args(TranscriptFormat), "txt")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER…")
@click.option("--server", help="URL of a running server; without it one is run for the occasion.")
@click.option("--format", "extension", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for the transcripts.")
@click.option("--language", help="Spoken language, for example de; found out when left out.")
@click.option("--task", type=click.Choice(["transcribe", "translate"]), default="transcribe", show_default=True)
@click.option("--model", help="Model of the transcriber, for example base.")
@click.option("--engine", help="Engine of the transcriber: ctranslate2 or whisper.")
@click.option("--no-diarize", is_flag=True, help="Words only, no speakers.")
@click.option("--speakers", type=click.IntRange(1, 100), help="Number of speakers, when it is known.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Files under way at once.")
def command(
    paths: tuple[Path, ...],
    server: str | None,
    extension: str,
    out: Path | None,
    language: str | None,
    task: str,
    model: str | None,
    engine: str | None,
    no_diarize: bool,
    speakers: int | None,
    jobs: int,
) -> None:
    """Turn recordings into transcripts.

    Writes DIR/<stem>.<format>, or prints the transcript when there is one file and no --out.
    The exit status is 1 if any file failed; each failure is reported with its reason.
    """
    options = _options(
        language=None if language == "auto" else language,
        task=task,
        model=model,
        engine=engine,
        diarize=not no_diarize,
        num_speakers=speakers,
    )
    inputs = collect(paths)
    prints = len(inputs) == 1 and out is None
    places = [None] if prints else destinations(inputs, out or Path(), extension)
    job = Job(options, cast("TranscriptFormat", "text" if extension == "txt" else extension), jobs)
    failures = asyncio.run(job.run(server, list(zip(inputs, places, strict=True))))
    sys.exit(1 if failures else 0)


def _options(**values: object) -> Options:
    try:
        return Options.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        raise Invalid(f"{'.'.join(map(str, problem['loc'])) or 'options'}: {problem['msg']}") from error


class Job:
    """All files of one call; counts those that failed."""

    def __init__(self, options: Options, format: TranscriptFormat, jobs: int) -> None:
        self._options = options
        self._format: TranscriptFormat = format
        self._slots = asyncio.Semaphore(jobs)

    async def run(self, server: str | None, work: list[tuple[Input, Path | None]]) -> int:
        """Transcribe all; returns how many failed."""
        async with AsyncExitStack() as stack:
            reporter = stack.enter_context(Reporter())
            if server is None:
                from polyvox.cli.local_server import temporary_server
                from polyvox.cli.weights import ensure_default_weights

                settings = Settings()
                await asyncio.to_thread(ensure_default_weights, settings, reporter.console)
                with reporter.note("starting Polyvox for the occasion"):
                    server = await stack.enter_async_context(temporary_server(settings))
            client = await stack.enter_async_context(AsyncClient(server))
            done = await asyncio.gather(*(self._one(client, reporter, item, place) for item, place in work))
        for text in done:
            if text:
                click.echo(text, nl=not text.endswith("\n"))
        return sum(text is None for text in done)

    async def _one(self, client: AsyncClient, reporter: Reporter, item: Input, place: Path | None) -> str | None:
        """The text to print ("" when it went to a file), or None if the file failed."""
        async with self._slots:
            line = reporter.start(str(item.path))
            try:
                media_id = await client.upload(item.path, self._options, progress=line.sent)
                state = await client.wait(media_id, progress=line.state)
                text = await self._transcript(client, state)
                if place is None:
                    line.done("done")
                    return text
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
            except (PolyvoxError, OSError) as error:
                line.failed(str(error))
                return None
            line.done(str(place))
            return ""

    async def _transcript(self, client: AsyncClient, state: Recording) -> str:
        if state.status != "completed":
            raise Invalid(state.reason or f"the recording is {state.status}")
        return await client.export(state.media_id, self._format)
