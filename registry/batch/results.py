"""The files that a batch leaves: rejected rows to be corrected, and what became of each row."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from registry.batch.client import Client
    from registry.batch.source import Source


def write_rejected(source: Source, reasons: dict[int, str], given: Path | None) -> None:
    """Write the rows of *reasons* (row → why) to *given*, or beside the file, where nothing is written over."""
    from registry.batch.files import appearing_whole, write_beside

    path = given or source.path.with_suffix(f".rejected{source.path.suffix or '.ndjson'}")
    worded = {row: source.in_its_words(reason) for row, reason in reasons.items()}
    if given is None:
        path = write_beside(path, partial(source.write_rejected, worded, path))
    else:
        with appearing_whole(path) as file:
            source.write_rejected(worded, path, file)
    click.echo(f"Rejected rows with their reasons: {path}; correct them there, and send that file.")


def path_of_ids(source: Source, batch: str) -> Path:
    """Return where the ids go that were made up: another file for each batch, for there is no other copy at hand."""
    of_batch = hashlib.sha256(batch.encode()).hexdigest()[:8]
    return source.path.with_suffix(f".ids-{of_batch}{'.csv' if source.is_table else '.ndjson'}")


async def write_result(client: Client, batch: str, path: Path) -> None:
    """Write what became of each row, as CSV if the name of *path* says so."""
    from registry.http.batch_files import CSV, NDJSON

    await client.write_result(batch, CSV if path.suffix.lower() == ".csv" else NDJSON, path)
    click.echo(f"What became of each row: {path}")
