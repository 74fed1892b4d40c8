"""Progress on standard error: a bar for each file under way on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from polyvox.client import Recording

UPLOAD_SHARE = 0.05
"""Part of a bar that the upload fills; on one machine it is a moment."""


class Reporter:
    """Shows how far each file is. Nothing is written to standard output.

    ``files``: how many there are; with more than one, a bar counts those that ended.
    """

    def __init__(self, files: int = 1, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.progress = Progress(
            TextColumn(
                "{task.fields[name]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=2)
            ),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=2)),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
            expand=True,
        )
        self._total = self.progress.add_task("", total=files, name="all files") if files > 1 else None

    def start(self, name: str, *, upload_share: float = UPLOAD_SHARE) -> Line:
        return Line(self, name, upload_share)

    @contextmanager
    def note(self, text: str) -> Iterator[None]:
        """Show ``text`` while something without a measure goes on."""
        if not self.console.is_terminal:
            self.say(f"{text} …")
        task = self.progress.add_task("", total=None, name=text)
        try:
            yield
        finally:
            self.progress.remove_task(task)

    def ended(self) -> None:
        if self._total is not None:
            self.progress.advance(self._total)

    def say(self, text: str, *, mark: str = "", style: str = "") -> None:
        """A line that stays, above the bars."""
        self.console.print(Text.assemble((mark, style), text), highlight=False, soft_wrap=True)

    def close(self) -> None:
        self.progress.stop()

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Line:
    """One file's bar, and the line that is left of it."""

    def __init__(self, reporter: Reporter, name: str, upload_share: float) -> None:
        self._reporter = reporter
        self._upload_share = upload_share
        self._name = name
        self._task: TaskID = reporter.progress.add_task("uploading", total=1.0, name=name)

    def sent(self, sent_bytes: int, total_bytes: int) -> None:
        self._show(self._upload_share * sent_bytes / max(total_bytes, 1), "uploading")

    def state(self, recording: Recording) -> None:
        left = f", {time_left(recording.eta_s)}" if recording.eta_s else ""
        self._show(self._upload_share + (1 - self._upload_share) * recording.progress, f"{recording.status}{left}")

    def done(self, text: str) -> None:
        self._end("done", "green", text)

    def failed(self, reason: str) -> None:
        self._end("failed", "bold red", reason)

    def remove(self) -> None:
        """It ended, and nothing is to be said of it."""
        self._reporter.progress.remove_task(self._task)
        self._reporter.ended()

    def _show(self, share: float, text: str) -> None:
        self._reporter.progress.update(self._task, completed=share, description=text)

    def _end(self, mark: str, style: str, text: str) -> None:
        self.remove()
        self._reporter.say(f" {self._name}{f': {text}' if text else ''}", mark=mark, style=style)


def time_left(seconds: float) -> str:
    """How a person says it: seconds, then minutes, then hours."""
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    if seconds < 90 * 60:
        return f"about {seconds / 60:.0f} min left"
    return f"about {seconds / 3600:.1f} h left"
