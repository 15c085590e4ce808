"""Making a publication visible: one fenced transaction per batch, ordered by `published_heads`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import asyncpg
import orjson
from asyncpg import Connection, Pool
from asyncpg.pool import PoolConnectionProxy

from projections.status_lists.frontier import Frontier
from projections.status_lists.queries import schema, sql
from projections.status_lists.rendering import Stored, Validity
from projections.status_lists.representation import EMBEDDED
from registry.errors import MigrationRefused

CHANNEL = "registry_published"
"""The notification sent with every publication, with the log's name; a hint, never a guarantee."""

_BEGIN_HEADS = sql("begin_heads")
_MOVE_HEAD = sql("move_head")
_HAS_FORMS = sql("has_forms")
_HAS_VERSIONS = sql("has_versions")
_NOTE_VERSIONS = sql("note_versions")
_STORE = sql("store_lists")
_STORE_FORMS = sql("store_forms")
_DROP_FORMS = sql("drop_forms")


async def prepare(conn: Connection | PoolConnectionProxy) -> None:
    """Create the schema `projections` and the tables of what was published, where they or later columns are missing.

    Raises `MigrationRefused` when a table is in use for so long that it cannot be changed.
    """
    try:
        async with conn.transaction():
            await _create(conn)
    except asyncpg.LockNotAvailableError as error:
        raise MigrationRefused(
            "The table of published lists is in use and cannot be changed now; start again when no long query (such "
            "as a dump) reads it."
        ) from error


async def _create(conn: Connection | PoolConnectionProxy) -> None:
    await conn.execute("SELECT pg_advisory_xact_lock(hashtext('registry.projections'))")
    if await conn.fetchval("SELECT to_regnamespace('projections') IS NULL"):
        await conn.execute("CREATE SCHEMA projections; GRANT USAGE ON SCHEMA projections TO registry_writer")
    await conn.execute(schema("published"))
    if not await conn.fetchval(_HAS_FORMS):
        await conn.execute(schema("published_forms"))
    if not await conn.fetchval(_HAS_VERSIONS):
        await conn.execute(schema("published_versions"))


async def store(
    pool: Pool[asyncpg.Record],
    frontier: Frontier,
    lists: Sequence[Stored],
    validity: Validity,
    before_commit: Callable[[], Awaitable[None]],
) -> bool:
    """Store *lists* as the publication that follows the frontier's; False if another one came between.

    The head row is the fence and the order: its lock is held until the commit, so whoever sees a sequence sees
    everything before it, and a publication decided on a stale frontier changes nothing.
    """
    async with pool.acquire() as conn, conn.transaction():
        head = (frontier.position, frontier.hash, frontier.restore_position)
        await conn.execute(_BEGIN_HEADS, frontier.log)
        sequence = await conn.fetchval(_MOVE_HEAD, frontier.log, frontier.sequence, *head, validity.now)
        if sequence is None:
            return False
        times = (validity.ttl_s, validity.valid_from, validity.valid_until, validity.now)
        await conn.execute(_STORE, frontier.log, *head, sequence, *times, *_columns(map(_row, lists)))
        restore = frontier.restore_position
        kept = _columns((one.state.status_list_id, orjson.dumps(one.kept).decode()) for one in lists)
        await conn.execute(_NOTE_VERSIONS, frontier.log, sequence, frontier.position, restore, *times, *kept)
        others = [row for one in lists for row in _other_forms(one)]
        if others:
            await conn.execute(_STORE_FORMS, frontier.log, sequence, *_columns(others))
        await conn.execute(_DROP_FORMS, frontier.log, sequence, [one.state.status_list_id for one in lists])
        await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, frontier.log)
        await before_commit()
    return True


def _row(one: Stored) -> tuple[object, ...]:
    """Return the columns of a list with its embedded form, where yesterday's processes look for it."""
    state = one.state
    embedded = next((form for form in one.forms if form.media_type == EMBEDDED), None)
    return (
        state.status_list_id, state.list_set, state.purpose, state.url,
        *((embedded.content, embedded.gzip, embedded.etag, embedded.gzip_etag) if embedded else (None,) * 4),
        " ".join(form.media_type for form in one.forms), " ".join(one.verification_methods),
    )  # fmt: skip


def _other_forms(one: Stored) -> list[tuple[object, ...]]:
    return [
        (one.state.status_list_id, form.media_type, form.content, form.gzip, form.etag, form.gzip_etag)
        for form in one.forms
        if form.media_type != EMBEDDED
    ]


def _columns(rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
