"""What a batch of registrations takes, and what it takes from others: ratio 9, and single requests beside it.

Ours is one `POST …/batches` of NDJSON to `registry serve`, from the first byte sent to the summary received: every row
is read, decided, given its index and recorded, with its outcome kept; `registry project` beside it, on the same cores,
projects and publishes in that time.
What rows share is found out once, and a school's rows share much; a batch of which no two rows are alike is told too.
Theirs is PostgreSQL's own COPY, in binary, of the very rows of `events` that this made, into an empty table with the
same two unique indexes. Beside it: registrations and lookups that come in steadily, alone and while a batch runs.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from statistics import median

import aiohttp
import asyncpg

from load_tests.outcome import Outcome
from load_tests.script import Effort, run
from load_tests.servers import Registry, deployed
from registry.deployment import attached
from registry.settings import load

FULL_ROWS, QUICK_ROWS = 100_000, 20_000
MOST_ROUNDS = 5
TARGET, AIM = 0.15, 0.3
SLOWER = 2.0
"""How many times the idle p99 single requests may take while a batch runs."""
SINGLES_PER_S = 100
"""Registrations and lookups in turn."""
SINGLES_S = 6
PIECE = 64 * 1024

COLUMNS = "log_name, position, stream, version, type, body, hash, recorded_at"
_batches = count()


def file_of(rows: int) -> bytes:
    """Return a batch of registrations that nobody sent before."""
    batch = next(_batches)
    line = (
        '{{"operation":"register","credentialId":"urn:load:{}:{:07}","type":["VerifiableCredential",'
        '"OpenBadgeCredential"],"validFrom":"2026-05-15T00:00:00Z","achievement":"https://example.edu/a/{}"}}\n'
    )
    return "".join(line.format(batch, n, n % 300) for n in range(rows)).encode()


def file_of_strangers(rows: int) -> bytes:
    """Return a batch of which no two rows say the same of their credentials."""
    batch = next(_batches)
    line = (
        '{{"operation":"register","credentialId":"urn:load:{}:{:07}","type":["VerifiableCredential","Award{:07}"],'
        '"validFrom":"2026-05-{:02}T{:02}:{:02}:{:02}Z","achievement":"https://example.edu/a/{:07}"}}\n'
    )
    moments = (divmod(n, 60) for n in range(rows))
    return "".join(
        line.format(batch, n, n, 1 + n // 86_400 % 28, minutes // 60 % 24, minutes % 60, seconds, n)
        for n, (minutes, seconds) in enumerate(moments)
    ).encode()


async def send(session: aiohttp.ClientSession, ours: Registry, body: bytes) -> float:
    """Send a batch; return how long it took, in seconds."""
    url = f"{ours.demo.url}/issuers/{ours.demo.issuer}/batches"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]

    began = time.perf_counter()
    headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(len(body))}
    async with session.post(url, data=pieces(), headers=headers) as response:
        answer = await response.json()
    elapsed = time.perf_counter() - began
    if response.status != 200 or answer["counts"]["rejected"] or answer["counts"]["unchanged"]:
        raise RuntimeError(f"{response.status}: {answer}")
    return elapsed


async def copied(conn: asyncpg.Connection, after: int, rows: int) -> float:
    """Return how long PostgreSQL takes to COPY the last *rows* events after a position, in seconds."""
    written = io.BytesIO()
    query = f"SELECT {COLUMNS} FROM events WHERE position > $1 AND type = 'CredentialRegistered' LIMIT $2"
    await conn.copy_from_query(query, after, rows, output=written, format="binary")
    await conn.execute("DROP TABLE IF EXISTS copied; CREATE TABLE copied (LIKE events INCLUDING ALL)")
    written.seek(0)
    began = time.perf_counter()
    done = await conn.copy_to_table("copied", source=written, format="binary")
    elapsed = time.perf_counter() - began
    if done != f"COPY {rows}":
        raise RuntimeError(f"{done} instead of {rows}")
    return elapsed


async def singles(session: aiohttp.ClientSession, ours: Registry, is_over: Callable[[], bool]) -> list[float]:
    """Register and look up at a steady pace until it is over; return how long each took from when it was due."""
    waited: list[float] = []
    base, batch = f"{ours.demo.url}/issuers/{ours.demo.issuer}/credentials", next(_batches)

    async def one(number: int, due: float) -> None:
        identifier = f"urn:load:single:{batch}:{number}"
        body = {"credentialId": identifier, "type": ["VerifiableCredential"]}
        asked = (
            session.get(f"{ours.demo.url}/credential-status", params={"id": "urn:load:single:0:0"})
            if number % 2
            else session.post(base, json=body)
        )
        async with asked as response:
            await response.read()
            if response.status not in (200, 201, 404):
                raise RuntimeError(f"{response.status} for a single request")
        waited.append(time.perf_counter() - due)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in count():
            due = began + number / SINGLES_PER_S
            await asyncio.sleep(max(0, due - time.perf_counter()))
            if is_over():
                break
            group.create_task(one(number, due))
    return waited


def p99_ms(waited: list[float]) -> float:
    """Return what all but one in a hundred stayed below."""
    return 1000 * sorted(waited)[int(0.99 * (len(waited) - 1))]


async def beside(session: aiohttp.ClientSession, ours: Registry, rows: int) -> tuple[float, float]:
    """Return the p99 of single requests alone, and while a batch runs."""
    end = time.perf_counter() + SINGLES_S
    idle = p99_ms(await singles(session, ours, lambda: time.perf_counter() > end))
    batch = asyncio.create_task(send(session, ours, file_of(rows)))
    busy = p99_ms(await singles(session, ours, batch.done))
    await batch
    return idle, busy


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both."""
    rows = QUICK_ROWS if effort.is_quick else FULL_ROWS
    rounds = min(effort.rounds, MOST_ROUNDS)
    async with deployed() as ours, attached(load(home=ours.home)) as settings:
        assert settings.owner_database_url is not None, "the embedded one has an owner"
        conn = await asyncpg.connect(settings.owner_database_url.get_secret_value())
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Authorization": ours.authorization}
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            await send(session, ours, file_of(2_000))
            ours_per_s, theirs_per_s, strangers_per_s = [], [], []
            for _ in range(rounds):
                after = await conn.fetchval("SELECT max(position) FROM events")
                ours_per_s.append(rows / await send(session, ours, file_of(rows)))
                theirs_per_s.append(rows / await copied(conn, after, rows))
                strangers_per_s.append(rows / await send(session, ours, file_of_strangers(rows)))
            waits = [await beside(session, ours, rows // 2) for _ in range(rounds)]
        await conn.close()
    ratios, unlike = (
        [a / b for a, b in zip(side, theirs_per_s, strict=True)] for side in (ours_per_s, strangers_per_s)
    )
    slower = [busy / idle for idle, busy in waits]
    mine, copy = median(ours_per_s), median(theirs_per_s)
    idle_ms, busy_ms = (median(side) for side in zip(*waits, strict=True))
    return [
        Outcome(9, "bulk registration", mine, copy, "rows/s", median(ratios), TARGET, AIM, rounds=tuple(ratios)),
        Outcome(
            9, "the same, no two rows alike", median(strangers_per_s), copy, "rows/s", median(unlike), None,
            rounds=tuple(unlike),
        ),
        Outcome(
            0, "p99 of single requests beside a batch", busy_ms, idle_ms, "ms", median(slower), SLOWER,
            is_ceiling=True, rounds=tuple(slower),
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(run("A batch over HTTP against COPY", measure, full=Effort(5, 0), quick=Effort(3, 0, is_quick=True)))
