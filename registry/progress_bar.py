"""A progress bar for whoever watches; a line now and then for a journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LINE_EVERY_S: Final = 5.0
"""Seconds between two lines where no terminal shows a bar."""


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show done of total, rate and time to go on a terminal; elsewhere (systemd, CI) a line every few seconds."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(what, console.file.write).told
        return
    bar: Progress = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Lines:
    """Tells how far it has come by a line, at most one in `LINE_EVERY_S`; nothing of what is done sooner than that."""

    def __init__(self, what: str, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._write = write
        self._clock = clock
        self._last = clock()

    def told(self, done: int, total: int) -> None:
        """So much of *total* is done."""
        now = self._clock()
        if now - self._last < LINE_EVERY_S:
            return
        self._last = now
        self._write(f"{self._what}: {done:,} of {total:,} ({100 * done // max(total, 1)} %)\n")
