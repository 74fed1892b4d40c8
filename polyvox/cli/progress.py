"""Progress on standard error: a bar per file on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from polyvox.client import Recording

UPLOAD_SHARE = 0.05
"""Part of a bar that the upload fills; on one machine it is a moment."""


class Reporter:
    """Shows how far each file is. Nothing is written to standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def start(self, name: str) -> Line:
        return Line(self, name)

    @contextmanager
    def note(self, text: str) -> Iterator[None]:
        """Show ``text`` while something without a measure goes on."""
        if not self.console.is_terminal:
            self.console.print(f"{text} …", highlight=False)
            yield
            return
        task = self._progress.add_task(escape(text), total=None, name="")
        try:
            yield
        finally:
            self._progress.remove_task(task)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Line:
    """One file's line."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._name = name
        self._task: TaskID = reporter._progress.add_task("uploading", total=1.0, name=escape(name))

    def sent(self, sent_bytes: int, total_bytes: int) -> None:
        self._show(UPLOAD_SHARE * sent_bytes / max(total_bytes, 1), "uploading")

    def state(self, recording: Recording) -> None:
        eta = f", about {recording.eta_s:.0f} s left" if recording.eta_s else ""
        self._show(UPLOAD_SHARE + (1 - UPLOAD_SHARE) * recording.progress, f"{recording.status}{eta}")

    def done(self, text: str) -> None:
        self._show(1.0, text)
        self._say(f"{self._name}: {text}")

    def failed(self, reason: str) -> None:
        self._reporter._progress.update(self._task, description="[red]failed")
        self._reporter.console.print(
            f"[red]failed[/] {escape(self._name)}: {escape(reason)}", highlight=False, soft_wrap=True
        )

    def _show(self, share: float, text: str) -> None:
        self._reporter._progress.update(self._task, completed=share, description=escape(text))

    def _say(self, text: str) -> None:
        if not self._reporter.console.is_terminal:
            self._reporter.console.print(text, highlight=False, markup=False, soft_wrap=True)
