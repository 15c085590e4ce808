"""A log in a real database, projected by the runner and published by a publisher whose clock stands still."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from projections.runner import Runner
from projections.status_lists import store
from projections.status_lists.projector import STATUS_LISTS
from projections.status_lists.publish import Publisher, PublishSettings
from projections.status_lists.published_list import published_bits
from projections.status_lists.rendering import Secured, Unsecured
from projections.status_lists.representation import EMBEDDED, STATUSLIST_JWT, VC_JWT
from registry.domain.events import CredentialReinstated, CredentialRevoked, CredentialSuspended, LogRestored, Purpose
from registry.domain.names import LOG_STREAM, CredentialId, IssuerId, LogName
from registry.log.codec import GENESIS, chain, decode, encode
from tests.builders import LOG, History, identity
from tests.clock import FakeClock
from tests.servers import TestDatabase

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


async def secure(_log: LogName, unsecured: Unsecured) -> Secured:
    """Sign truly, though the proofs' own options and headers are left out."""
    forms: dict[str, bytes] = {}
    if unsecured.w3c:
        value = KEY.sign(hashlib.sha256(unsecured.w3c.canonical.encode()).digest()).hex()
        embedded = {**unsecured.w3c.document, "proof": {"type": "DataIntegrityProof", "proofValue": value}}
        forms[EMBEDDED] = orjson.dumps(embedded)
        forms[VC_JWT] = compact(unsecured.w3c.document)
    if unsecured.ietf:
        lst = base64.urlsafe_b64encode(unsecured.ietf.lst).rstrip(b"=").decode()
        claim = {"bits": unsecured.ietf.bits, "lst": lst}
        forms[STATUSLIST_JWT] = compact({"sub": unsecured.ietf.subject, "status_list": claim})
    return Secured(forms, (f"{unsecured.issuer_did}#key-1",))


def compact(claims: dict[str, Any]) -> bytes:
    """A JWS of *claims*, as far as a reader of its payload can tell."""
    payload = base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=")
    return b".".join([b"e30", payload, base64.urlsafe_b64encode(KEY.sign(payload)).rstrip(b"=")])


@dataclass
class World:
    """One log, and everything it takes to publish it."""

    database: TestDatabase
    pool: asyncpg.Pool[asyncpg.Record]
    root: asyncpg.Connection[asyncpg.Record]
    clock: FakeClock
    directory: Path
    log: LogName = LOG
    history: History = field(default_factory=History)
    written: int = 0

    def publisher(self, **differently: Any) -> Publisher:
        """A publisher as `registry project` runs one, in a process of its own."""
        settings = PublishSettings(self.directory, **differently.pop("settings", {}))
        return Publisher(self.pool, differently.pop("secure", secure), settings, clock=self.clock, **differently)

    def issuer(self, credentials: int = 4) -> IssuerId:
        """An issuer with one set of lists, and credentials c:0, c:1, … at index 0, 1, …"""
        issuer_id = self.history.issuer()
        for number in range(credentials):
            self.history.credential(issuer_id, f"c:{number}")
        return issuer_id

    def token_list(self, issuer_id: IssuerId, *, bits: int) -> UUID:
        """Add a token list to the issuer's set; its id."""
        self.history.add_member(issuer_id, Purpose.TOKEN, status_size=bits)
        return list_of(issuer_id, "token")

    async def project(self) -> None:
        """Write what the history gained to the log, and project it."""
        await self.write()
        await Runner(self.database.projector, [STATUS_LISTS]).catch_up()

    async def write(self) -> None:
        """Write what the history gained to the log."""
        previous = await self.root.fetchval("SELECT hash FROM log_heads WHERE log_name = $1", self.log) or GENESIS
        rows = []
        for entry in self.history.recorded[self.written :]:
            salt = hashlib.sha256(f"{self.log} {entry.position} {entry.event}".encode()).digest()[:16]
            body = encode(str(self.history.recorded[0].event.log_id), salt, entry)
            previous = chain(previous, body)
            rows.append(
                (
                    self.log,
                    entry.position,
                    entry.stream,
                    entry.version,
                    entry.event.type,
                    body,
                    previous,
                    entry.recorded_at,
                )
            )
        async with self.root.transaction():
            await self.root.copy_records_to_table("events", records=rows)
            await self._move_head(previous)
        self.written = len(self.history.recorded)

    async def restore(self, position: int) -> None:
        """Take the log and its projection back to *position*, as a restore of the database does; files stay."""
        kept = self.history.recorded[:position]
        self.history = History(log=self.log, at=self.history.at)
        self.history.recorded = []
        self.history.states.clear()
        self.history.versions.clear()
        for entry in kept:
            self.history.record(entry.stream, entry.event)
        await self.root.execute("DELETE FROM events WHERE log_name = $1 AND position > $2", self.log, position)
        head = await self.root.fetchval(
            "SELECT hash FROM events WHERE log_name = $1 AND position = $2", self.log, position
        )
        self.written = position
        await self._move_head(head)
        await self.forget_projection()
        await self.project()

    async def forget_projection(self) -> None:
        """Empty the live generation and set its checkpoint to 0, as the beginning of a rebuild in place would."""
        for table in STATUS_LISTS.tables:
            await self.root.execute(f"DELETE FROM status_lists_1.{table} WHERE log_name = $1", self.log)
        await self.root.execute("UPDATE projections.checkpoints SET position = 0 WHERE log_name = $1", self.log)

    def accept_restore(self, published_position: int, published_hash: bytes, restored_position: int) -> None:
        """Record what `registry accept-restore` records."""
        self.history.record(
            LOG_STREAM,
            LogRestored(
                published_position=published_position,
                published_hash=published_hash.hex(),
                restored_position=restored_position,
            ),
        )

    async def published(self, purpose: str = "revocation") -> set[int]:
        """The indices that are set in the one published list of *purpose*."""
        [body] = [row["body"] for row in await self.rows() if row["purpose"] == purpose]
        return indices_in(body)

    async def rows(self) -> list[asyncpg.Record]:
        """What the world sees."""
        return await self.root.fetch(
            "SELECT status_list_id, list_set, purpose, url, position, log_hash, sequence, body, valid_until"
            "  FROM projections.published_status_lists WHERE log_name = $1 ORDER BY url",
            self.log,
        )

    async def oracle(self) -> None:
        """Every published list equals a replay of the log up to its position, whose hash is the log's there."""
        bodies = await self.root.fetch(
            "SELECT position, body, hash FROM events WHERE log_name = $1 ORDER BY position", self.log
        )
        for row in await self.rows():
            assert bodies[row["position"] - 1]["hash"] == row["log_hash"]
            replayed = set()
            for event in (decode(one["position"], one["body"]).event for one in bodies[: row["position"]]):
                match row["purpose"], event:
                    case ("revocation", CredentialRevoked()) | ("suspension", CredentialSuspended()):
                        if event.allocation.set_id == row["list_set"]:
                            replayed.add(event.allocation.index)
                    case "suspension", CredentialReinstated():
                        if event.allocation.set_id == row["list_set"]:
                            replayed.discard(event.allocation.index)
            if row["body"] is not None:  # else a list without a W3C form
                assert replayed == indices_in(row["body"])

    async def _move_head(self, head: bytes) -> None:
        await self.root.execute(
            "INSERT INTO log_heads (log_name, position, hash, recorded_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (log_name) DO UPDATE SET position = $2, hash = $3, recorded_at = $4",
            self.log, len(self.history.recorded), head, self.history.at,
        )  # fmt: skip


def indices_in(body: bytes) -> set[int]:
    """The indices that are set in a published list."""
    number = int.from_bytes(bits := published_bits(body), "big")
    return {index for index in range(len(bits) * 8) if number >> (len(bits) * 8 - 1 - index) & 1} if number else set()


def set_of(issuer_id: IssuerId) -> UUID:
    """The first set of lists that `History.issuer` opened."""
    return identity(0, f"set of {issuer_id}")


def list_of(issuer_id: IssuerId, purpose: str = "revocation") -> UUID:
    """A list of that set."""
    return identity(0, f"{purpose} list of {set_of(issuer_id)}")


def cid(number: int) -> CredentialId:
    """The id of a credential that `World.issuer` made."""
    return CredentialId(f"c:{number}")


@asynccontextmanager
async def open_world(database: TestDatabase, clock: FakeClock, directory: Path) -> AsyncIterator[World]:
    """A world whose projections and published tables exist and are empty."""
    root = await asyncpg.connect(database.superuser)
    pool = await asyncpg.create_pool(database.projector, min_size=1, max_size=4)
    try:
        await Runner(database.projector, [STATUS_LISTS]).catch_up()
        async with pool.acquire() as conn:
            await store.prepare(conn)
        yield World(database, pool, root, clock, directory)
    finally:
        await pool.close()
        await root.close()
