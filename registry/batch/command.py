"""The command itself: options, progress, the summary, the files of what was rejected."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from registry.batch.client import Client, Target
    from registry.batch.source import Source

SOME_REJECTED, NOT_DONE = 1, 2
"""Exit statuses: rows were rejected; the batch could not be carried out at all, or not to its end."""
SHOWN = 10
"""Rejected rows that are written to the terminal."""
LONGEST_SHOWN = 60
"""Characters of a cell on the terminal."""

_OPERATIONS = ("register", "issue", "revoke", "suspend", "reinstate", "supersede")


class NotDone(click.ClickException):
    """The batch did not come to its end."""

    exit_code = NOT_DONE


def _mapping(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for one in given:
        member, equals, column = one.partition("=")
        if not equals or not member or not column:
            raise click.BadParameter(f"{one!r}: write member=Column, such as credentialId=Student ID.")
        mapping[column.strip()] = member.strip()
    return mapping


def _key(key_file: Path | None, given: str | None) -> str:
    key = key_file.read_text(encoding="utf-8", errors="replace").strip() if key_file else (given or "").strip()
    if not key or not key.isascii() or len(key.split()) != 1:
        raise click.UsageError("Say the API key: in REGISTRY_API_KEY, or as the only text of a file, --key-file FILE.")
    return key


def targeted(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where to, and in whose name; they come as one `target`."""

    @wraps(command)
    def wrapped(
        url: str | None,
        issuer: str | None,
        key_file: Path | None,
        api_key: str | None,
        patience: float,
        **others: Any,
    ) -> None:
        from aiohttp import ClientError

        from registry.batch.client import Target
        from registry.errors import RegistryError

        if not url or not issuer:
            what, name = ("url", "REGISTRY_URL") if not url else ("issuer", "REGISTRY_ISSUER")
            raise click.UsageError(f"Say which registry and issuer: --{what}, or {name} (exported) is missing.")

        try:
            command(target=Target(url, issuer, _key(key_file, api_key), patience), **others)
        except RegistryError as error:
            raise NotDone(error.detail) from None
        except (OSError, ClientError) as error:
            raise NotDone(str(error) or type(error).__name__) from None

    options = (
        click.option("--url", envvar="REGISTRY_URL", help="Of the registry. [REGISTRY_URL]"),
        click.option("--issuer", envvar="REGISTRY_ISSUER", help="The issuer's slug. [REGISTRY_ISSUER]"),
        click.option(
            "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of the API key."
        ),
        click.option("--api-key", envvar=["REGISTRY_API_KEY", "REGISTRY_ISSUER_KEY"], hidden=True),
        click.option("--patience", default=300.0, show_default=True, help="Seconds to try again after a loss."),
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


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
    tell(summary, _cells(source, summary), source.in_its_words, is_dry_run=is_dry_run)
    if is_dry_run:
        click.echo("Nothing was recorded.")
    if batch is not None:
        reasons = await client.reasons(batch) if summary["counts"]["rejected"] else {}
        if reasons:
            _write_rejected(source, reasons, rejected)
        if result is not None:
            await write_result(client, batch, result)
    if batch is not None and issued is not None:
        click.echo(f"{summary.get('issued', 0):,} signed credentials: {issued}")
    return summary


def _id(operation: str | None, digest: str, *, is_issuing: bool) -> str:
    """Return the id of a batch; where rows issue it is another one, for elsewhere they are refused for ever."""
    issuing = "-issued" if is_issuing and operation != "issue" else ""
    return f"file-{operation or 'rows'}{issuing}-{digest[:40]}"


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


def _cells(source: Source, summary: dict[str, Any]) -> dict[int, str]:
    """Return what stands for an id in those rows that are shown: the registry keeps none that is no IRI."""
    nameless = {one["row"] for one in summary["rejected"][:SHOWN] if not one["credentialId"]}
    cells = source.ids(nameless) if nameless else {}
    return {
        row: repr(cell if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]}…") for row, cell in cells.items()
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


def _write_rejected(source: Source, reasons: dict[int, str], given: Path | None) -> None:
    from registry.batch.files import appearing_whole, write_beside

    path = given or source.path.with_suffix(f".rejected{source.path.suffix or '.ndjson'}")
    worded = {row: source.in_its_words(reason) for row, reason in reasons.items()}
    if given is None:
        path = write_beside(path, partial(source.write_rejected, worded, path))
    else:
        with appearing_whole(path) as file:
            source.write_rejected(worded, path, file)
    click.echo(f"Rejected rows with their reasons: {path}; correct them there, and send that file.")


async def write_result(client: Client, batch: str, path: Path) -> None:
    """Write what became of each row, as CSV if the name of *path* says so."""
    from registry.http.batch_files import CSV, NDJSON

    await client.write_result(batch, CSV if path.suffix.lower() == ".csv" else NDJSON, path)
    click.echo(f"What became of each row: {path}")
