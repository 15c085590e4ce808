"""What finding out where credentials stand costs: ratios 7 and 8.

Ours is `registry dev` with metrics and quotas on, and 100,000 credentials (10,000 with --quick) of which 0.2 % are
revoked; a few are asked for most of the time (Zipf). *One by its id* is held against an aiohttp handler that answers a
constant small JSON, by the CPU time of the server's process per request, and so is its 99th percentile at 64
connections. *1,000 by (list, index)* is held against aiohttp that parses the same body and serialises the same answer,
both by orjson; *over 40 lists* likewise, as an employer asks about people from 40 schools. *1,000 by id* over HTTP is
held against the bare `= ANY` query on a prepared statement in this process, each one after another: that is a question
of time, for both spend most of it in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, cycle
from random import Random
from statistics import median
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import orjson

from load_tests import revoke
from load_tests.clients import Load, Rates, press, request
from load_tests.comparison import Measure, Ratio, Samples, interleaved
from load_tests.outcome import Outcome
from load_tests.peer import Answer
from load_tests.script import Effort, run
from load_tests.servers import Registry, Server, peers, registry
from projections.credential_status.codes import credential_key
from registry import embedded
from registry.embedded import Embedded
from registry.embedded_roles import WRITER

CREDENTIALS, CREDENTIALS_QUICKLY = 100_000, 10_000
ONE_REVOKED_IN = 500
IN_FLIGHT, BATCHES_IN_FLIGHT = 64, 8
BATCH = 1_000
SCHOOLS = 40
"""Issuers whose credentials are asked about together; each has lists of its own."""
DIFFERENT = 5_000, 50
"""Requests that differ: of one credential, of a thousand."""
PUBLISHED_S = 60
JSON = {"Content-Type": "application/json"}
HELLO = Answer("GET", "/hello", 200, JSON, b'{"hello":"world"}')

single = Ratio(7, "one by its id, 64 connections", "one", ("hello",), 0.4)
by_index = Ratio(8, "1,000 by (list, index)", "by index", ("parse and serialise",), 0.4)
over_lists = Ratio(
    8, f"1,000 by (list, index), over {SCHOOLS} lists", "over lists", ("parse and serialise these",), 0.4
)
by_id = Ratio(8, "1,000 by id, one request at a time", "by id", ("= ANY",), 0.5)

_ENTRIES = """
SELECT one.credential_id, one.index, lists.members
  FROM projections.credentials AS one
  JOIN projections.credential_lists AS lists ON lists.log_name = one.log_name AND lists.list_set = one.list_set
 WHERE one.log_name = 'main' AND one.credential_id LIKE $1
 ORDER BY one.registered_position
"""
_BARE = """
SELECT credential_id, status
  FROM projections.credentials
 WHERE log_name = 'main' AND credential_key = ANY ($1::bytea[])
"""


@dataclass(frozen=True, slots=True)
class World:
    """What there is to ask about: ids, and revocation entries as (list, index)."""

    ids: Sequence[str]
    entries: Sequence[tuple[str, str]]

    def popular(self, seed: int) -> Iterator[int]:
        """Yield credentials for ever, the n-th most popular n times as rarely as the first."""
        random = Random(seed)
        order = random.sample(range(len(self.ids)), len(self.ids))
        weights = list(accumulate(1 / rank for rank in range(1, len(order) + 1)))
        while True:
            yield from random.choices(order, cum_weights=weights, k=10_000)

    def batches(self, query: Callable[[int], dict[str, str]]) -> list[bytes]:
        """Return bodies of a thousand queries, each about another credential: what is asked twice is read once."""
        popular = self.popular(2)
        bodies = []
        for _ in range(DIFFERENT[1]):
            chosen: dict[int, None] = {}
            while len(chosen) < BATCH:
                chosen[next(popular)] = None
            bodies.append(orjson.dumps({"queries": [query(number) for number in chosen]}))
        return bodies

    def by_id(self, number: int) -> dict[str, str]:
        """One query."""
        return {"credentialId": self.ids[number]}

    def by_index(self, number: int) -> dict[str, str]:
        """One query."""
        url, index = self.entries[number]
        return {"statusListCredential": url, "statusListIndex": index}


@asynccontextmanager
async def database(ours: Registry) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect to our PostgreSQL."""
    async with embedded.running(ours.home) as server:
        conn = await asyncpg.connect(dsn(server))
        try:
            yield conn
        finally:
            await conn.close()


def dsn(server: Embedded) -> str:
    """Return where our tables are."""
    return server.dsn(user=WRITER, database="registry")


async def world(ours: Registry, conn: asyncpg.Connection[asyncpg.Record], credentials: int) -> World:
    """Register and revoke; return what there is when all of it is projected and published."""
    await revoke.register(ours, credentials)
    numbers = range(0, credentials, ONE_REVOKED_IN)
    await press(ours, Load(revoke.revocations(ours, numbers), 200, IN_FLIGHT, PUBLISHED_S, len(numbers)))
    async with asyncio.timeout(PUBLISHED_S):
        while True:
            rows = await conn.fetch(_ENTRIES, "%")
            revoked = await conn.fetchval("SELECT count(*) FROM projections.credentials WHERE status = 2")
            if len(rows) > credentials and revoked == len(numbers):
                break
            await asyncio.sleep(0.2)
    await asyncio.sleep(3)  # until the next tick has published them
    urls = {members: _revocation_list(members) for members in {row["members"] for row in rows}}
    return World([row["credential_id"] for row in rows], [(urls[row["members"]], str(row["index"])) for row in rows])


async def entries_of_schools(ours: Registry, conn: asyncpg.Connection[asyncpg.Record]) -> Sequence[tuple[str, str]]:
    """Register some credentials at each of some schools; return their entries when their lists are published."""
    number = BATCH // SCHOOLS
    async with aiohttp.ClientSession(ours.demo.url) as session, asyncio.timeout(PUBLISHED_S):
        for school in range(SCHOOLS):
            body = {
                "slug": f"school-{school}",
                "name": "School",
                "kind": "school",
                "jurisdiction": "US-CO",
                "did": "key",
            }
            operator = {"Authorization": f"Bearer {ours.demo.operator_key}"}
            await _posted(session, "/issuers", operator, json=body)
            key = (await _posted(session, f"/issuers/school-{school}/api-keys", operator, json={"name": "load"}))["key"]
            rows = [
                {"credentialId": f"urn:school:{school}:{one}", "type": ["VerifiableCredential"]}
                for one in range(number)
            ]
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
            path = f"/issuers/school-{school}/batches?operation=register"
            await _posted(session, path, headers, data=b"\n".join(map(orjson.dumps, rows)))
        while len(found := await conn.fetch(_ENTRIES, "urn:school:%")) < number * SCHOOLS:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return [(_revocation_list(row["members"]), str(row["index"])) for row in found]


async def _posted(session: aiohttp.ClientSession, path: str, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    while True:
        async with session.post(path, headers=headers, **body) as response:
            if response.status < 300:
                answer: dict[str, Any] = await response.json()
                return answer
            if response.status != 503:  # which it is while the first lists of an issuer are made ready
                raise RuntimeError(f"{path}: {await response.text()}")
        await asyncio.sleep(0.1)


def shuffled(entries: Sequence[tuple[str, str]]) -> list[bytes]:
    """Return bodies that ask about all *entries*, each in another order."""
    random = Random(3)
    queries = [{"statusListCredential": url, "statusListIndex": index} for url, index in entries]
    return [orjson.dumps({"queries": random.sample(queries, len(queries))}) for _ in range(DIFFERENT[1])]


def _revocation_list(members: str) -> str:
    url: str = next(one["url"] for one in orjson.loads(members) if one["purpose"] == "revocation")
    return url


async def answer_to(ours: Registry, body: bytes) -> Answer:
    """Return what the peer is to answer to a batch."""
    url = f"{ours.demo.url}/status-lookups"
    async with aiohttp.ClientSession() as session, session.post(url, headers=JSON, data=body) as response:
        given = {key.decode(): value.decode() for key, value in response.raw_headers}
        content = await response.read()
    told = orjson.loads(content)["results"]
    if {one["status"] for one in told} - {"set", "clear"}:
        raise RuntimeError(f"Not all is found: {told[:3]}")
    return Answer("POST", "/status-lookups", response.status, given, content, parses=True, serialises=True)


def singles(there: World) -> Callable[[Server], Iterable[bytes]]:
    """Return requests for one credential."""
    popular = there.popular(1)
    paths = [f"/credentials/{quote(there.ids[next(popular)], safe='')}/status" for _ in range(DIFFERENT[0])]
    return lambda server: cycle([request(server, "GET", path, {}) for path in paths])


def posts(bodies: Sequence[bytes]) -> Callable[[Server], Iterable[bytes]]:
    """Return requests with *bodies*."""
    return lambda server: cycle([request(server, "POST", "/status-lookups", JSON, body) for body in bodies])


async def any_per_s(conn: asyncpg.Connection[asyncpg.Record], keys: Sequence[Sequence[bytes]], seconds: float) -> Rates:
    """Return how many thousands of keys are read per second by the bare query."""
    statement = await conn.prepare(_BARE)
    chosen, waited, began, cpu = cycle(keys), [], time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        asked = time.perf_counter()
        await statement.fetch(next(chosen))
        waited.append(time.perf_counter() - asked)
    elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Rates(len(waited) / cpu, len(waited) / elapsed, median(waited) * 1000, max(waited) * 1000, len(waited))


async def measure(effort: Effort) -> list[Outcome]:
    """Measure all pairs."""
    seen: dict[str, list[Rates]] = {}

    def noted(name: str, once: Callable[[], Awaitable[Rates]], *, by_wall: bool = False) -> Measure:
        async def measured() -> float:
            seen.setdefault(name, []).append(rates := await once())
            return rates.per_s if by_wall else rates.per_cpu_s

        return measured

    async with registry() as ours, database(ours) as conn:
        there = await world(ours, conn, CREDENTIALS_QUICKLY if effort.is_quick else CREDENTIALS)
        schools = shuffled(await entries_of_schools(ours, conn))
        indices, ids = there.batches(there.by_index), there.batches(there.by_id)
        keys = [[credential_key(one["credentialId"]) for one in orjson.loads(body)["queries"]] for body in ids]
        theirs = [await answer_to(ours, bodies[0]) for bodies in (indices, schools)]
        async with peers(HELLO, *theirs) as (hello, parsing, parsing_these):
            seconds = effort.seconds

            def load(requests: Callable[[Server], Iterable[bytes]], connections: int) -> Load:
                return Load(requests, 200, connections, seconds)

            asked = load(singles(there), IN_FLIGHT)
            greeted = load(lambda server: cycle([request(server, "GET", HELLO.path, {})]), IN_FLIGHT)
            batched, spread = (load(posts(bodies), BATCHES_IN_FLIGHT) for bodies in (indices, schools))
            alone = load(posts(ids), 1)
            sides = {
                "one": noted("one", lambda: press(ours, asked)),
                "hello": noted("hello", lambda: press(hello, greeted)),
                "by index": noted("by index", lambda: press(ours, batched)),
                "parse and serialise": noted("parse and serialise", lambda: press(parsing, batched)),
                "over lists": noted("over lists", lambda: press(ours, spread)),
                "parse and serialise these": noted("parse and serialise these", lambda: press(parsing_these, spread)),
                "by id": noted("by id", lambda: press(ours, alone), by_wall=True),
                "= ANY": noted("= ANY", lambda: any_per_s(conn, keys, seconds), by_wall=True),
            }
            for warm_up in sides.values():
                await warm_up()
            seen.clear()
            samples = await interleaved(sides, effort.rounds)
    return outcomes(samples, seen)


def outcomes(samples: Samples, seen: dict[str, list[Rates]]) -> list[Outcome]:
    """Return the ratios."""

    def beside(ratio: Ratio, unit: str) -> Outcome:
        mine, best = (seen[name] for name in (ratio.ours, ratio.theirs[0]))
        per_s = [median(one.per_s for one in side) for side in (mine, best)]
        cpu_ms = [median(1000 / one.per_cpu_s for one in side) for side in (mine, best)]
        note = f"{per_s[0]:,.0f} requests/s beside {per_s[1]:,.0f}; {cpu_ms[0]:.3f} ms of CPU beside {cpu_ms[1]:.3f}"
        return replace(ratio.of(samples, unit), note=note)

    mine, theirs = ([one.p99_ms for one in seen[name]] for name in ("one", "hello"))
    rounds = tuple(ours / best for ours, best in zip(mine, theirs, strict=True))
    waiting = Outcome(
        7, "its p99 at 64 connections", median(mine), median(theirs), "ms", median(rounds), 2.5, None, True, rounds
    )  # fmt: skip
    return [
        beside(single, "requests/CPU s"),
        waiting,
        beside(by_index, "requests/CPU s"),
        beside(over_lists, "requests/CPU s"),
        beside(by_id, "requests/s"),
    ]


if __name__ == "__main__":
    sys.exit(run("Looking up where credentials stand", measure, full=Effort(5, 1.5)))
