"""What a batch shows on the terminal: a bar, what it came to, the first of its rejected rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from registry.batch.source import Source

SHOWN = 10
"""Rejected rows that are written to the terminal."""
LONGEST_SHOWN = 60
"""Characters of a cell on the terminal."""


class Bar:
    """A bar on the terminal; nothing where there is none."""

    def __init__(self, size: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("sending", total=max(size, 1))

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def sent(self, size: int) -> None:
        """So many bytes are on their way."""
        self._progress.update(self._task, completed=size)

    def lost(self, reason: str) -> None:
        """The connection was lost; it is tried again."""
        is_shown = self._progress.live.is_started
        self._progress.stop()
        click.echo(f"Trying again, and going on where it was: {reason}", err=True)
        if is_shown:
            self._progress.start()


def cells_of(source: Source, summary: dict[str, Any]) -> dict[int, str]:
    """Return what stands for an id in those rows that are shown: the registry keeps none that is no IRI."""
    nameless = {one["row"] for one in summary["rejected"][:SHOWN] if not one["credentialId"]}
    shown = source.ids(nameless) if nameless else {}
    return {
        row: repr(cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}…") for row, cell in shown.items()
    }


def tell(
    summary: dict[str, Any], cells: Mapping[int, str], in_words: Callable[[str], str] = str, *, is_dry_run: bool
) -> None:
    """Write what a batch came to, and the first of its rejected rows.

    *cells* are their ids where they have none, *in_words* says a reason as the file would.
    """
    counts = summary["counts"]
    words = (
        (counts["accepted"], "would be carried out" if is_dry_run else "carried out", "green"),
        (counts["unchanged"], "so already", "blue"),
        (counts["rejected"], "would be rejected" if is_dry_run else "rejected", "red"),
    )
    told = ", ".join(click.style(f"{count:,} {word}", fg=colour if count else None) for count, word, colour in words)
    click.echo(f"{summary['rows']:,} rows: {told}")
    shown = summary["rejected"][:SHOWN]
    for one in shown:
        where = click.style(f"row {one['row']:,}", bold=True)
        click.echo(
            f"  {where}  {one['credentialId'] or cells.get(one['row'], '-')}  {in_words(one['problem']['detail'])}"
        )
    if counts["rejected"] > len(shown):
        click.echo(f"  … and {counts['rejected'] - len(shown):,} more")
