"""`polyvox demo`: the main job on real audio, from nothing to a transcript with speakers."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from polyvox.cli import interruption
from polyvox.cli.configuration import settings
from polyvox.cli.local_server import temporary_server
from polyvox.cli.packages import require_all
from polyvox.cli.progress import Reporter
from polyvox.cli.weights import ensure_default_weights
from polyvox.client import AsyncClient, TranscriptFormat
from polyvox.contracts import Transcript
from polyvox.errors import Fatal, Invalid
from polyvox.settings import Settings

FORMATS: tuple[TranscriptFormat, ...] = ("json", "srt", "vtt")


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-output"), show_default=True)
def command(out: Path) -> None:
    """Transcribe a recording of two people that ships with pyannote.audio."""
    require_all()
    own = settings()
    recording = sample()
    out.mkdir(parents=True, exist_ok=True)
    ensure_default_weights(own)
    interruption.run(_demo(own, recording, out))


def sample() -> Path:
    """The 30 s telephone conversation inside the pyannote.audio package.

    Raises:
        Fatal: pyannote.audio is not installed.
    """
    # Found without importing the package, which would load torch into this process.
    root = importlib.util.find_spec("pyannote")
    for folder in (root.submodule_search_locations or ()) if root else ():
        path = Path(folder) / "audio" / "sample" / "sample.wav"
        if path.is_file():
            return path
    raise Fatal("the demo's recording is part of pyannote.audio, which is not installed: pip install 'polyvox[all]'")


async def _demo(settings: Settings, recording: Path, out: Path) -> None:
    click.echo(f"Starting all services, then uploading {recording}")
    with Reporter() as reporter:
        async with temporary_server(settings) as url, AsyncClient(url) as client:
            line = reporter.start(recording.name)
            media_id = await client.upload(recording, progress=line.sent)
            state = await client.wait(media_id, progress=line.state)
            if state.status != "completed":
                raise Invalid(f"the demo's recording failed: {state.reason}")
            line.done("")
            transcript = await client.transcript(media_id)
            documents = {form: await client.export(media_id, form) for form in FORMATS}
    _show(transcript)
    _write(out, recording.stem, documents)


def _show(transcript: Transcript) -> None:
    labels = {speaker.id: speaker.label for speaker in transcript.speakers}
    width = max((len(label) for label in labels.values()), default=0)
    click.echo()
    for segment in transcript.segments:
        label = labels.get(segment.speaker or "", segment.speaker or "")
        click.echo(f"{segment.start:6.2f} – {segment.end:6.2f}  {label:<{width}}  {segment.text}")
    click.echo()
    click.echo(
        f"{transcript.duration:.1f} s of audio, language {transcript.language}, "
        f"{len(transcript.speakers)} speakers, {sum(len(segment.words) for segment in transcript.segments)} words"
    )


def _write(out: Path, stem: str, documents: dict[TranscriptFormat, str]) -> None:
    for form, text in documents.items():
        place = out / f"{stem}.{form}"
        place.write_text(text, encoding="utf-8")
        click.echo(f"{form.upper():>5}: {place}")
