"""`verify` names the first position that is wrong; the tampering is the superuser's."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import orjson
import pytest

from registry.domain.names import LogName
from registry.errors import BrokenLog
from registry.log import verify as verification
from registry.log.append import open_log
from registry.log.connection import connect
from registry.log.verify import verify
from tests.log.writing import LOG, sequencing

Tamper = Callable[[asyncpg.Connection], Awaitable[object]]


@pytest.fixture
async def tampered(opened):
    """A superuser's connection to a log with a dozen events."""
    async with sequencing(opened.writer) as one:
        issuer = await one.issuer()
        for n in range(4):
            await one.register(issuer, f"urn:x:{n}", key=f"k{n}")
    conn = await connect(opened.superuser)
    yield conn
    await conn.close()


def body(position: int, change: Callable[[dict[str, object]], object], *, canonical: bool = True) -> Tamper:
    """Change the body at *position* and hash the whole chain anew: only the body itself can give it away."""

    async def tamper(conn: asyncpg.Connection) -> None:
        fields = json.loads(await conn.fetchval("SELECT body FROM events WHERE position = $1", position))
        change(fields)
        text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) if canonical else json.dumps(fields).encode()
        await conn.execute("UPDATE events SET body = $2 WHERE position = $1", position, text)
        await rehash(conn)

    return tamper


async def rehash(conn: asyncpg.Connection) -> None:
    value = bytes(32)
    for row in await conn.fetch("SELECT position, body FROM events WHERE log_name = $1 ORDER BY position", LOG):
        value = hashlib.sha256(value + hashlib.sha256(b"\0" + row["body"]).digest()).digest()
        await conn.execute("UPDATE events SET hash = $2 WHERE position = $1", row["position"], value)
    await conn.execute("UPDATE log_heads SET hash = $1", value)


def sql(*statements: str) -> Tamper:
    async def tamper(conn: asyncpg.Connection) -> None:
        for statement in statements:
            await conn.execute(statement)

    return tamper


SWAPPED_BODY = "UPDATE events SET body = convert_to(replace(convert_from(body, 'UTF8'), 'urn:x:1', 'urn:x:9'), 'UTF8')"

TAMPERINGS: dict[str, tuple[Tamper, int]] = {
    "a body that was changed": (sql(f"{SWAPPED_BODY} WHERE position = 8"), 8),
    "one byte of a body that was changed": (
        sql("UPDATE events SET body = set_byte(body, 40, get_byte(body, 40) # 1) WHERE position = 5"),
        5,
    ),
    "a gap": (sql("DELETE FROM events WHERE position = 5"), 5),
    "a missing first position": (sql("DELETE FROM events WHERE position = 1"), 1),
    "a missing end": (sql("DELETE FROM events WHERE position >= 9"), 9),
    "a fork: another hash": (sql("UPDATE events SET hash = sha256(hash) WHERE position = 6"), 6),
    "two events that changed places": (
        sql(
            "UPDATE events SET position = 99 WHERE position = 7",
            "UPDATE events SET position = 7 WHERE position = 8",
            "UPDATE events SET position = 8 WHERE position = 99",
        ),
        7,
    ),
    "another log's event": (body(6, lambda fields: fields.update(log=str(uuid4()))), 6),
    "another log's opening": (body(1, lambda fields: fields["event"].update(log_name="other")), 1),  # type: ignore[attr-defined]
    "an event of no known type": (body(5, lambda fields: fields["event"].update(type="Unheard")), 5),  # type: ignore[attr-defined]
    "an event of a shape from the future": (body(5, lambda fields: fields.update(schema=99)), 5),
    "an event without a field it must have": (body(7, lambda fields: fields["event"].pop("credential_id")), 7),  # type: ignore[attr-defined]
    "an event without an envelope": (body(7, lambda fields: fields.clear()), 7),
    "an event that is no JSON": (
        lambda conn: _all(conn, "UPDATE events SET body = 'no JSON' WHERE position = 4"),
        4,
    ),
    "JSON that is not canonical": (body(5, lambda fields: None, canonical=False), 5),
    "time that runs backwards": (body(6, lambda fields: fields.update(recorded_at="2001-01-01T00:00:00.000000Z")), 6),
    "a row with another stream": (sql("UPDATE events SET stream = 'credential/other' WHERE position = 8"), 8),
    "a row with another version": (sql("UPDATE events SET version = 7 WHERE position = 8"), 8),
    "a row with another type": (sql("UPDATE events SET type = 'CredentialRevoked' WHERE position = 8"), 8),
    "a row with another time": (
        sql("UPDATE events SET recorded_at = recorded_at - interval '1 s' WHERE position = 8"),
        8,
    ),
    "a version that was skipped": (lambda conn: _skip_version(conn), 8),
    "no head": (sql("DELETE FROM log_heads"), 0),
    "a head with another hash": (sql("UPDATE log_heads SET hash = sha256(hash)"), 10),
    "a head that lags": (sql("UPDATE log_heads SET position = position - 1"), 10),
}


async def _all(conn: asyncpg.Connection, statement: str) -> None:
    await conn.execute(statement)
    await rehash(conn)


async def _skip_version(conn: asyncpg.Connection) -> None:
    await body(8, lambda fields: fields.update(version=2))(conn)
    await conn.execute("UPDATE events SET version = 2 WHERE position = 8")


async def test_a_sound_log_verifies_and_progress_is_told(tampered, monkeypatch):
    monkeypatch.setattr(verification, "PAGE", 3)
    told: list[tuple[int, int]] = []
    head = await verify(tampered, LOG, lambda *pair: told.append(pair))
    assert head.position == 10
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_tampering_is_found_at_its_position(tampered, what):
    tamper, position = TAMPERINGS[what]
    assert (await verify(tampered, LOG)).position == 10
    await tamper(tampered)
    with pytest.raises(BrokenLog) as broken:
        await verify(tampered, LOG)
    assert broken.value.position == position
    assert str(broken.value).endswith(".")


async def test_a_log_beside_it_is_none_of_its_business(tampered, opened):
    await open_log(tampered, LogName("other"), "https://other.example", datetime.now(UTC))
    await tampered.execute("DELETE FROM events WHERE log_name = 'other'")
    await verify(tampered, LOG)
    with pytest.raises(BrokenLog):
        await verify(tampered, LogName("other"))


async def test_a_service_may_go_on_writing_meanwhile(tampered, opened, monkeypatch):
    monkeypatch.setattr(verification, "PAGE", 1)
    async with sequencing(opened.writer) as one:
        issuer = await one.issuer("second")
        positions: list[int] = []

        async def write() -> None:
            while True:
                positions.append((await one.register(issuer, f"urn:y:{len(positions)}")).position)

        writing = asyncio.create_task(write())
        for _ in range(3):
            head = await verify(tampered, LOG)
        writing.cancel()
    assert positions[0] <= head.position
