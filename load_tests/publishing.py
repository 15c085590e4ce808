"""How soon the world sees a revocation: ratios 11 and 12.

Row 11: 500 revocations a second over 100 lists, one request each, with a tick of 1 s; a verifier reads the lists over
HTTP and looks for every bit. Row 12: 100,000 credentials at random over 1,000 lists, revoked in batches, and all lists
signed anew; the clock begins when the last one is recorded. `registry serve` and `registry project` run beside each
other as in a deployment, and share two cores with PostgreSQL and with the clients.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from urllib.parse import quote, urlsplit

import aiohttp
import asyncpg
import orjson

from load_tests import estates
from load_tests.estates import Estate, Serving, tell
from load_tests.outcome import Outcome
from load_tests.script import Effort, run
from load_tests.workloads import EvenPlan
from projections.status_lists import encoded_list
from projections.status_lists.published_list import published_bits
from projections.status_lists.store import CHANNEL

LISTS, RATE, VISIBLE_S = 100, 500, 2.0
MANY_LISTS, BULK, REPUBLISHED_S = 1_000, 100_000, 30.0
SEEN_S, DONE_S = 60, 180
SAMPLE = 2_000
"""Revoked credentials whose own bits are looked at; all of them are counted."""
IN_FLIGHT = 64
BATCHES_IN_FLIGHT = 4
LOOK_S = 0.25
TICK = {"TICK_S": "1", "TTL_S": "5"}

_REVOCATION_LISTS = "SELECT url FROM projections.status_list_members WHERE purpose = 'revocation'"
_WAITING = """
SELECT count(*) FILTER (WHERE member.changed_position > published.position)
     + (SELECT max(head.position) - min(done.position) FROM log_heads AS head, projections.checkpoints AS done)
  FROM projections.status_list_members AS member
  JOIN projections.published_status_lists AS published USING (log_name, status_list_id)
"""


@asynccontextmanager
async def deployment(plan: EvenPlan) -> AsyncIterator[tuple[Estate, Serving]]:
    """Run a registry made by *plan*, all of it projected and published."""
    with tempfile.TemporaryDirectory(prefix="registry-publishing-") as folder:
        async with (
            estates.opened(Path(folder), plan, tell) as estate,
            estates.projecting(estate, **TICK),
            estates.serving(estate) as server,
        ):
            await estates.settled(estate, tell)
            yield estate, server


def session_for(estate: Estate, server: Serving) -> aiohttp.ClientSession:
    """Return a client that may revoke anything."""
    return aiohttp.ClientSession(
        f"http://127.0.0.1:{server.port}",
        headers={"Authorization": f"Bearer {estate.made.operator_key}"},
        connector=aiohttp.TCPConnector(limit=IN_FLIGHT),
    )


# ── row 11 ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Watch:
    """A verifier that knows which bits must come, and reads lists until each is set."""

    session: aiohttp.ClientSession
    pending: dict[str, dict[int, float]] = field(default_factory=dict)
    """By list and index: when its revocation was sent."""
    waited_s: list[float] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)

    def expect(self, url: str, index: int, sent: float) -> None:
        """From now on look for this bit."""
        self.pending.setdefault(urlsplit(url).path, {})[index] = sent
        self.etags.pop(urlsplit(url).path, None)  # it may be set already in the version read last

    async def look(self) -> None:
        """Read every list that has something to come."""
        waiting = [path for path, bits in self.pending.items() if bits]
        for some in (waiting[at : at + IN_FLIGHT // 4] for at in range(0, len(waiting), IN_FLIGHT // 4)):
            await asyncio.gather(*map(self._read, some))

    async def _read(self, path: str) -> None:
        headers = {"Accept": "application/vc"}
        if path in self.etags:
            headers["If-None-Match"] = self.etags[path]
        expected = dict(self.pending[path])
        async with self.session.get(path, headers=headers) as response:
            if response.status == 304:
                return
            response.raise_for_status()
            bits, now = published_bits(await response.read()), time.perf_counter()
        for index, sent in expected.items():
            if bits[index >> 3] >> (7 - (index & 7)) & 1:
                del self.pending[path][index]
                self.waited_s.append(now - sent)
        if expected.keys() == self.pending[path].keys():
            self.etags[path] = response.headers["ETag"]

    async def follow(self, wake: asyncio.Event, number: int) -> None:
        """Look at every notification, and four times a second, until *number* bits were seen."""
        while len(self.waited_s) < number:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await wake.wait()
            wake.clear()
            await self.look()


async def steadily(seconds: float) -> Outcome:
    """Revoke *seconds* long, 500 a second; return how long the world waited to see it."""
    number = int(seconds * RATE)
    plan = EvenPlan(credentials=max(number, LISTS), issuers=LISTS, revoked=0, suspended=0, superseded=0, secured=0)
    async with deployment(plan) as (estate, server), session_for(estate, server) as session:
        watch, wake = Watch(session), asyncio.Event()
        listener = await asyncpg.connect(estate.dsn("postgres"))
        await listener.add_listener(CHANNEL, lambda *_: wake.set())
        watching = asyncio.ensure_future(watch.follow(wake, number))
        written_s = await _revoke(session, await _drawn(session, plan, number), watch)
        async with asyncio.timeout(SEEN_S):
            await watching
        await listener.close()
    waited, written = sorted(watch.waited_s), sorted(written_s)
    p50, p99 = (waited[int(share * (len(waited) - 1))] for share in (0.5, 0.99))
    note = (
        f"{len(waited):,} revocations; p50 {p50:.2f} s, slowest {waited[-1]:.2f} s, from when each was due to be sent; "
        f"answered after {1000 * written[len(written) // 2]:.0f} ms (p50), {1000 * written[-1]:.0f} ms (slowest)"
    )
    name = f"revoked → set in the list that is served, {RATE}/s over {LISTS} lists, tick 1 s: p99"
    return Outcome(11, name, p99, None, "s", p99, VISIBLE_S, is_ceiling=True, note=note)


@dataclass(frozen=True, slots=True)
class Revocable:
    """A credential, and the bit that will say that it is revoked."""

    path: str
    key: str
    url: str
    index: int


async def _drawn(session: aiohttp.ClientSession, plan: EvenPlan, number: int) -> list[Revocable]:
    """Return *number* credentials at random."""
    names = [(plan.slug(n), plan.credential_id(n, one)) for n, size in enumerate(plan.sizes()) for one in range(size)]
    return await _revocable(session, Random(1).sample(names, number))


async def _revocable(session: aiohttp.ClientSession, names: Sequence[tuple[str, str]]) -> list[Revocable]:
    """Return the credentials of *names*, (issuer's slug, credential id), with their entries."""
    turns = asyncio.Semaphore(IN_FLIGHT)

    async def one(slug: str, name: str) -> Revocable:
        async with turns, session.get("/credential-status", params={"id": name}) as response:
            entries = (await response.json())["credentialStatus"]
        every = entries if isinstance(entries, list) else [entries]  # Open Badges have one
        entry = next(one for one in every if one["statusPurpose"] == "revocation")
        path = f"/issuers/{slug}/credentials/{quote(name, safe=':')}/revocation"
        return Revocable(path, f"revoke-{name}", entry["statusListCredential"], int(entry["statusListIndex"]))

    return await asyncio.gather(*(one(*name) for name in names))


async def _revoke(session: aiohttp.ClientSession, drawn: Sequence[Revocable], watch: Watch) -> list[float]:
    """Revoke at a steady rate, whatever the answers take; return how long each took."""
    turns = asyncio.Semaphore(IN_FLIGHT)
    written_s: list[float] = []

    async def send(one: Revocable, due: float) -> None:
        body, headers = {"reason": "issued-in-error"}, {"Idempotency-Key": one.key}
        async with turns, session.put(one.path, json=body, headers=headers, raise_for_status=True):
            written_s.append(time.perf_counter() - due)
        watch.expect(one.url, one.index, due)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n, one in enumerate(drawn):
            due = began + n / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(send(one, due))
    return written_s


# ── row 12 ───────────────────────────────────────────────────────────────────────────────────────────────────


async def at_once() -> list[Outcome]:
    """Revoke 100,000 credentials over 1,000 lists; return how long all lists took to say so."""
    plan = EvenPlan(credentials=2 * BULK, issuers=MANY_LISTS, revoked=0, suspended=0, superseded=0, secured=0)
    async with deployment(plan) as (estate, server), session_for(estate, server) as session:
        tell(f"{BULK:,} credentials are revoked now")
        began = time.perf_counter()
        revoked = await _revoke_in_batches(session, plan)
        recorded = time.perf_counter()
        tell(f"{BULK:,} revocations recorded in {recorded - began:.1f} s")
        async with asyncio.timeout(DONE_S):
            while True:
                if not await estate.value(_WAITING):
                    break
                await asyncio.sleep(0.1)
        done = time.perf_counter()
        await _require_all_set(estate, session, revoked)
    name = f"{BULK:,} revocations over {MANY_LISTS:,} lists: all republished"
    note = (
        f"{done - began:.1f} s after the first was sent; all {BULK:,} bits were then counted in the served lists, and "
        f"{SAMPLE:,} found in their places"
    )
    took = done - recorded
    return [Outcome(12, name, took, None, "s", took, REPUBLISHED_S, is_ceiling=True, note=note)]


async def _revoke_in_batches(session: aiohttp.ClientSession, plan: EvenPlan) -> list[tuple[str, str]]:
    """Revoke credentials drawn from all, and return them; each issuer's are one batch, sent in no order."""
    random, sizes = Random(2), plan.sizes()
    ends = [0]
    for size in sizes:
        ends.append(ends[-1] + size)
    drawn = sorted(random.sample(range(ends[-1]), BULK))
    batches: list[tuple[str, bytes]] = []
    revoked: list[tuple[str, str]] = []
    for issuer, (first, after) in enumerate(pairwise(ends)):
        names = [plan.credential_id(issuer, one - first) for one in drawn if first <= one < after]
        rows = [orjson.dumps({"operation": "revoke", "credentialId": name}) for name in names]
        revoked += [(plan.slug(issuer), name) for name in names]
        batches.append((plan.slug(issuer), b"\n".join([*rows, b""])))
    random.shuffle(batches)
    turns = asyncio.Semaphore(BATCHES_IN_FLIGHT)

    async def send(slug: str, body: bytes) -> None:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"bulk-{slug}"}
        async with turns, session.post(f"/issuers/{slug}/batches", data=body, headers=headers) as response:
            answer = await response.json()
            if response.status >= 300 or answer["rejected"]:
                raise RuntimeError(f"A batch was not carried out: {response.status} {str(answer)[:500]}")

    await asyncio.gather(*(send(*batch) for batch in batches))
    return revoked


async def _require_all_set(estate: Estate, session: aiohttp.ClientSession, revoked: Sequence[tuple[str, str]]) -> None:
    """Raise `RuntimeError` unless the served lists have as many bits as were *revoked*, and a sample's own."""
    paths = [urlsplit(url).path for url in await _urls(estate)]
    served: dict[str, bytes] = {}
    for some in (paths[at : at + IN_FLIGHT] for at in range(0, len(paths), IN_FLIGHT)):
        served |= zip(some, await asyncio.gather(*(_bits_of(session, path) for path in some)), strict=True)
    require_set(served, await _revocable(session, Random(3).sample(revoked, SAMPLE)), len(revoked))


def require_set(served: Mapping[str, bytes], some: Sequence[Revocable], number: int) -> None:
    """Raise `RuntimeError` unless *number* bits are set in the lists by their paths, and those of *some* among them."""
    found = sum(int.from_bytes(bits).bit_count() for bits in served.values())
    if found != number:
        raise RuntimeError(f"{found:,} bits are set in the served lists, not {number:,}.")
    wrong = [one for one in some if not encoded_list.bit(served[urlsplit(one.url).path], one.index)]
    if wrong:
        raise RuntimeError(
            f"As many bits are set as were revoked, but {len(wrong)} of {len(some)} looked at are not, such as index "
            f"{wrong[0].index} of {wrong[0].url}."
        )


async def _bits_of(session: aiohttp.ClientSession, path: str) -> bytes:
    async with session.get(path, headers={"Accept": "application/vc"}) as response:
        response.raise_for_status()
        return published_bits(await response.read())


async def _urls(estate: Estate) -> Sequence[str]:
    conn = await asyncpg.connect(estate.dsn("postgres"))
    try:
        return [row[0] for row in await conn.fetch(_REVOCATION_LISTS)]
    finally:
        await conn.close()


async def measure(effort: Effort) -> list[Outcome]:
    """Measure row 11, and row 12 unless there is no time for it."""
    outcomes = [await steadily(effort.rounds * effort.seconds)]
    return outcomes if effort.is_quick else outcomes + await at_once()


if __name__ == "__main__":
    sys.exit(
        run("From a revocation to the published list", measure, full=Effort(10, 2), quick=Effort(1, 6, is_quick=True))
    )
