"""`registry batch`: rows from a file, carried out, and what is told of it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.batch.results import path_of_ids, write_rejected, write_result
from registry.batch.target_options import SOME_REJECTED, NotDone, targeted
from registry.batch.telling import Bar, cells_of, tell

if TYPE_CHECKING:
    from registry.batch.client import Target
    from registry.batch.source import Source

_OPERATIONS = ("register", "issue", "revoke", "suspend", "reinstate", "supersede")


def _mapping(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for one in given:
        member, equals, column = one.partition("=")
        if not equals or not member or not column:
            raise click.BadParameter(f"{one!r}: write member=Column, such as credentialId=Student ID.")
        mapping[column.strip()] = member.strip()
    return mapping


@click.command(short_help="Send a file of rows: register, issue, revoke, suspend, …")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@targeted
@click.option("--operation", type=click.Choice(_OPERATIONS), help="What rows ask for that do not say it.")
@click.option(
    "--column", "mapping", multiple=True, callback=_mapping, metavar="MEMBER=COLUMN", help="What a CSV column is."
)
@click.option("--leave-out", "ignored", multiple=True, metavar="COLUMN", help="A CSV column that is not sent.")
@click.option("--dry-run", is_flag=True, help="Tell what would happen; record nothing.")
@click.option(
    "--rejected", type=click.Path(dir_okay=False, path_type=Path), help="Write rejected rows here, over what is there."
)
@click.option("--result", type=click.Path(dir_okay=False, path_type=Path), help="Write every row's outcome here.")
@click.option("--batch-id", help="By default made from what is sent: the same file again is answered as before.")
@click.option("--issued", type=click.Path(dir_okay=False, path_type=Path), help="Write signed credentials here.")
def batch(
    target: Target,
    file: Path,
    operation: str | None,
    mapping: dict[str, str],
    ignored: tuple[str, ...],
    dry_run: bool,
    rejected: Path | None,
    result: Path | None,
    batch_id: str | None,
    issued: Path | None,
) -> None:
    """Send the rows of FILE to a registry; each is carried out on its own, and once.

    FILE is CSV (.csv, .tsv), whose header names what the columns are (`credentialId`, `type`, …; --column maps other
    names), or holds one JSON object a line. The API key is in REGISTRY_API_KEY or --key-file.

    Rows that register without an id, because there is no such column or member, get one each from the registry; what
    they got is written to FILE.ids-….csv (or .ndjson). An empty cell in the column of ids has its row rejected.

    With --operation issue each line is {"credential": …}, and the signed credentials are written to
    FILE.issued.ndjson, readable by you only. The registry does not keep them: the same file again gets them again.
    Where lines themselves say {"operation": "issue", …}, name that file: --issued.

    If the connection is lost, it goes on by itself; if it was interrupted, run the same command again. Rejected rows
    are written to FILE.rejected.csv (or .ndjson), each with its reason: correct them there, and send that file. What
    you corrected there is never written over: another file gets a number.
    Exit status 0: every row is carried out; 1: some were rejected; 2: it did not come to an end.
    """
    from registry.batch.choosing import Choice
    from registry.batch.source import Source

    source = Source(file, Choice(mapping, operation, ignored))
    if operation == "issue" and not dry_run:
        issued = issued or file.with_suffix(".issued.ndjson")
    if source.is_table and (operation == "issue" or issued):
        raise NotDone('A table cannot hold credentials: issue from a file .ndjson, with {"credential": …} a line.')
    if not (source.is_table or issued or dry_run) and (row := source.first_issuing()):
        raise NotDone(
            f"Row {row:,} asks to issue; say where signed credentials are written: --issued FILE. Nothing was sent."
        )
    summary = asyncio.run(
        _run(target, source, operation, None if dry_run else batch_id or "", rejected, result, issued)
    )
    _exit_unless_all(summary)


def _exit_unless_all(summary: dict[str, Any]) -> None:
    if summary.get("unsigned"):
        first = summary["unsigned"][0]
        raise NotDone(
            f"{len(summary['unsigned']):,} rows are registered, but not signed (row {first['row']:,}: "
            f"{first['problem']['detail']}); run the same command again to have them signed."
        )
    if summary["counts"]["rejected"]:
        sys.exit(SOME_REJECTED)


async def _run(
    target: Target,
    source: Source,
    operation: str | None,
    batch_id: str | None,
    rejected: Path | None,
    result: Path | None,
    issued: Path | None,
) -> dict[str, Any]:
    from registry.batch.client import Client

    digest, size = await asyncio.to_thread(source.summary)
    if left_out := source.left_out():
        click.echo(f"Not sent, since they say nothing about a row here: {', '.join(left_out)}", err=True)
    if nameless := await asyncio.to_thread(source.nameless):
        click.echo(f"{nameless:,} rows say no credentialId; the registry makes up an id for each.", err=True)
    is_dry_run = batch_id is None
    batch = None if is_dry_run else batch_id or _id(operation, digest, is_issuing=issued is not None)
    with Bar(size) as bar:
        client = Client(target, sent=bar.sent, lost=bar.lost)
        if batch is not None and issued is not None:
            summary = await client.issue(source, batch, operation, issued)
        else:
            summary = await client.send(source, batch, operation)
    if summary.get("replayed"):
        click.echo(
            f"This was carried out before, as the batch {batch}; nothing was done now, and this is what it came to "
            "then. To carry it out again, give it another id: --batch-id ID."
        )
    tell(summary, cells_of(source, summary), source.in_its_words, is_dry_run=is_dry_run)
    if batch is None:
        click.echo("Nothing was recorded.")
        return summary
    if summary["counts"]["rejected"]:
        write_rejected(source, await client.reasons(batch), rejected)
    if nameless and summary["counts"]["accepted"]:
        result = result or path_of_ids(source, batch)
    if result is not None:
        await write_result(client, batch, result)
    if issued is not None:
        click.echo(f"{summary.get('issued', 0):,} signed credentials: {issued}")
    return summary


def _id(operation: str | None, digest: str, *, is_issuing: bool) -> str:
    """Return the id of a batch; where rows issue it is another one, for elsewhere they are refused for ever."""
    issuing = "-issued" if is_issuing and operation != "issue" else ""
    return f"file-{operation or 'rows'}{issuing}-{digest[:40]}"
