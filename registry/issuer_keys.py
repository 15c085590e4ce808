"""`registry keys`: what issuers sign with. Everything here has a route as well; this works where there is no door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from registry.commands.handle import Commands
    from registry.commands.keys import IssuerKeys
    from registry.domain.issuer import Issuer
    from registry.domain.names import IssuerId, LogName

_LOG = click.option("--log", default="main", show_default=True, help="The log that the issuer is registered in.")


def _moment(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    """Return what was given as a moment in UTC; it names its zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no moment; write it like 2026-05-01T12:00:00Z.") from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{text!r} names no zone; write it like 2026-05-01T12:00:00Z.")
    return moment.astimezone(UTC)


@click.group(short_help="List and rotate issuers' signing keys.")
def keys() -> None:
    """List and rotate issuers' signing keys, and list what a compromised one signed.

    Needs REGISTRY_DATABASE_URL (as registry_writer) and the master key. Running services use new keys at once.
    """


@keys.command("list", short_help="List every key that an issuer ever had.")
@click.argument("slug")
@_LOG
def list_keys(slug: str, log: str) -> None:
    """List every key that the issuer SLUG ever had, and what became of it."""
    asyncio.run(_list(log, slug))


@keys.command("rotate", short_help="Let new keys sign for an issuer.")
@click.argument("slug")
@click.option("--method", help="Rotate this verification method only; by default all that sign now.")
@click.option(
    "--compromised-since", callback=_moment, help="The old key leaked: nothing counts that it signs from then on."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_LOG
def rotate(slug: str, method: str | None, compromised_since: datetime | None, yes: bool, log: str) -> None:
    """Let new keys sign for the issuer SLUG.

    Planned: everything already signed keeps verifying, and lists are signed anew when they are due. With
    --compromised-since, the old key leaves the DID document and lists are signed anew at once; `registry keys doubtful`
    lists the credentials that must be looked at. A did:key is its key: its issuer gets a new DID.
    """
    if compromised_since is not None and not yes:
        click.confirm("Verifiers elsewhere will refuse everything the old key signed. Go on?", abort=True)
    asyncio.run(_rotate(log, slug, method, compromised_since, is_sure=yes or compromised_since is not None))


@keys.command("doubtful", short_help="List what a compromised key signed after its cut-off.")
@click.argument("slug")
@_LOG
def doubtful(slug: str, log: str) -> None:
    """List the credentials of the issuer SLUG that a compromised key signed at or after its cut-off, one a line."""
    asyncio.run(_doubtful(log, slug))


@asynccontextmanager
async def _opened(log: str, slug: str) -> AsyncIterator[tuple[Commands, IssuerKeys, LogName, IssuerId]]:
    from registry.write_side import write_side

    async with write_side(log) as (opened, name):
        assert opened.commands is not None, "the process has a write side"
        assert opened.issuer_keys is not None, "the process has a write side"
        yield opened.commands, opened.issuer_keys, name, await opened.commands.issuer_id(name, slug)


async def _list(log: str, slug: str) -> None:
    async with _opened(log, slug) as (commands, _, name, issuer_id):
        _tell(await commands.issuer(name, issuer_id))


def _tell(issuer: Issuer) -> None:
    """Print an issuer's DID and keys, and what a document elsewhere must still list."""
    from registry.domain.mechanisms import algorithm_of

    click.echo(issuer.did or "no DID yet")
    for one in issuer.keys.all:
        word = "compromised since" if one.state == "compromised" else "until"
        until = f", {word} {one.until:%Y-%m-%d %H:%M:%S}Z" if one.until else ""
        algorithm = algorithm_of(one.method.public_key_multibase) or "?"
        click.echo(f"{one.state:11}  {algorithm:7}  {one.method.id}  (since {one.since:%Y-%m-%d %H:%M:%S}Z{until})")
    if issuer.keys.proposed is not None:
        for method in issuer.keys.proposed.methods:
            click.echo(f"waiting      for the document of {method.controller} to list {method.public_key_multibase}")


async def _rotate(
    log: str, slug: str, method: str | None, compromised_since: datetime | None, *, is_sure: bool
) -> None:
    from registry.commands.idempotency import system

    async with _opened(log, slug) as (commands, issuer_keys, name, issuer_id):
        did = (await commands.issuer(name, issuer_id)).did
        if not is_sure and did is not None and did.startswith("did:key:"):
            click.confirm(f"{did} is its key: the issuer gets another DID, for good. Go on?", abort=True)
        asked = system(name, "keys")
        await issuer_keys.rotate(asked, issuer_id, method_id=method, compromised_since=compromised_since)
        _tell(await commands.issuer(name, issuer_id))
        if compromised_since is None:
            return
        if (await issuer_keys.doubtful(name, issuer_id, after=0)).securings:
            click.echo(f"What it signed here from then on must be looked at: registry keys doubtful {slug}")
        else:
            click.echo("It signed nothing here from then on.")


async def _doubtful(log: str, slug: str) -> None:
    async with _opened(log, slug) as (_, issuer_keys, name, issuer_id):
        after: int | None = 0
        count = 0
        while after is not None:
            page = await issuer_keys.doubtful(name, issuer_id, after=after)
            for one in page.securings:
                click.echo(f"{name}:{one.position}  {getattr(one.event, 'credential_id', '')}")
            count += len(page.securings)
            after = page.next_after
        if not count:
            click.echo("none: no compromised key of the issuer signed anything here after its cut-off", err=True)
