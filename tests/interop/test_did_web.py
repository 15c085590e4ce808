"""A deployment with a public https origin: its did:web issuers, judged by verifiers that others wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.interop.client import eventually
from tests.interop.judge import CLEAR, Judge, Judgement
from tests.interop.processes import deployed
from tests.servers import TestDatabase

pytestmark = pytest.mark.slow

ORIGIN = "https://registry.example"
UNSIGNED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:holder"},
}


class Public:
    """The deployment as its clients see it, behind a proxy that speaks https."""

    def __init__(self, session: aiohttp.ClientSession, door: str, operator_key: str) -> None:
        self.door = door
        self._session = session
        self._operator_key = operator_key

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to the operator, who may do everything; it is no refusal."""
        headers = {"Authorization": f"Bearer {self._operator_key}"}

        async def attempt() -> tuple[int, Any]:
            async with self._session.request(method, self.door + path, json=body, headers=headers) as response:
                return response.status, await response.json(content_type=None)

        status, answer = await eventually(attempt, lambda got: got[0] != 503)
        assert status in (200, 201), answer
        return answer


@pytest.fixture
async def public(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Public]:
    """A deployment whose public origin is https."""
    async with (
        deployed(database, tmp_path, doors=1, origin=ORIGIN) as deployment,
        aiohttp.ClientSession(headers=deployment.host) as session,
    ):
        yield Public(session, deployment.doors[0].url, deployment.operator_key)


async def test_credentials_and_lists_of_a_did_web_issuer_are_accepted(idle_judge: Judge, public: Public) -> None:
    idle_judge.configure(ORIGIN, public.door)
    body = {"slug": "state", "name": "State", "kind": "agency", "jurisdiction": "US-CO", "did": "web"}
    issuer = await public.ask("POST", "/issuers", body)
    assert issuer["id"] == "did:web:registry.example:issuers:state"
    issued = await public.ask("POST", "/issuers/state/credentials/issue", {"credential": UNSIGNED})
    credential = issued["verifiableCredential"]
    assert credential["credentialStatus"][0]["statusListCredential"].startswith(f"{ORIGIN}/status-lists/")
    # the directory that did.json is read from follows the log
    found = await eventually(lambda: idle_judge.verify(credential), lambda judged: judged.verified)
    assert found == Judgement(verified=True, statuses=CLEAR)

    path = f"/issuers/state/credentials/{quote(credential['id'], safe='')}/revocation"
    await public.ask("PUT", path, {"reason": "key-compromise"})
    revoked = {"revocation": True, "suspension": False}
    assert await eventually(lambda: idle_judge.verify(credential).statuses, lambda seen: seen == revoked) == revoked


async def test_after_a_planned_rotation_old_and_new_are_accepted_and_after_a_compromise_only_what_is_new(
    idle_judge: Judge, public: Public
) -> None:
    idle_judge.configure(ORIGIN, public.door)
    body = {"slug": "state", "name": "State", "kind": "agency", "jurisdiction": "US-CO", "did": "web"}
    issuer = await public.ask("POST", "/issuers", body)

    async def issue() -> Any:
        issued = await public.ask("POST", "/issuers/state/credentials/issue", {"credential": UNSIGNED})
        return issued["verifiableCredential"]

    def accepted(*credentials: Any) -> list[Judgement]:
        return [idle_judge.verify(one) for one in credentials]

    first = await issue()
    await public.ask("POST", "/issuers/state/keys/rotation", {})
    second = await issue()
    good = Judgement(verified=True, statuses=CLEAR)
    both = await eventually(lambda: accepted(first, second), lambda seen: all(one.verified for one in seen))
    assert both == [good, good]
    keys = (await public.ask("GET", "/issuers/state/keys"))["keys"]
    assert [first["proof"]["verificationMethod"], second["proof"]["verificationMethod"]] == [one["id"] for one in keys]
    assert {one["controller"] for one in keys} == {issuer["id"]}

    await public.ask(
        "POST",
        "/issuers/state/keys/rotation",
        {"method": keys[1]["id"], "compromisedSince": "2026-01-01T00:00:00Z"},
    )
    third = await issue()
    # the lists are signed by the new key at the next tick; what the first key signed is as good as before
    kept = await eventually(lambda: accepted(first, third), lambda seen: all(one.verified for one in seen))
    assert kept == [good, good]
    refused = idle_judge.verify(second)
    assert not refused.verified
    assert "verification method" in " ".join(refused.errors)
