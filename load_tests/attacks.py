"""How much others are held up while the corpus of attacks is thrown at POST /credentials/verify.

    python -m load_tests.attacks [--seconds S] [--rounds N]

`registry dev` runs in a process of its own, the attackers in another; this one asks for /livez and for a status list
a hundred times a second, in rounds with and without the attack. The result is by how much the 50th, 95th and 99th of
100 answers are later under attack; exit status 1 when the 99th of either is more than 50 ms later.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from statistics import median
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.table import Table

from load_tests.servers import Registry, registry
from tests.verifier.attacks.presented import PRESENTED, RAW, credential, signed
from tests.verifier.attacks.urls import URLS
from tests.verifier.foreign import entry

AT_MOST_MS = 50
ATTACKERS = 8
EVERY_S = 0.01
QUANTILES = (0.5, 0.95, 0.99)


def bodies() -> Iterator[bytes]:
    """Every attack once: hostile documents, hostile bodies, and hostile URLs as the list of a genuine credential."""
    presented = [make() for make in PRESENTED.values()]
    presented += [signed(credential(credentialStatus={**entry(), "statusListCredential": url})) for url, _ in URLS]
    for one in presented:
        yield json.dumps({"verifiableCredential": one}).encode("utf-8", "surrogatepass")
    yield from RAW.values()


async def attack(port: int) -> None:
    """Attack for ever, with as many connections as there are attackers."""
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as session:
        corpus = cycle(list(bodies()))

        async def one() -> None:
            while True:
                async with session.post(f"http://127.0.0.1:{port}/credentials/verify", data=next(corpus)) as response:
                    await response.read()

        await asyncio.gather(*(one() for _ in range(ATTACKERS)))


@asynccontextmanager
async def attacked(server: Registry) -> AsyncIterator[None]:
    """Attack *server* from another process until the block is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "load_tests.attacks", "--attack", str(server.port)
    )
    await asyncio.sleep(2)  # until it has signed its corpus
    try:
        yield
        if process.returncode is not None:
            raise RuntimeError("The attackers gave up; their own words are above.")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def answered_ms(session: aiohttp.ClientSession, url: str, seconds: float) -> list[float]:
    """Return how long each answer of *url* took, in milliseconds, in ascending order."""
    took, until = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        async with session.get(url) as response:
            await response.read()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(EVERY_S)
    return sorted(took)


async def measure(seconds: float, rounds: int) -> bool:
    """Run all rounds, print the result, and return whether nobody was held up."""
    later: dict[str, list[list[float]]] = {"/livez": [], "a status list": []}
    async with registry() as server, aiohttp.ClientSession() as session:
        paths = {"/livez": "/livez", "a status list": await _list_path(session, server)}
        for _ in range(rounds):
            for name, path in paths.items():
                url = f"http://127.0.0.1:{server.port}{path}"
                quiet = await answered_ms(session, url, seconds)
                async with attacked(server):
                    loud = await answered_ms(session, url, seconds)
                later[name].append([_at(loud, quantile) - _at(quiet, quantile) for quantile in QUANTILES])
    return _report(later)


async def _list_path(session: aiohttp.ClientSession, server: Registry) -> str:
    body = {"credentialId": "urn:load:attacked", "type": ["VerifiableCredential"]}
    url = f"{server.demo.url}/issuers/{server.demo.issuer}/credentials"
    async with session.post(url, json=body, headers={"Authorization": server.authorization}) as response:
        registered = await response.json()
    return urlsplit(registered["credentialStatus"][0]["statusListCredential"]).path


def _at(took: list[float], quantile: float) -> float:
    return took[min(len(took) - 1, int(len(took) * quantile))]


def _report(later: dict[str, list[list[float]]]) -> bool:
    table = Table("asked for", *(f"{quantile:.0%} later by" for quantile in QUANTILES), "")
    good = True
    for name, rounds in later.items():
        medians = [median(one[column] for one in rounds) for column in range(len(QUANTILES))]
        holds = medians[-1] <= AT_MOST_MS
        good = good and holds
        table.add_row(name, *(f"{one:.1f} ms" for one in medians), "holds" if holds else f"MISSED ({AT_MOST_MS} ms)")
    Console().print(table)
    return good


def main() -> int:
    """Measure; the exit status tells whether nobody was held up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5, help="of each half of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.attack:
        asyncio.run(attack(chosen.attack))
    return 0 if asyncio.run(measure(chosen.seconds, chosen.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
