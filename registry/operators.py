"""`registry operator-keys`: operators' API keys. They have no route: whoever runs the service hands them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from registry.commands.api_keys import KeyRing
    from registry.domain.names import LogName


@click.group("operator-keys", short_help="List, make and revoke operators' API keys.")
def operator_keys() -> None:
    """List, make and revoke operators' API keys.

    Needs REGISTRY_DATABASE_URL (as registry_writer) and the master key. A revoked key is refused at once here, and by
    running services within 5 s.
    """


@operator_keys.command("list")
@click.option("--log", default="main", show_default=True, help="The log whose operators are meant.")
def list_keys(log: str) -> None:
    """List every operator key there ever was."""
    asyncio.run(_list(log))


@operator_keys.command("make")
@click.argument("name")
@click.option("--log", default="main", show_default=True, help="The log whose operator it is.")
def make_key(name: str, log: str) -> None:
    """Make a key for an operator called NAME, and print it, this once."""
    asyncio.run(_make(log, name))


@operator_keys.command("revoke")
@click.argument("key_id")
@click.option("--log", default="main", show_default=True, help="The log whose operator it is.")
def revoke_key(key_id: str, log: str) -> None:
    """End the key KEY_ID (the part between the last two underscores)."""
    asyncio.run(_revoke(log, key_id))


@asynccontextmanager
async def _key_ring(log: str) -> AsyncIterator[tuple[KeyRing, LogName]]:
    """Open the write side without listening on anything."""
    from registry.write_side import write_side

    async with write_side(log) as (opened, name):
        assert opened.keys is not None, "the process has a write side"
        yield opened.keys, name


async def _list(log: str) -> None:
    from registry.wiring import utc_now

    async with _key_ring(log) as (keys, name):
        for one in await keys.list(name, None):
            created = one.facts.created
            state = "live" if one.facts.is_live(utc_now()) else "ended"
            used = f"last used {one.last_used_at:%Y-%m-%d %H:%M}Z" if one.last_used_at else "never used"
            click.echo(f"{created.key_id}  {state:5}  {created.name}  (made {one.facts.created_at:%Y-%m-%d}, {used})")


async def _make(log: str, operator: str) -> None:
    from registry.commands.idempotency import system

    async with _key_ring(log) as (keys, name):
        _, text = await keys.create(system(name, "operator-keys"), None, name=operator, scopes=None, expires=None)
        click.echo(f"operator key for {name}, shown this once: {text}")


async def _revoke(log: str, key_id: str) -> None:
    from registry.commands.idempotency import system

    async with _key_ring(log) as (keys, name):
        outcome = await keys.revoke(system(name, "operator-keys"), None, key_id)
        click.echo(f"{key_id} is ended ({outcome.answer['position']})")
