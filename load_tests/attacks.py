"""How much others are held up while the corpus of attacks is thrown at POST /credentials/verify.

`registry dev` runs in a process of its own, the attackers in another; this one asks for /livez and for a status list
a hundred times a second, in rounds with and without the attack. The result is by how much the 50th, 95th and 99th of
100 answers are later under attack; the 99th of either may be 50 ms later at most.
"""

from __future__ import annotations

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

from load_tests.outcome import Outcome
from load_tests.script import Effort, run
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


async def measure(effort: Effort) -> list[Outcome]:
    """Return by how much others were held up."""
    later: dict[str, list[list[float]]] = {"/livez": [], "a status list": []}
    async with registry() as server, aiohttp.ClientSession() as session:
        paths = {"/livez": "/livez", "a status list": await _list_path(session, server)}
        for _ in range(effort.rounds):
            for name, path in paths.items():
                url = f"http://127.0.0.1:{server.port}{path}"
                quiet = await answered_ms(session, url, effort.seconds)
                async with attacked(server):
                    loud = await answered_ms(session, url, effort.seconds)
                later[name].append([_at(loud, quantile) - _at(quiet, quantile) for quantile in QUANTILES])
    return [
        _outcome(f"{name} later by, {quantile:.0%}", [one[n] for one in rounds], is_judged=quantile == QUANTILES[-1])
        for name, rounds in later.items()
        for n, quantile in enumerate(QUANTILES)
    ]


async def _list_path(session: aiohttp.ClientSession, server: Registry) -> str:
    body = {"credentialId": "urn:load:attacked", "type": ["VerifiableCredential"]}
    url = f"{server.demo.url}/issuers/{server.demo.issuer}/credentials"
    async with session.post(url, json=body, headers={"Authorization": server.authorization}) as response:
        registered = await response.json()
    return urlsplit(registered["credentialStatus"][0]["statusListCredential"]).path


def _at(took: list[float], quantile: float) -> float:
    return took[min(len(took) - 1, int(len(took) * quantile))]


def _outcome(name: str, rounds: list[float], *, is_judged: bool) -> Outcome:
    value = median(rounds)
    target = AT_MOST_MS if is_judged else None
    return Outcome(0, name, value, None, "ms", value, target, is_ceiling=True, rounds=tuple(rounds))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--attack"]:
        asyncio.run(attack(int(sys.argv[2])))
    else:
        sys.exit(
            run(
                "Others, while the corpus of attacks is thrown at the verifier",
                measure,
                full=Effort(5, 5),
                quick=Effort(3, 2, is_quick=True),
            )
        )
