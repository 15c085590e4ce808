"""What serving a signed status list costs, against bare aiohttp with the same bytes and headers: ratios 5 and 13.

Ours is `registry dev` with metrics and quotas on, and a list of 131,072 entries with 1 % of them revoked; theirs an
aiohttp handler that returns a constant. What counts is the CPU time of the server's process per request; ours also
projects and publishes in that time. Building a list is timed in this process: bits → encodedList → document →
signature by template → stored bytes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from load_tests.clients import Load, Rates, press, same
from load_tests.comparison import Measure, Ratio, Samples, interleaved
from load_tests.outcome import Outcome
from load_tests.peer import Answer
from load_tests.script import Effort, run
from load_tests.servers import Registry, Server, peers, registry
from projections.status_lists.frontier import Frontier, ListState
from projections.status_lists.published_list import published_bits
from projections.status_lists.rendering import Rendered, Secured, Stored, Unsecured, Validity, finish, render
from registry.domain.mechanisms import KeyAlgorithm, Mechanism
from registry.domain.names import LogName
from registry.list_signer import Key, Keys, every_form
from registry.securing.secure import secure

SIZE = 131_072
REVOKED = SIZE // 100
IN_FLIGHT = 64
PUBLISHED_S = 30
BUILT_MS = 0.5

ratios = [
    Ratio(5, "GET, identity", "ours identity", ("theirs identity",), 0.80, 0.95),
    Ratio(5, "GET, gzip", "ours gzip", ("theirs gzip",), 0.80, 0.95),
    Ratio(5, "304", "ours 304", ("theirs 304",), 0.80, 0.95),
    Ratio(5, "GET, statuslist+jwt", "ours statuslist+jwt", ("theirs statuslist+jwt",), 0.80, 0.95),
    Ratio(5, "GET, statuslist+cwt", "ours statuslist+cwt", ("theirs statuslist+cwt",), 0.80, 0.95),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """One way to ask for the list, and the answer."""

    name: str
    headers: Mapping[str, str]
    answer: Answer


async def revoke_one_percent(server: Registry) -> str:
    """Register and revoke credentials; return the path of the revocation list when all of them are set in it."""
    turns = asyncio.Semaphore(IN_FLIGHT)
    base = f"{server.demo.url}/issuers/{server.demo.issuer}/credentials"

    async with aiohttp.ClientSession(headers={"Authorization": server.authorization}) as session:

        async def one(number: int) -> str:
            body = {"credentialId": f"urn:load:{number}", "type": ["VerifiableCredential"]}
            async with turns:
                async with session.post(base, json=body, raise_for_status=True) as response:
                    registered = orjson.loads(await response.read())
                change = f"{base}/urn:load:{number}/revocation"
                async with session.put(change, json={"reason": "unspecified"}, raise_for_status=True):
                    pass
            url: str = registered["credentialStatus"][0]["statusListCredential"]
            return url

        (url,) = set(await asyncio.gather(*(one(number) for number in range(REVOKED))))
        async with asyncio.timeout(PUBLISHED_S):
            while True:
                if await _set_bits(session, url) == REVOKED:
                    break
                await asyncio.sleep(0.2)
    await asyncio.sleep(2)  # until the list counts as settled, as nearly every list a verifier asks for
    return urlsplit(url).path


async def _set_bits(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as response:
        return int.from_bytes(published_bits(await response.read()), "big").bit_count()


async def ways_to_ask(server: Server, path: str) -> list[Asked]:
    """Return the representations, and the 304 for a client that has it."""
    accept = {"Accept": "application/vc", "Accept-Encoding": "identity"}
    identity = await _ask("identity", server, path, accept)
    return [
        identity,
        await _ask("gzip", server, path, {**accept, "Accept-Encoding": "gzip, deflate, br"}),
        await _ask("304", server, path, {**accept, "If-None-Match": identity.answer.headers["ETag"]}),
        *[
            await _ask(form, server, path, {**accept, "Accept": f"application/{form}"})
            for form in ("statuslist+jwt", "statuslist+cwt")
        ],
    ]


async def _ask(name: str, server: Server, path: str, headers: Mapping[str, str]) -> Asked:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url, headers=headers) as response:
        body = await response.read()
        given = {key.decode(): value.decode() for key, value in response.raw_headers}
        return Asked(name, headers, Answer("GET", path, response.status, given, body))


@dataclass(frozen=True, slots=True)
class Private:
    """An Ed25519 key as the vault lends one."""

    key: Ed25519PrivateKey
    algorithm: KeyAlgorithm = KeyAlgorithm.ED25519

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        return self.key.sign(message)


def building_ms(trials: int, *, guarded: bool, in_every_form: bool = False) -> float:
    """Return the median time of building and securing one list with an embedded proof, or *in_every_form*.

    *guarded*: also held against the published one.
    """
    now, did = datetime.now(UTC), "did:key:z6MkLoad"
    key = Key(f"{did}#1", Private(Ed25519PrivateKey.generate()))
    keys = Keys(Mechanism.EDDSA_RDFC_2022, key, key)
    url = f"https://registry.example/status-lists/{uuid4()}"
    indices = Random(1).sample(range(SIZE), REVOKED)
    frontier = Frontier(LogName("main"), 1, b"", 0, 0, (), None)
    validity = Validity.of(now, validity_s=43_200, ttl_s=60)

    def built(published: bytes | None) -> Stored:
        ids = uuid4(), uuid4(), "revocation", url, uuid4()
        state = ListState(*ids, did, SIZE, indices, None, None, published)
        (rendered,) = render([state], frontier, validity)
        assert isinstance(rendered, Rendered)
        unsecured = rendered.unsecured
        secured = every_form(unsecured, keys, "load", now) if in_every_form else embedded(unsecured, key, now)
        (stored,) = finish([(rendered, secured)])
        return stored

    published = built(None).forms[0].content if guarded else None
    times = []
    for _ in range(trials):
        began = time.perf_counter()
        built(published)
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def embedded(unsecured: Unsecured, key: Key, created: datetime) -> Secured:
    """Return a list in its embedded form alone."""
    w3c = unsecured.w3c
    assert w3c is not None
    secured = secure(
        w3c.document,
        Mechanism.EDDSA_RDFC_2022,
        signer=key.signer,
        verification_method=key.method_id,
        created=created,
        canonical=w3c.canonical,
    )
    return Secured({secured.media_type: secured.content}, (key.method_id,))


def building(trials: int) -> list[Outcome]:
    """Return how long building and securing a list takes."""
    first, again = building_ms(trials, guarded=False), building_ms(trials, guarded=True)
    every = building_ms(trials, guarded=True, in_every_form=True)

    def outcome(name: str, value: float, target: float | None) -> Outcome:
        return Outcome(13, name, value, None, "ms", value, target, is_ceiling=True)

    return [
        outcome("building and securing a list", first, BUILT_MS),
        outcome("the same, held against the published one", again, BUILT_MS),
        outcome("the same, in all five forms", every, None),
    ]


async def measure(effort: Effort) -> list[Outcome]:
    """Measure both sides, then the building of a list in this process."""
    async with registry() as ours:
        path = await revoke_one_percent(ours)
        asked = await ways_to_ask(ours, path)
        async with peers(*(one.answer for one in asked)) as theirs:
            seen: dict[str, list[Rates]] = {}

            def side(name: str, server: Server, one: Asked) -> Measure:
                load = Load(same("GET", path, one.headers), one.answer.status, IN_FLIGHT, effort.seconds)

                async def once() -> float:
                    seen.setdefault(name, []).append(rates := await press(server, load))
                    return rates.per_cpu_s

                return once

            measures: dict[str, Measure] = {}
            for one, peer in zip(asked, theirs, strict=True):
                measures[f"ours {one.name}"] = side(f"ours {one.name}", ours, one)
                measures[f"theirs {one.name}"] = side(f"theirs {one.name}", peer, one)
            for warm_up in measures.values():
                await warm_up()
            seen.clear()
            samples = await interleaved(measures, effort.rounds)
    return [*(_served(ratio, samples, seen) for ratio in ratios), *building(100 if effort.is_quick else 300)]


def _served(ratio: Ratio, samples: Samples, seen: Mapping[str, list[Rates]]) -> Outcome:
    mine, best = (median(rates.per_s for rates in seen[name]) for name in (ratio.ours, ratio.theirs[0]))
    return replace(ratio.of(samples, "requests/CPU s"), note=f"{mine:,.0f} requests/s beside {best:,.0f}")


if __name__ == "__main__":
    sys.exit(run("Serving and building signed lists, against bare aiohttp", measure))
