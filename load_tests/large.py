"""What becomes of memory, latency and throughput when a registry has millions of credentials: ratios 14 and 15.

Registries of each size are made first (`registry.log.load`; minutes, and some 3 GB for each million while they are
made), projected and published, and then served as a deployment is: `registry serve`, and `registry project` beside it.
Memory is what one serving process takes after lookups of popular and of arbitrary credentials, and after every list was
asked for in several forms. Throughput is that of the largest registry against the smallest, both served at once, in
turns; what is asked for follows Zipf's law.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import aiohttp
import asyncpg

from load_tests import estates
from load_tests.clients import Load, Rates, press, same
from load_tests.comparison import Measure, Ratio, interleaved
from load_tests.estates import Estate, Serving, tell
from load_tests.memory import children_of, memory_of
from load_tests.outcome import Outcome
from load_tests.popular import Popularity, Requests, batches, each_list, lookups, path_of, popular_lists, revocations
from load_tests.script import CannotMeasure, Effort, run
from load_tests.tables import sizes_of
from registry.loading import Plan

MOST_MIB = 256
KEEPS_UP = 0.8
IN_FLIGHT = 64
LOOKED_UP = 20_000
BATCHES = 50
"""Of 1,000 lookups by list and index."""
REVOKED = 3_000
"""At most, in one measurement."""
GZIP = {"Accept": "application/vc", "Accept-Encoding": "gzip"}
FORMS = (
    GZIP,
    {"Accept": "application/vc", "Accept-Encoding": "identity"},
    {"Accept": "application/vc+jwt", "Accept-Encoding": "identity"},
    {"Accept": "application/vc+cose", "Accept-Encoding": "identity"},
)
HEAD = "SELECT position FROM log_heads WHERE log_name = 'main'"
_URLS = "SELECT url FROM projections.status_list_members ORDER BY md5(url)"


def arguments() -> argparse.ArgumentParser:
    """Return what this script is asked beside what every script is."""
    parser = argparse.ArgumentParser(add_help=False)
    kept = os.environ.get("LOAD_TESTS_HOME")
    parser.add_argument(
        "--home",
        type=Path,
        default=Path(kept) if kept else None,
        help="where registries are kept from run to run; default: LOAD_TESTS_HOME, or else nowhere",
    )
    parser.add_argument("--sizes", default="1,3,10", help="millions of credentials, the smallest first")
    parser.add_argument("--rebuild", action="store_true", help="also rebuild every projection, of each size")
    return parser


async def measure(effort: Effort) -> list[Outcome]:
    """Measure every size by itself, then the largest against the smallest."""
    given, _ = arguments().parse_known_args()
    plans = [plan_of(float(size)) for size in given.sizes.split(",")]
    outcomes: list[Outcome] = []
    async with AsyncExitStack() as stack:
        home = given.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="registry-large-")))
        for plan in plans:
            folder = home / f"{plan.credentials}"
            require_room(home, folder, plan)
            async with estates.opened(folder, plan, tell) as estate:
                outcomes += await alone(estate)
                if given.rebuild:
                    outcomes.append(await rebuilding(estate))
        if len(plans) > 1:
            pair = [
                await stack.enter_async_context(estates.opened(home / f"{plan.credentials}", plan, tell))
                for plan in (plans[0], plans[-1])
            ]
            outcomes += await against(pair[0], pair[1], effort)
    return outcomes


def plan_of(millions: float) -> Plan:
    """Return a registry of that many credentials."""
    credentials = int(millions * 1_000_000)
    return Plan(credentials=credentials, issuers=min(300, max(1, credentials // 50)))


def require_room(home: Path, folder: Path, plan: Plan) -> None:
    """Raise `CannotMeasure` where the disk is too small for a registry that is still to be made."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)  # PostgreSQL runs under another account when we are root
    if not (folder / "made.json").exists() and not estates.has_room(home, plan.credentials):
        raise CannotMeasure(f"{home} has no room for {plan.credentials:,} credentials: it takes 4 kB for each.")


# ── one size by itself ───────────────────────────────────────────────────────────────────────────────────────


async def alone(estate: Estate) -> list[Outcome]:
    """Return what one registry takes: to make, to project, to start, in memory and on the disk."""
    made, credentials = estate.made, estate.plan.credentials
    sizes = await sizes_of(estate.dsn("postgres"))
    for line in sizes.per_credential(credentials):
        tell(f"{estate.name}: {line}")
    async with serving_up_to_date(estate) as server:
        outcomes = [told(f"start of a serving process, {estate.name}", server.start_s, "s")]
        outcomes.append(await memory(estate, server))
    number = len(await urls_of(estate))
    for name, what, many, seconds in (
        ("loaded", "events", made.events, made.load_s),
        ("projected", "events", made.events, made.project_s),
        ("published", "lists", number, made.publish_s),
    ):
        assert seconds is not None, "the estate is made"
        note = f"{many:,} in {seconds:,.0f} s"
        outcomes.append(told(f"{name}, {estate.name}", many / seconds, f"{what}/s", note=note))
    note = "; ".join(one.strip() for one in sizes.per_credential(credentials, least=20)[1:])
    outcomes.append(told(f"disk, {estate.name}", sizes.total / credentials, "B/credential", note=note))
    return outcomes


async def memory(estate: Estate, server: Serving) -> Outcome:
    """Return what the serving process takes after all was asked of it."""
    started = memory_of(server.pid)
    await press(server, Load(lookups(estate.plan, 2, LOOKED_UP), 200, IN_FLIGHT, 60, LOOKED_UP))
    looked_up = memory_of(server.pid)
    urls = await urls_of(estate)
    for form in FORMS:
        await press(server, Load(each_list(urls, form), 200, IN_FLIGHT, 120, len(urls)))
    await press(server, Load(batches(urls, 4, BATCHES), 200, 8, 120, BATCHES))
    served, beside = memory_of(server.pid), children_of(server.pid)
    note = (
        f"{started.rss:.0f} MiB when it had started, {looked_up.rss:.0f} after {LOOKED_UP:,} lookups, then "
        f"{len(urls):,} lists in {len(FORMS)} forms and {1_000 * BATCHES:,} of their entries; counted by its share of "
        f"what it has in common with others (PSS) {served.pss:.0f}; beside it {beside.pss:.0f} MiB (PSS) in the "
        "processes that read foreign documents"
    )
    name = f"memory of a serving process, {estate.name}"
    return Outcome(14, name, served.rss, None, "MiB", served.rss, MOST_MIB, is_ceiling=True, note=note)


async def rebuilding(estate: Estate) -> Outcome:
    """Return how fast all projections are filled anew and compared."""
    tell(f"{estate.name}: rebuilding")
    seconds, events = await estates.rebuilt_s(estate), await estate.value(HEAD)
    return told(f"rebuilt, {estate.name}", events / seconds, "events/s", note=f"{events:,} in {seconds:,.0f} s")


def told(name: str, value: float, unit: str, note: str = "") -> Outcome:
    """Return a figure without a target."""
    return Outcome(0, name, value, None, unit, value, None, note=note)


async def urls_of(estate: Estate) -> list[str]:
    """Return the URLs of all lists, in an order that says nothing."""
    conn = await asyncpg.connect(estate.dsn("postgres"))
    try:
        return [row[0] for row in await conn.fetch(_URLS)]
    finally:
        await conn.close()


# ── the largest against the smallest ─────────────────────────────────────────────────────────────────────────


async def against(small: Estate, large: Estate, effort: Effort) -> list[Outcome]:
    """Return how much of the smallest registry's throughput the largest has, asked the same in turns."""
    async with serving_up_to_date(small) as beside, serving_up_to_date(large) as server:
        sides = [await Side.of(small, beside, effort), await Side.of(large, server, effort)]
        outcomes: list[Outcome] = []
        for name, of in KINDS:
            outcomes += await compared(name, of, sides, effort.rounds)
    return outcomes


class Side:
    """One registry that is asked."""

    def __init__(self, estate: Estate, server: Serving, effort: Effort, urls: Sequence[str], etag: str) -> None:
        self.estate, self._server, self._seconds = estate, server, effort.seconds
        self._urls, self._etag = urls, etag
        self._drawn = Popularity(estate.plan, estate.seed)
        self._turns = 0
        self.seen: list[Rates] = []

    @classmethod
    async def of(cls, estate: Estate, server: Serving, effort: Effort) -> Side:
        """Return the side, every list of which was asked for before, as in a server that has run for a while."""
        urls = await urls_of(estate)
        await press(server, Load(each_list(urls, GZIP), 200, IN_FLIGHT, 120, len(urls)))
        first = f"http://127.0.0.1:{server.port}{path_of(urls[0])}"
        async with aiohttp.ClientSession() as session, session.get(first, headers=GZIP) as response:
            return cls(estate, server, effort, urls, response.headers["ETag"])

    async def ask(self, requests: Requests, status: int = 200, most: int = 50_000) -> float:
        """Press; return how many requests a CPU second of the server answered."""
        self.seen.append(await press(self._server, Load(requests, status, IN_FLIGHT, self._seconds, most)))
        return self.seen[-1].per_cpu_s

    async def look_up(self) -> float:
        """Single lookups by credential id."""
        self._turns += 1
        return await self.ask(lookups(self.estate.plan, self._turns, int(6_000 * self._seconds)))

    async def get(self) -> float:
        """Lists, gzipped."""
        self._turns += 1
        return await self.ask(popular_lists(self._urls, self._turns, int(20_000 * self._seconds), GZIP))

    async def revalidate(self) -> float:
        """The most popular list, which the client has."""
        path = path_of(self._urls[0])
        return await self.ask(same("GET", path, {**GZIP, "If-None-Match": self._etag}), 304)

    async def revoke(self) -> float:
        """Revocations of any credentials."""
        return await self.ask(revocations(self.estate.plan, self.estate.made.operator_key, self._drawn, REVOKED))


KINDS: tuple[tuple[str, Callable[[Side], Awaitable[float]]], ...] = (
    ("7 lookups by credential id", Side.look_up),
    ("5 GET of lists, gzip", Side.get),
    ("5 304", Side.revalidate),
    ("4 revocations", Side.revoke),
)


async def compared(
    name: str, of: Callable[[Side], Awaitable[float]], sides: Sequence[Side], rounds: int
) -> list[Outcome]:
    """Return the ratio of CPU time, and that of requests by the clock."""
    small, large = (side.estate.name for side in sides)

    def measured(side: Side) -> Measure:
        return lambda: of(side)

    for side in sides:
        await of(side)  # warms up
        side.seen.clear()
    samples = await interleaved({side.estate.name: measured(side) for side in sides}, rounds)
    what = f"{name}, {large} against {small}"
    ratio = Ratio(15, what, large, (small,), KEEPS_UP)
    by_clock = {side.estate.name: [rates.per_s for rates in side.seen] for side in sides}
    waits = ", ".join(
        f"{side.estate.name}: p50 {median(one.p50_ms for one in side.seen):.1f} ms, p99 "
        f"{median(one.p99_ms for one in side.seen):.1f} ms"
        for side in sides
    )
    return [
        replace(ratio.of(samples, "requests/CPU s"), note=waits),
        replace(ratio, name=f"{what}, by the clock").of(by_clock, "requests/s"),
    ]


@asynccontextmanager
async def serving_up_to_date(estate: Estate) -> AsyncIterator[Serving]:
    """Run what serves and what projects, when what is projected and published is up to date."""
    async with estates.projecting(estate):
        await estates.settled(estate, tell)
        async with estates.serving(estate) as server:
            yield server


if __name__ == "__main__":
    sys.exit(run("Large registries: memory, and the largest against the smallest", measure, more=arguments()))
