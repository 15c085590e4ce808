"""Many clients over two processes, which are killed meanwhile: what was acknowledged is true, and true once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest

from tests.interop.client import eventually
from tests.interop.processes import Deployment, Program, deployed
from tests.interop.second_opinion import StatusList, read
from tests.interop.truth import log_and_lists
from tests.servers import TestDatabase

pytestmark = pytest.mark.slow

CLIENTS = 64
ROUNDS = 15
TOTAL = CLIENTS * ROUNDS
ISSUERS = 4
REQUEST_S = 10


@dataclass
class Truth:
    """What the clients were told: allocations and revocations, each acknowledged."""

    allocated: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    answers: Counter[int | str] = field(default_factory=Counter)

    def entry(self, credential_id: str, purpose: str) -> tuple[str, int]:
        """Return list and index of one credential's entry."""
        [found] = [one for one in self.allocated[credential_id] if one["statusPurpose"] == purpose]
        return found["statusListCredential"], int(found["statusListIndex"])

    def entries(self, purpose: str, credential_ids: Iterable[str]) -> list[tuple[str, int]]:
        """Return list and index of each of *credential_ids*."""
        return [self.entry(one, purpose) for one in credential_ids]


@dataclass
class Crowd:
    """64 clients of four issuers, each of which asks whichever process answers, until one has acknowledged."""

    deployment: Deployment
    session: aiohttp.ClientSession
    issuers: list[tuple[str, str]] = field(default_factory=list)
    truth: Truth = field(default_factory=Truth)
    milestones: defaultdict[int, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    """Set when so many allocations were acknowledged."""

    async def make_issuers(self) -> None:
        """Register the issuers and make a key for each."""
        key = self.deployment.operator_key
        for number in range(ISSUERS):
            slug = f"crowd-{number}"
            body = {"slug": slug, "name": slug, "kind": "school", "jurisdiction": "US-CO", "did": "key"}
            await self.ask(key, "POST", "/issuers", body, doors=self.doors(0))
            made = await self.ask(key, "POST", f"/issuers/{slug}/api-keys", {"name": "crowd"}, doors=self.doors(0))
            self.issuers.append((slug, made["key"]))

    def doors(self, first: int) -> Iterable[Program]:
        """Return the doors in turns, beginning with one or the other."""
        return islice(cycle(self.deployment.doors), first, None)

    async def work(self, number: int) -> None:
        """Allocate, and revoke every other credential, over both doors."""
        slug, key = self.issuers[number % ISSUERS]
        for round_number in range(ROUNDS):
            # the service mints the id: only the Idempotency-Key tells a repetition from another credential
            body = {"type": ["VerifiableCredential"]}
            doors = self.doors(number + round_number)
            answer = await self.ask(key, "POST", f"/issuers/{slug}/credentials", body, doors)
            credential_id = answer["credentialId"]
            assert credential_id not in self.truth.allocated
            self.truth.allocated[credential_id] = answer["credentialStatus"]
            self.milestones[len(self.truth.allocated)].set()
            if round_number % 2:
                path = f"/issuers/{slug}/credentials/{quote(credential_id, safe='')}/revocation"
                answer = await self.ask(key, "PUT", path, {"reason": "issued-in-error"}, self.doors(number))
                assert answer["status"] == "revoked"
                self.truth.revoked.add(credential_id)

    async def ask(self, key: str, method: str, path: str, body: dict[str, Any], doors: Iterable[Program]) -> Any:
        """Return the acknowledgement; while there is none, repeat the request at the next door under the same key."""
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid4())}
        for door in doors:
            try:
                async with self.session.request(method, door.url + path, json=body, headers=headers) as response:
                    self.truth.answers[response.status] += 1
                    answer = await response.json(content_type=None)
                    if response.status in (200, 201):
                        return answer
                    assert response.status == 503, answer
            except (aiohttp.ClientError, TimeoutError) as error:
                self.truth.answers[type(error).__name__] += 1
            await asyncio.sleep(0.05)
        raise AssertionError("the doors never end")

    async def published(self, url: str) -> StatusList:
        """Return the list as the first door that answers publishes it."""
        for door in self.doors(0):
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self.session.get(url.replace(self.deployment.origin, door.url)) as response:
                    if response.status == 200:
                        return read(await response.json(content_type=None), url)
            await asyncio.sleep(0.05)
        raise AssertionError("the doors never end")


@pytest.fixture
async def crowd(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Crowd]:
    """Clients of a deployment of two doors and a projector."""
    timeout = aiohttp.ClientTimeout(total=REQUEST_S)
    async with deployed(database, tmp_path, doors=2) as deployment:
        connector = aiohttp.TCPConnector(limit=2 * CLIENTS)
        async with aiohttp.ClientSession(headers=deployment.host, timeout=timeout, connector=connector) as session:
            crowd = Crowd(deployment, session)
            await crowd.make_issuers()
            yield crowd


async def test_what_64_clients_over_two_processes_are_told_is_true(crowd: Crowd) -> None:
    await asyncio.gather(*(crowd.work(number) for number in range(CLIENTS)))
    await everything_acknowledged_holds(crowd)


async def test_it_stays_true_when_each_door_in_turn_is_killed(crowd: Crowd) -> None:
    """One of the two holds the lease of the log, so the writer itself is killed; sometimes both are down."""
    first, second = crowd.deployment.doors
    await while_killing(crowd, first, second, first)
    assert crowd.truth.answers["ClientConnectorError"], "nobody noticed"
    await everything_acknowledged_holds(crowd)


async def test_it_stays_true_when_the_projector_is_killed(crowd: Crowd) -> None:
    await while_killing(crowd, crowd.deployment.projector, crowd.deployment.projector)
    await everything_acknowledged_holds(crowd)


class Victim(Protocol):
    """Whatever can be killed, and started again."""

    async def kill(self) -> None: ...

    async def start(self) -> None: ...


async def while_killing(crowd: Crowd, *victims: Victim) -> None:
    """Let the clients work while *victims* are killed and started again, at even shares of the work."""

    async def killing() -> None:
        for number, victim in enumerate(victims, start=1):
            await crowd.milestones[TOTAL * number // (len(victims) + 1)].wait()
            # a commit answers many clients at once: let them send the next requests first
            await asyncio.sleep(random.uniform(0, 0.03))
            await victim.kill()
            await victim.start()

    await asyncio.gather(killing(), *(crowd.work(number) for number in range(CLIENTS)))


async def everything_acknowledged_holds(crowd: Crowd) -> None:
    """Assert that no index was given out twice, that the lists say what was revoked and no more, and the log too."""
    truth = crowd.truth
    assert len(truth.allocated) == TOTAL
    assert len(truth.revoked) == CLIENTS * (ROUNDS // 2)
    for purpose in ("revocation", "suspension"):
        given = truth.entries(purpose, truth.allocated)
        assert len(set(given)) == len(given)
    await the_lists_agree(crowd)
    await the_log_agrees(crowd)
    assert "events verified" in await crowd.deployment.run("verify-log")


async def the_lists_agree(crowd: Crowd) -> None:
    truth = crowd.truth
    expected = set(truth.entries("revocation", truth.revoked))
    urls = {url for url, _ in truth.entries("revocation", truth.allocated)}
    assert len(urls) == ISSUERS

    async def published() -> set[tuple[str, int]]:
        lists = {url: await crowd.published(url) for url in urls}
        return {(url, index) for url, found in lists.items() for index in found.set_indices()}

    assert await eventually(published, lambda found: found >= expected) == expected
    for url in {url for url, _ in truth.entries("suspension", truth.allocated)}:
        assert not (await crowd.published(url)).set_indices()


async def the_log_agrees(crowd: Crowd) -> None:
    """A repeated request recorded nothing twice: one event for each acknowledgement."""
    truth, checked = crowd.truth, await log_and_lists(crowd.deployment.database.superuser)
    registered = [event["credential_id"] for event in checked.of_type("CredentialRegistered")]
    revoked = [event["credential_id"] for event in checked.of_type("CredentialRevoked")]
    assert sorted(registered) == sorted(truth.allocated)
    assert sorted(revoked) == sorted(truth.revoked)
