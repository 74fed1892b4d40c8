"""`polyvox upload`: many recordings to a server, several at a time, without sending any twice."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import click

from polyvox.cli import interruption
from polyvox.cli.configuration import state_folder
from polyvox.cli.inputs import collect
from polyvox.cli.progress import Line, Reporter
from polyvox.cli.servers import connected_async, server_option
from polyvox.cli.wishes import options_of, pairs, wish_options
from polyvox.client import Uploaded
from polyvox.client.bulk import How
from polyvox.client.files import Progress
from polyvox.contracts import Options

SAY_EVERY_S = 10.0


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER…")
@server_option
@click.option("--parallel", type=click.IntRange(1, 64), default=4, show_default=True, help="Files sent at a time.")
@click.option("--bulk", is_flag=True, help="Let what other people wait for go first.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="Kept with each recording; may be given again.")
@click.option("--again", is_flag=True, help="Make new recordings of what was uploaded before.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@wish_options
def command(
    paths: tuple[Path, ...],
    server: str,
    parallel: int,
    bulk: bool,
    metadata: tuple[str, ...],
    again: bool,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Send recordings to a server, and say under which ids it has them. A FOLDER is searched for audio and video.

    The same command goes on where it was broken off, by Ctrl-C, a crash or a lost connection: what the server has is
    not sent again, and large files go on in their midst. A file that has changed is another recording.

    Printed are lines of media id and path; `polyvox wait` reads them: polyvox upload calls | polyvox wait

    The exit status is 1 if any file failed; each failure is reported with its reason.
    """
    options = options_of(metadata=pairs(metadata, "--metadata"), **wishes)
    how: How = {
        "lane": "bulk" if bulk else "interactive",
        "parallel": parallel,
        "journal": journal_of(paths, server),
        "again": again,
    }
    files = [item.path for item in collect(paths)]
    sys.exit(1 if interruption.run(_upload(files, server, options, how, as_json=as_json)) else 0)


def journal_of(paths: Sequence[Path], server: str) -> Path:
    """Where it is remembered what was uploaded from there to a server."""
    about = json.dumps([server.rstrip("/"), sorted(str(path.resolve()) for path in paths)])
    return state_folder() / "uploads" / f"{hashlib.sha256(about.encode()).hexdigest()[:24]}.jsonl"


async def _upload(files: list[Path], server: str, options: Options, how: How, *, as_json: bool) -> int:
    """How many failed."""
    async with connected_async(server) as client:
        await client.check()
        with Reporter(len(files)) as reporter:
            shown = _Shown(reporter, len(files), as_json=as_json)
            how["progress"] = shown.begin
            async with aclosing(client.upload_all(files, options, **how)) as results:
                async for result in results:
                    shown.end(result)
            shown.say()
    return shown.failed


class _Shown:
    """Lines on standard output for programs, progress on standard error for people."""

    def __init__(self, reporter: Reporter, files: int, *, as_json: bool) -> None:
        self.failed = 0
        self._new = 0
        self._known = 0
        self._files = files
        self._reporter = reporter
        self._as_json = as_json
        self._lines: dict[Path, Line] = {}
        self._said_s = time.monotonic()

    def begin(self, path: Path) -> Progress:
        line = self._lines[path] = self._reporter.start(str(path), upload_share=1.0)
        return line.sent

    def end(self, result: Uploaded) -> None:
        line = self._lines.pop(result.path, None) or self._reporter.start(str(result.path))
        if result.media_id is None:
            self.failed += 1
            line.failed(str(result.error))
        else:
            self._new += result.is_new
            self._known += not result.is_new
            line.remove()
        self._print(result)
        if not self._reporter.console.is_terminal and time.monotonic() - self._said_s >= SAY_EVERY_S:
            self.say()

    def say(self) -> None:
        self._said_s = time.monotonic()
        ended = self._new + self._known + self.failed
        before = f", {self._known} were there before" if self._known else ""
        failed = f", {self.failed} failed" if self.failed else ""
        self._reporter.say(f"{ended} of {self._files} files: {self._new} uploaded{before}{failed}")

    def _print(self, result: Uploaded) -> None:
        if self._as_json:
            error = None if result.error is None else str(result.error)
            entry = {"path": str(result.path), "media_id": result.media_id, "new": result.is_new, "error": error}
            text = json.dumps(entry, ensure_ascii=False)
        elif result.media_id is not None:
            text = f"{result.media_id}\t{result.path}"
        else:
            return
        if sys.stdout.isatty():
            # Above the bars, where both are one terminal.
            self._reporter.say(text)
        else:
            click.echo(text)
