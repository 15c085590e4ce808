"""What a revocation over HTTP costs, against bare aiohttp with the same body and the same answer: ratio 4.

Ours is `registry serve`: API key, quota, Idempotency-Key, decision, one durable event, metrics and a line in the log
per request. Every request revokes another credential. What counts is the CPU time of the server's process per request;
PostgreSQL's is not in it, and neither is waiting for the disk. `registry project` runs beside it, as it is deployed,
and what that takes per revocation is told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count, islice
from statistics import median
from urllib.parse import quote

import aiohttp
from rich.console import Console

from load_tests.clients import Load, Rates, press, request
from load_tests.comparison import Measure, Ratio, interleaved
from load_tests.outcome import Outcome
from load_tests.peer import Answer
from load_tests.script import Effort, run
from load_tests.servers import Registry, Server, deployed, peers

IN_FLIGHT = 64
MOST = 2_000
"""Revocations in one measurement; each needs a credential that was registered before."""
MOST_QUICKLY = 600
REGISTERED_S = 120
TEMPLATE = "/issuers/{slug}/credentials/{id}/revocation"
BODY = b'{"reason":"issued-in-error"}'

ratio = Ratio(4, "revoke, 64 connections", "ours", ("theirs",), 0.3, 0.45)


def credential_id(number: int) -> str:
    """Return the id of one credential; all are equally long, so that the peer sends as many bytes."""
    return f"urn:load:{number:08}"


def revocations(ours: Registry, numbers: Iterable[int]) -> Callable[[Server], Iterable[bytes]]:
    """Return the requests that revoke the credentials of *numbers*."""
    headers = {"Authorization": ours.authorization, "Content-Type": "application/json"}

    def requests(server: Server) -> Iterator[bytes]:
        for number in numbers:
            path = TEMPLATE.format(slug=ours.demo.issuer, id=quote(credential_id(number), safe=""))
            yield request(server, "PUT", path, {**headers, "Idempotency-Key": f"revocation-{number:08}"}, BODY)

    return requests


async def register(ours: Registry, number: int) -> None:
    """Register the credentials that will be revoked."""
    headers = {"Authorization": ours.authorization, "Content-Type": "application/json"}
    path = f"/issuers/{ours.demo.issuer}/credentials"

    def requests(server: Server) -> Iterator[bytes]:
        for one in range(number):
            body = f'{{"credentialId":"{credential_id(one)}","type":["VerifiableCredential"]}}'.encode()
            yield request(server, "POST", path, headers, body)

    done = await press(ours, Load(requests, 201, IN_FLIGHT, REGISTERED_S, number))
    Console().print(f"{number:,} credentials registered, {done.per_s:,.0f} a second", style="dim")


async def answer_of(ours: Registry, number: int) -> Answer:
    """Revoke one credential; return what the peer is to answer."""
    url = ours.demo.url + TEMPLATE.format(slug=ours.demo.issuer, id=credential_id(number))
    headers = {"Authorization": ours.authorization, "Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session, session.put(url, headers=headers, data=BODY) as response:
        given = {key.decode(): value.decode() for key, value in response.raw_headers}
        return Answer("PUT", TEMPLATE, response.status, given, await response.read(), parses=True)


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides."""
    seconds, most = effort.seconds, MOST_QUICKLY if effort.is_quick else MOST
    seen: dict[str, list[Rates]] = {}

    def side(name: str, server: Server, load: Callable[[], Load]) -> Measure:
        async def once() -> float:
            seen.setdefault(name, []).append(rates := await press(server, load()))
            return rates.per_cpu_s

        return once

    async with deployed() as ours:
        await register(ours, most * (effort.rounds + 1) + 1)
        numbers = count()
        answer = await answer_of(ours, next(numbers))
        async with peers(answer) as (peer,):

            def next_ones() -> Load:
                return Load(revocations(ours, islice(numbers, most)), 200, IN_FLIGHT, seconds)

            def over_and_over() -> Load:
                return Load(revocations(ours, count()), 200, IN_FLIGHT, seconds)

            measures = {"ours": side("ours", ours, next_ones), "theirs": side("theirs", peer, over_and_over)}
            for warm_up in measures.values():
                await warm_up()
            seen.clear()
            began_at = ours.projector.cpu_s()
            samples = await interleaved(measures, effort.rounds)
            projecting_s = ours.projector.cpu_s() - began_at
    mine, best = (median(rates.per_s for rates in seen[name]) for name in ("ours", "theirs"))
    each_us = 1e6 * projecting_s / sum(rates.answers for rates in seen["ours"])
    note = f"{mine:,.0f} requests/s beside {best:,.0f}; projecting beside it took {each_us:,.0f} µs each"
    return [replace(ratio.of(samples, "requests/CPU s"), note=note)]


if __name__ == "__main__":
    sys.exit(run("Revoking over HTTP, against bare aiohttp", measure, quick=Effort(5, 0.8, is_quick=True)))
