"""How fast the log takes events, against `eventsourcing` on the same PostgreSQL: ratios 1, 2 and 3.

Ours, in process, through the sequencer as it serves: *log only* appends given facts to streams that are in memory;
*full command* registers a credential (reads of issuer, status lists and credential, decision, allocation). Both carry
an Idempotency-Key and return when the event is durable. Theirs: `PostgresApplicationRecorder.insert_events` with a
body of the same size, one event per call from 1 and from 8 threads, and 100 per call.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import count
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from load_tests.comparison import Measure, Ratio, interleaved, rate
from load_tests.outcome import Outcome
from load_tests.script import Effort, run
from load_tests.servers import new_home
from registry.commands.plans import plan
from registry.domain.commands import Command, OpenListSet, RegisterCredential, RegisterIssuer
from registry.domain.credential import PURPOSES, Credential
from registry.domain.events import (
    AnyEvent,
    CredentialReinstated,
    CredentialSuspended,
    IssuerKind,
    IssuerProfile,
    ListMember,
    Purpose,
    StatusProfile,
    VerificationMethod,
)
from registry.domain.names import CredentialId, IssuerId, ListSetId, LogName, Slug, Stream, credential_stream
from registry.domain.permutation import IndexPermutation
from registry.domain.status_list import ListSet
from registry.embedded import Embedded, ensure_database, running
from registry.embedded_roles import OWNER, WRITER
from registry.log.append import open_log
from registry.log.connection import connect
from registry.log.draft import Fact, View
from registry.log.lease import Lease
from registry.log.migrate import migrate
from registry.log.sequencer import Appended, Decision, IdempotencyKey, Request, Sequencer
from registry.stopping import settle_memory

LOG = LogName("main")
ORIGIN = "https://registry.example"
SIZE = 1 << 24
"""One set with room for all that is written here."""
BODY_BYTES = 700
MOST_PER_MEASUREMENT = 40_000

ratios = [
    Ratio(1, "64 in flight, log only", "log 64", ("peer 1 x 1", "peer 8 x 1"), 18, 25),
    Ratio(1, "64 in flight, full command", "command 64", ("peer 1 x 1", "peer 8 x 1"), 10, 15),
    Ratio(2, "1,024 in flight, log only", "log 1,024", ("peer 1 x 100", "peer 8 x 100"), 1.5),
    Ratio(2, "1,024 in flight, full command", "command 1,024", ("peer 1 x 100", "peer 8 x 100"), 1.0),
    Ratio(3, "one at a time, log only", "log 1", ("peer 1 x 1",), 2),
    Ratio(3, "one at a time, full command", "command 1", ("peer 1 x 1",), 1.2),
]


class Silent:
    """An observer of nothing."""

    def batch(self, events: int, seconds: float) -> None:
        """Ignore it."""

    def rejected(self, reason: str) -> None:
        """Ignore it."""

    def replayed(self) -> None:
        """Ignore it."""


@dataclass
class Ready:
    """One set whose lists count as published."""

    permutation: IndexPermutation = field(default_factory=lambda: IndexPermutation(bytes(32), SIZE))

    def index(self, set_id: ListSetId, number: int) -> int:
        """The index under the fixed key."""
        return self.permutation.index(number)

    def usable(self, one: ListSet) -> tuple[ListMember, ...]:
        """All of them."""
        return one.members

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """There is room enough."""


class Ours:
    """A sequencer, one issuer, and a credential for each client."""

    def __init__(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        self._ready = Ready()
        self._numbers = count()
        self._issuer = IssuerId(uuid4())
        self._caller = f"issuer/{self._issuer}"

    async def prepare(self) -> None:
        """Register the issuer and its lists."""
        at, did = datetime.now(UTC), "did:key:z6MkOurs"
        method = VerificationMethod(id=f"{did}#1", controller=did, public_key_multibase="z6MkOurs", key_id=uuid4())
        profile = IssuerProfile(name="State College", kind=IssuerKind.SCHOOL, jurisdiction="US-CO")
        await self._do(RegisterIssuer(at, self._issuer, Slug("ours"), profile, StatusProfile.VC2, False, did, method))
        members = tuple(_member(purpose) for purpose in PURPOSES[StatusProfile.VC2])  # what every set has
        await self._do(OpenListSet(at, self._issuer, ListSetId(uuid4()), SIZE, members, None, did))

    async def commands(self, in_flight: int, is_over: Callable[[], bool]) -> int:
        """Register credentials, *in_flight* at a time; return how many."""

        async def client() -> int:
            done = 0
            while not is_over():
                await self._register(self._new_id())
                done += 1
            return done

        return sum(await asyncio.gather(*(client() for _ in range(in_flight))))

    async def fresh_streams(self, number: int) -> list[Stream]:
        """Register *number* credentials and return their streams, which are in memory then, and short."""
        ids = [self._new_id() for _ in range(number)]
        await asyncio.gather(*(self._register(credential_id) for credential_id in ids))
        return [credential_stream(self._issuer, credential_id) for credential_id in ids]

    async def events(self, streams: Sequence[Stream], is_over: Callable[[], bool]) -> int:
        """Append given facts to *streams*, one client to each; return how many."""

        async def client(stream: Stream) -> int:
            done = 0
            while not is_over():
                request = Request(partial(_given, stream), (), "log only", "key:load", "request", self._key())
                await self._sequencer.submit(request)
                done += 1
            return done

        return sum(await asyncio.gather(*(client(stream) for stream in streams)))

    async def _register(self, credential_id: CredentialId) -> Appended:
        types = ("VerifiableCredential", "OpenBadgeCredential")
        return await self._do(RegisterCredential(datetime.now(UTC), self._issuer, credential_id, types))

    async def _do(self, command: Command) -> Appended:
        planned = plan(LOG, command, self._ready)
        return await self._sequencer.submit(
            Request(planned.decide, planned.reads, planned.queue, "key:load", "request", self._key(), planned.begins)
        )

    def _new_id(self) -> CredentialId:
        return CredentialId(f"https://college.example/credentials/{next(self._numbers)}")

    def _key(self) -> IdempotencyKey:
        return IdempotencyKey(self._caller, f"key-{next(self._numbers)}", bytes(32))


def _given(stream: Stream, view: View) -> Decision:
    state: Credential = view.state(stream)
    registered = state.registered
    event: AnyEvent
    if state.reason is None:
        event = CredentialSuspended(
            issuer_id=registered.issuer_id, credential_id=registered.credential_id, allocation=registered.allocation
        )
    else:
        event = CredentialReinstated(
            issuer_id=registered.issuer_id, credential_id=registered.credential_id, allocation=registered.allocation
        )
    return Decision([Fact(stream, event)], lambda position: {"position": position})


def _member(purpose: Purpose) -> ListMember:
    list_id: UUID = uuid4()
    return ListMember(purpose=purpose, status_list_id=list_id, url=f"{ORIGIN}/status-lists/{list_id}")


class Theirs:
    """The peer's recorder, called from threads."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        self._recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
        self._recorder.create_table()

    async def insert(self, threads: int, per_call: int, is_over: Callable[[], bool]) -> int:
        """Insert events from *threads*, *per_call* in each call; return how many."""

        def client() -> int:
            done = 0
            while not is_over():
                self._recorder.insert_events(_stored(per_call))
                done += per_call
            return done

        with ThreadPoolExecutor(threads) as executor:
            loop = asyncio.get_running_loop()
            return sum(await asyncio.gather(*(loop.run_in_executor(executor, client) for _ in range(threads))))


def _stored(number: int) -> Sequence[StoredEvent]:
    return [StoredEvent(uuid4(), 1, "load_tests.append:Registered", bytes(BODY_BYTES)) for _ in range(number)]


@asynccontextmanager
async def ours(embedded: Embedded) -> AsyncIterator[Ours]:
    """Our side, on a fresh log."""
    database = "ours"
    await ensure_database(embedded, database)
    owner, writer = (embedded.dsn(user=user, database=database) for user in (OWNER, WRITER))
    await migrate(owner)
    conn = await connect(owner)
    await open_log(conn, LOG, ORIGIN, datetime.now(UTC))
    await conn.close()
    lease = Lease(LOG, lambda: connect(writer))
    sequencer = Sequencer(LOG, lambda: connect(writer), lease, clock=lambda: datetime.now(UTC), observer=Silent())
    task = asyncio.create_task(sequencer.run())
    try:
        side = Ours(sequencer)
        await side.prepare()
        yield side
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def theirs(embedded: Embedded) -> AsyncIterator[Theirs]:
    """Their side, in a database of its own on the same server."""
    await ensure_database(embedded, "theirs")
    datastore = PostgresDatastore("theirs", str(embedded.socket_dir), embedded.port, OWNER, "", pool_size=8)
    try:
        yield Theirs(datastore)
    finally:
        datastore.close()


def sides(we: Ours, they: Theirs, seconds: float) -> dict[str, Measure]:
    """Every measurement by its name."""

    def bounded(work: Callable[[Callable[[], bool]], Awaitable[int]], most: int = MOST_PER_MEASUREMENT) -> Measure:
        return lambda: rate(work, seconds=seconds, most=most)

    def log_only(in_flight: int) -> Measure:
        async def measure() -> float:
            streams = await we.fresh_streams(in_flight)
            return await rate(partial(we.events, streams), seconds=seconds, most=MOST_PER_MEASUREMENT)

        return measure

    return {
        "peer 1 x 1": bounded(partial(they.insert, 1, 1)),
        "peer 8 x 1": bounded(partial(they.insert, 8, 1)),
        "log 1": log_only(1),
        "command 1": bounded(partial(we.commands, 1)),
        "log 64": log_only(64),
        "command 64": bounded(partial(we.commands, 64)),
        "peer 1 x 100": bounded(partial(they.insert, 1, 100), MOST_PER_MEASUREMENT // 100),
        "peer 8 x 100": bounded(partial(they.insert, 8, 100), MOST_PER_MEASUREMENT // 100),
        "log 1,024": log_only(1_024),
        "command 1,024": bounded(partial(we.commands, 1_024)),
    }


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides on one PostgreSQL."""
    settle_memory()  # as a serving process does; it holds for both sides
    with new_home() as home:
        async with running(home) as embedded, ours(embedded) as we, theirs(embedded) as they:
            for warm_up in sides(we, they, 0.3).values():
                await warm_up()
            samples = await interleaved(sides(we, they, effort.seconds), effort.rounds)
    print(f"eventsourcing {version('eventsourcing')}, psycopg {version('psycopg')} ({psycopg.pq.__impl__})")
    return [ratio.of(samples, "events/s") for ratio in ratios]


if __name__ == "__main__":
    sys.exit(run("Appending, in process, against eventsourcing on the same PostgreSQL", measure))
