"""What several workers do to writing and to serving: `registry serve --workers 3` against `registry serve`.

`python -m load_tests.workers [--quick] [--rounds N] [--seconds S]`; exit status 1 when three workers write less than
nine tenths of what one process writes: adding workers must never slow writing.

Both sides serve the same log of the same PostgreSQL, one after the other in each round, to 64 connections. The load
generator, PostgreSQL and the projector share the machine's cores with them, so on two cores three workers have no core
of their own to win: answers for each CPU second of all processes of a side tell what handing over costs, and answers a
second what is left of the machine. Beside them: the microseconds that one command takes to be written and read.
"""

from __future__ import annotations

import asyncio
import sys
import timeit
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import psutil

from load_tests.clients import Load, Rates, press, request, same
from load_tests.comparison import Measure, Ratio, interleaved
from load_tests.outcome import Outcome
from load_tests.script import Effort, run
from load_tests.servers import START_S, Registry, Server, free_port, python, registry, without_bounds
from registry import embedded
from registry.commands import wire
from registry.commands.handle import Outcome as Handled
from registry.commands.idempotency import Asked
from registry.deployment import with_embedded
from registry.domain.commands import RegisterCredential
from registry.domain.names import CredentialId, IssuerId, LogName
from registry.settings import load

WORKERS = 3
MOST = 6_000
"""Registrations in one measurement, so that a fast machine fills no disk."""

ratios = [
    Ratio(0, "register over HTTP, 3 workers against 1 process", "3 write", ("1 write",), 0.9),
    Ratio(0, "GET of a list, 3 workers against 1 process", "3 read", ("1 read",), None),
]


@dataclass(frozen=True, slots=True)
class Serving(Server):
    """A `registry serve` with all processes below it."""

    def cpu_s(self) -> float:
        """Return the CPU seconds that all of them have used so far."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        return float(sum(one.cpu_times().user + one.cpu_times().system for one in family))


@asynccontextmanager
async def serving(environment: dict[str, str], workers: int) -> AsyncIterator[Serving]:
    """Run *workers* of them; yield when they take connections."""
    port = free_port()
    own = {"REGISTRY_PORT": str(port), "REGISTRY_METRICS_PORT": "0", "REGISTRY_CANONICALISER_WORKERS": "1"}
    arguments = ("-m", "registry", "serve", "--workers", str(workers))
    async with python(*arguments, environment=environment | own) as process, asyncio.timeout(START_S):
        assert process.stdout is not None
        while b"metrics on" not in await process.stdout.readline():
            pass
        yield Serving(port, process.pid)


@asynccontextmanager
async def both() -> AsyncIterator[tuple[Registry, Serving, Serving]]:
    """Run `registry dev` for its PostgreSQL, projector and demo, and both sides over them."""
    async with AsyncExitStack() as stack:
        dev = await stack.enter_async_context(registry())
        server = await stack.enter_async_context(embedded.running(dev.home))
        named = with_embedded(load(home=dev.home), server)
        assert named.database_url is not None
        database = named.database_url.get_secret_value()
        environment = without_bounds(
            {"HOME": str(dev.home), "LOGS": f"main={dev.demo.url}", "ENV": named.env, "DATABASE_URL": database}
        )
        one = await stack.enter_async_context(serving(environment, 1))
        several = await stack.enter_async_context(serving(environment, WORKERS))
        yield dev, one, several


def registrations(dev: Registry) -> Callable[[Server], Iterable[bytes]]:
    """Return requests that register credentials, each another one."""
    headers = {"Authorization": dev.authorization, "Content-Type": "application/json"}

    def requests(server: Server) -> Iterator[bytes]:
        for _ in count():
            key = uuid4()
            body = f'{{"credentialId":"urn:uuid:{key}","type":["VerifiableCredential"]}}'.encode()
            yield request(
                server,
                "POST",
                f"/issuers/{dev.demo.issuer}/credentials",
                {**headers, "Idempotency-Key": str(key)},
                body,
            )

    return requests


async def a_list(dev: Registry) -> str:
    """Return the path of a list that is published."""
    url = f"{dev.demo.url}/issuers/{dev.demo.issuer}/credentials"
    headers, body = {"Authorization": dev.authorization}, {"type": ["VerifiableCredential"]}
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json=body) as response:
        entries = (await response.json())["credentialStatus"]
        return urlsplit(entries[0]["statusListCredential"]).path


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides, and what the wire costs."""
    seen: dict[str, list[Rates]] = {}

    def side(name: str, server: Server, load: Load) -> Measure:
        async def once() -> float:
            seen.setdefault(name, []).append(rates := await press(server, load))
            return rates.per_s

        return once

    async with both() as (dev, one, several):
        writing = Load(registrations(dev), 201, seconds=effort.seconds, most=MOST)
        reading = Load(same("GET", await a_list(dev), {"Accept-Encoding": "gzip"}), 200, seconds=effort.seconds)
        sides = {
            "1 write": side("1 write", one, writing),
            "3 write": side("3 write", several, writing),
            "1 read": side("1 read", one, reading),
            "3 read": side("3 read", several, reading),
        }
        for warm_up in sides.values():
            await warm_up()
        seen.clear()
        samples = await interleaved(sides, effort.rounds)
    outcomes = []
    for ratio in ratios:
        ours, theirs = (median(rates.per_cpu_s for rates in seen[name]) for name in (ratio.ours, ratio.theirs[0]))
        late, early = (median(rates.p99_ms for rates in seen[name]) for name in (ratio.ours, ratio.theirs[0]))
        note = f"{ours:,.0f} a CPU second beside {theirs:,.0f}; p99 {late:.0f} ms beside {early:.0f} ms"
        outcomes.append(replace(ratio.of(samples, "requests/s"), note=note))
    return [*outcomes, *handing_over()]


def handing_over() -> Iterator[Outcome]:
    """What one command and its outcome cost to be written and read, µs."""
    command = RegisterCredential(
        datetime.now(UTC), IssuerId(uuid4()), CredentialId(f"urn:uuid:{uuid4()}"), ("VerifiableCredential",)
    )
    asked = Asked(LogName("main"), "key:0123456789ab", f"issuer/{uuid4()}", uuid4().hex, str(uuid4()), bytes(32))
    entry = {"id": f"urn:uuid:{uuid4()}#1", "type": "BitstringStatusListEntry", "statusListIndex": "94567"}
    outcome = Handled(94_567, {"credentialId": f"urn:uuid:{uuid4()}", "credentialStatus": [entry, entry]}, False)

    def sent() -> bytes:
        name, content = wire.command_bytes(command)
        return wire.packed([1, "handle", wire.asked_list(asked), name], content)

    def answered() -> bytes:
        return wire.packed([1, *wire.outcome_list(outcome)])

    message, answer = sent(), answered()

    def taken() -> None:
        header, content = wire.unpacked(message)
        wire.asked_of(header[2])
        wire.command_of(header[3], content)

    def heard() -> None:
        wire.outcome_of(wire.unpacked(answer)[0][1:])

    at_door, at_writer = _microseconds(sent) + _microseconds(heard), _microseconds(taken) + _microseconds(answered)
    for name, value in (("at the door", at_door), ("at the writer", at_writer)):
        yield Outcome(0, f"a command and its outcome, written and read {name}", value, None, "µs", value, None)


def _microseconds(work: Callable[[], object], times: int = 5_000) -> float:
    return min(timeit.repeat(work, number=times, repeat=5)) / times * 1e6


if __name__ == "__main__":
    sys.exit(run("Three workers against one process", measure, full=Effort(7, 2), quick=Effort(5, 0.8, is_quick=True)))
