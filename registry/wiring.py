"""What one room needs of another, handed over as a callable, so that rooms beside each other stay strangers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
from aiohttp import web

from projections import checkpoints
from projections.catalog import PROJECTIONS
from projections.credential_status import past, revocations
from projections.credential_status import view as credential_status
from projections.issuer_directory import view as issuer_directory
from projections.issuer_directory.view import MethodRow
from projections.projection import Executor
from projections.status_lists.aggregation import aggregation
from projections.status_lists.history import History
from registry import lagging
from registry.commands.batches import ReadKept, ReadRegistrations, Selection
from registry.commands.handle import DidOf
from registry.commands.issue import UntilPublished
from registry.commands.keys import ReadSecurings
from registry.domain.events import Recorded, VerificationMethod
from registry.domain.names import IssuerId, LogName, Slug, Stream
from registry.errors import NotYetVisible, RegistryError
from registry.http.application import application, runner
from registry.http.dcc.exchange import Tenant
from registry.http.dcc.listener import dcc_application
from registry.http.metrics import Metrics
from registry.http.parts import Limits, Logs, Parts, Remark, Views
from registry.list_signer import list_signer
from registry.log import migrate, read
from registry.log.connection import LOST, Pool
from registry.securing import did
from registry.securing.public_key import PublicKey
from registry.settings import Settings
from registry.vault.keys import SigningKey, Vault

WORTH_HALVING = 100
"""Ids in half a lookup, from which preparing them takes longer than asking twice."""
LONG_READS = 2
"""Connections of the lookup pool that long lists may use at a time."""
REGISTRATION_READS = 1
"""The same for looking through an issuer's registrations, which takes as long as the log is."""
REGISTRATIONS_WINDOW = 50_000
SECURINGS_WINDOW = 50_000
"""Positions of the log that one query for secured credentials looks at."""


def utc_now() -> datetime:
    """The process's one clock."""
    return datetime.now(UTC)


class Observer:
    """Turns what a sequencer tells into metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._committed = metrics.append_seconds.labels("committed")
        self._events = metrics.append_batch
        self._rejected = metrics.append_rejected
        self._replays = metrics.replays

    def batch(self, events: int, seconds: float) -> None:
        """A batch of *events* was committed."""
        self._committed.observe(seconds)
        self._events.observe(events)

    def rejected(self, reason: str) -> None:
        """A request was refused."""
        self._rejected.labels(reason).inc()

    def replayed(self) -> None:
        """A request was answered from memory."""
        self._replays.inc()


def did_of(origins: Mapping[LogName, str]) -> DidOf:
    """Return how a verification method gets its DID: did:key is its key, did:web needs an https origin."""

    def did_of(method: str, log: LogName, slug: Slug, signing_key: SigningKey) -> VerificationMethod:
        key = PublicKey(signing_key.algorithm, signing_key.public_key)
        if method == "key":
            name, made = did.did_key(key), did.key_method(key)
        else:
            name = did.did_web(origins[log], f"/issuers/{slug}") if method == "web" else method
            made = did.web_method(name, key)
        return VerificationMethod(id=made.id, controller=name, public_key_multibase=key.multikey())

    return did_of


def until_published(
    method_of: Callable[[LogName, str], Awaitable[MethodRow | None]], *, within_s: float = 5, every_s: float = 0.05
) -> UntilPublished:
    """Return what waits until a did:web's document lists a key: what it signed before, nobody could verify.

    *method_of* (log, id) looks it up where the documents come from.
    """
    published: set[tuple[LogName, str]] = set()

    async def wait(log: LogName, method: VerificationMethod) -> None:
        deadline = monotonic() + within_s
        while method.controller.startswith("did:web:") and (log, method.id) not in published:
            if await method_of(log, method.id) is not None:
                published.add((log, method.id))
            elif monotonic() >= deadline:
                raise NotYetVisible("The issuer's new key is not in its DID document yet; repeat the request.")
            else:
                await asyncio.sleep(every_s)

    return wait


def until_listed(reader: Pool) -> UntilPublished:
    """Return what waits likewise before a status list is signed, but shortly: other lists wait behind it."""
    return until_published(bound_views(reader).method, within_s=1)


def stream_reader(reader: Pool) -> Callable[[LogName, Stream], Awaitable[list[Recorded]]]:
    """Return what reads a whole stream."""

    async def read_stream(log: LogName, name: Stream) -> list[Recorded]:
        return await read.stream(reader, log, name)

    return read_stream


def kept_reader(reader: Pool) -> ReadKept:
    """Return what reads answers that were kept under Idempotency-Keys."""

    async def read_kept(
        log: LogName, caller: str, keys: Sequence[str], *, with_answers: bool
    ) -> list[tuple[str, bytes | None]]:
        return await read.kept(reader, log, caller, keys, with_answers=with_answers)

    return read_kept


def registrations_reader(reader: Pool) -> ReadRegistrations:
    """Return what reads an issuer's registrations that a selection names, a window of the log at a time."""

    async def read_registrations(
        log: LogName, issuer_id: IssuerId, selection: Selection, after: int, limit: int
    ) -> tuple[list[Recorded], int | None]:
        first, end = after, selection.position
        if not after and selection.since is not None:
            first = await read.before(reader, log, selection.since)
        if selection.until is not None:
            end = min(end, await read.before(reader, log, selection.until))
        last = min(first + REGISTRATIONS_WINDOW, end)
        found = await read.containing(
            reader,
            log,
            (first, last),
            "CredentialRegistered",
            f"credential/{issuer_id}/",
            [orjson.dumps(text) for text in (selection.achievement, selection.type) if text is not None],
            limit,
        )
        if len(found) == limit:
            return found, found[-1].position
        return found, last if last < end else None

    return _in_turn(read_registrations, REGISTRATION_READS)


def securings_reader(reader: Pool) -> ReadSecurings:
    """Return what reads which credentials an issuer secured since a moment, a window of the log at a time."""

    async def read_securings(
        log: LogName, issuer_id: IssuerId, since: datetime, after: int, limit: int
    ) -> tuple[list[Recorded], int | None]:
        head = await read.head(reader, log)
        end = head.position if head else 0
        first = after or await read.before(reader, log, since)  # none is recorded before it was made
        last = min(first + SECURINGS_WINDOW, end)
        found = await read.within(reader, log, (first, last), "CredentialSecured", f"credential/{issuer_id}/", limit)
        if len(found) == limit:
            return found, found[-1].position
        return found, last if last < end else None

    return read_securings


def bound_views(reader: Pool) -> Views:
    """Bind every view to the lookup pool."""

    def bound(view: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def on_a_connection(*arguments: Any, **named: Any) -> Any:
            async with reader.acquire() as conn:
                return await view(conn, *arguments, **named)

        return on_a_connection

    return Views(
        statuses_of=bound(credential_status.statuses_of),
        status_words=_in_halves(bound(credential_status.status_words)),
        statuses_at=_in_turn(bound(past.statuses_at), LONG_READS),
        of_issuer=bound(credential_status.of_issuer),
        legacy_settings=bound(revocations.legacy_settings),
        revoked=_in_turn(bound(revocations.revoked), LONG_READS),
        search=bound(issuer_directory.search),
        issuer=bound(issuer_directory.issuer),
        by_did=bound(issuer_directory.by_did),
        methods=bound(issuer_directory.methods),
        method=bound(issuer_directory.method),
        aggregation=bound(aggregation),
    )


def _in_halves(view: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return *view* of many ids, which reads the first half of them while it prepares the second."""

    async def both(log: LogName, credential_ids: Sequence[str]) -> Any:
        distinct = list(dict.fromkeys(credential_ids))
        if len(distinct) < len(credential_ids):  # the halves are two snapshots, and an id has one answer
            words = dict(zip(distinct, await both(log, distinct), strict=True))
            return [words[one] for one in credential_ids]
        middle = len(credential_ids) // 2
        if middle < WORTH_HALVING:
            return await view(log, credential_ids)
        first, second = await asyncio.gather(view(log, credential_ids[:middle]), view(log, credential_ids[middle:]))
        return [*first, *second]

    return both


def _in_turn(view: Callable[..., Awaitable[Any]], at_once: int) -> Callable[..., Awaitable[Any]]:
    """Return *view* so that only so many callers use it at a time: who reads long lists leaves room for lookups."""
    gate = asyncio.Semaphore(at_once)

    async def in_turn(*arguments: Any, **named: Any) -> Any:
        async with gate:
            return await view(*arguments, **named)

    return in_turn


def history_of(settings: Settings, reader: Pool, vault: Vault) -> History | None:
    """Return what tells of lists as they stood, signed now; None where the past is not told."""
    if not settings.history:
        return None
    secure = list_signer(reader, vault, utc_now, until_listed(reader))
    return History(reader, secure, clock=utc_now, max_bytes=settings.history_memory_bytes)


def door_limits(settings: Settings) -> Limits:
    """Return the bounds of what may be asked of the door."""
    return Limits(
        body_bytes=settings.body_limit_bytes,
        document_bytes=settings.document_limit_bytes,
        lookups_bytes=settings.lookups_limit_bytes,
        body_timeout_s=settings.body_timeout_s,
        position_wait_s=settings.visibility_wait_s,
        spool=settings.home if os.access(settings.home, os.W_OK | os.X_OK) else None,
        trusted_proxies=settings.proxies,
    )


def listeners(parts: Parts, settings: Settings) -> Iterator[tuple[web.AppRunner, str, int, str]]:
    """Return what the door serves: where, and under which setting the port can be changed."""
    shutdown_s = settings.shutdown_s
    yield runner(application(parts), shutdown_timeout=shutdown_s), settings.host, settings.port, "REGISTRY_PORT"
    if settings.dcc_port is not None and settings.dcc_tenant is not None:
        token = settings.dcc_token.get_secret_value() if settings.dcc_token else None
        app = dcc_application(parts, Tenant(*settings.dcc_tenant, token))
        yield runner(app, shutdown_timeout=shutdown_s), settings.dcc_host, settings.dcc_port, "REGISTRY_DCC_PORT"


def logs_by_host(origins: Mapping[LogName, str]) -> Logs:
    """Return the logs, found by the Host they answer to."""
    return Logs(origins, {urlsplit(origin).netloc.lower(): log for log, origin in origins.items()})


def readiness(reader: Pool, origins: Mapping[LogName, str]) -> Callable[[], Awaitable[Mapping[str, str | None]]]:
    """Return what readiness asks: database, schema, logs, and that the read side is there (however far behind)."""

    async def checks() -> Mapping[str, str | None]:
        try:
            async with reader.acquire() as conn:
                await migrate.check(conn, allow_newer=True)
                missing = [log for log in origins if await read.head(conn, log) is None]
                bare = [log for log in origins if len(await _live(conn, log)) < len(PROJECTIONS)]
                late = {} if bare else await lagging.late(conn, origins, utc_now())
        except LOST:
            return {"database": "PostgreSQL does not answer."}
        except RegistryError as error:
            return {"database": None, "schema": error.detail}
        opened = f"Not opened yet: {', '.join(missing)}; run `registry init`." if missing else None
        built = f"Not built yet for {', '.join(bare)}; run `registry project`." if bare else None
        behind = Remark("; ".join(f"{log} is {lagging.extent(lag)}" for log, lag in late.items()))
        return {"database": None, "schema": None, "logs": opened, "projections": built or behind or None}

    return checks


async def _live(conn: Executor, log: LogName) -> Mapping[str, checkpoints.Checkpoint]:
    """The projections of *log* that can be read."""
    try:
        return await checkpoints.positions(conn, log)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return {}
