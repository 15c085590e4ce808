"""`registry batch-by-query`: what is meant is shown first, and then exactly that is revoked or suspended."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.batch.command import SHOWN, SOME_REJECTED, NotDone, targeted, tell, write_result

if TYPE_CHECKING:
    from registry.batch.client import Client, Target

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _moment(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    """Take a day for its first moment; what else is no moment, the registry says."""
    return f"{given}T00:00:00Z" if given and _DAY.fullmatch(given) else given


@click.command("batch-by-query", short_help="Revoke or suspend all of an achievement, or between two dates.")
@click.argument("operation", type=click.Choice(("revoke", "suspend")))
@targeted
@click.option("--achievement", help="Its id, as the credentials were registered with.")
@click.option("--type", "of_type", help="One of the credentials' types, such as OpenBadgeCredential.")
@click.option("--issued-from", callback=_moment, help="Registered then or later: 2026-01-01 (UTC), or a moment.")
@click.option("--issued-until", callback=_moment, help="Registered before: 2026-02-01 is until the end of January.")
@click.option("--reason", help="Why; every credential is given it. By default unspecified.")
@click.option("--dry-run", is_flag=True, help="Show what is meant; record nothing.")
@click.option("--yes", is_flag=True, help="Do not ask: for scripts.")
@click.option(
    "--result", type=click.Path(dir_okay=False, path_type=Path), help="Write every credential's outcome here."
)
def batch_by_query(
    target: Target,
    operation: str,
    achievement: str | None,
    of_type: str | None,
    issued_from: str | None,
    issued_until: str | None,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    result: Path | None,
) -> None:
    """Revoke or suspend every credential that fits all that is said of it.

    Shows how many and which are meant, and asks. What is registered between the look and the answer is not touched.
    Exit status 0: done, or nothing to do; 1: some were rejected; 2: not done.

    \b
    registry batch-by-query revoke --achievement https://example.edu/welding-2 \\
        --issued-from 2026-01-01 --issued-until 2026-02-01 --reason issued-in-error
    """
    said = {
        "operation": operation, "achievement": achievement, "type": of_type, "issuedFrom": issued_from,
        "issuedUntil": issued_until, "reason": reason,
    }  # fmt: skip
    body = {name: value for name, value in said.items() if value is not None}
    if not set(body) - {"operation", "reason"}:
        raise click.UsageError("Say which: --achievement, --type, --issued-from or --issued-until.")
    asyncio.run(_run(target, body, is_dry_run=dry_run, is_sure=yes, result=result))


async def _run(target: Target, body: dict[str, Any], *, is_dry_run: bool, is_sure: bool, result: Path | None) -> None:
    from registry.batch.client import Client

    client = Client(target, sent=lambda _: None, lost=_lost)
    looked = await client.look(body)
    _show(looked)
    if is_dry_run or not looked["counts"]["accepted"]:
        click.echo("Nothing was recorded.")
        _exit_unless_all(looked)
        return
    if not is_sure:
        _ask(body["operation"], looked["counts"]["accepted"])
    await _carry_out(client, {**body, "position": looked["position"]}, result)


async def _carry_out(client: Client, body: dict[str, Any], result: Path | None) -> None:
    batch = f"query-{hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:40]}"
    summary = await client.carry_out(body, batch)
    tell(summary, {}, is_dry_run=False)
    if result is not None:
        await write_result(client, batch, result)
    _exit_unless_all(summary)


def _exit_unless_all(summary: dict[str, Any]) -> None:
    if summary["counts"]["rejected"]:
        sys.exit(SOME_REJECTED)


def _show(looked: dict[str, Any]) -> None:
    tell(looked, {}, is_dry_run=True)
    shown = [one for one in looked["examples"] if one["outcome"] == "accepted"][:SHOWN]
    accepted = looked["counts"]["accepted"]
    for one in shown:
        click.echo(f"  {one['credentialId']}")
    if accepted > len(shown) > 0:
        click.echo(f"  … and {accepted - len(shown):,} more")


def _ask(operation: str, number: int) -> None:
    final = " This is final." if operation == "revoke" else ""
    try:
        is_sure = click.confirm(f"{operation.capitalize()} these {number:,} credentials?{final}")
    except click.Abort:  # an end of input, too
        click.echo()
        raise NotDone("Nothing was recorded. Where nobody can be asked, say --yes.") from None
    if not is_sure:
        raise NotDone("Nothing was recorded.")


def _lost(reason: str) -> None:
    click.echo(f"Trying again: {reason}", err=True)
