"""The lists that name revoked credentials: only where the issuer chose them, whole, and with reasons only if public."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from openbadgeslib.ob2.verifier import OB2VerificationError, OB2Verifier

from tests.interop.client import Client, eventually

BOTH = ["1edtech", "ob2"]
ASSERTION = "https://college.example/assertions/1"


class School(Client):
    """An issuer whose lists of revoked credentials are read by anybody."""

    async def choose(self, **settings):
        status, answer = await self.service.ask(
            "PATCH", f"/issuers/{self.slug}", key=self.service.operator_key, json=settings
        )
        assert status == 200, answer
        self.position = answer["position"]
        return answer

    async def register(self, *credential_ids):
        for one in credential_ids:
            body = {"credentialId": one, "type": ["VerifiableCredential"]}
            await self._ask("POST", "credentials", 201, json=body)

    async def read(self, path, *, method="GET", **headers):
        asked = {"Registry-Position": self.position, **headers}
        url = f"{self.service.url}/issuers/{self.slug}/{path}"
        async with self.service.session.request(method, url, headers=asked) as response:
            return response.status, response.headers, await response.read()

    async def listed(self, path):
        status, _, body = await self.read(path)
        assert status == 200, body
        return json.loads(body)


@pytest.fixture
async def school(service):
    return await School.registered(service)


async def test_nothing_is_named_until_the_issuer_chose_it_and_nothing_after_it_took_it_back(school):
    await school.register("urn:x:1")
    await school.revoke("urn:x:1")
    for lists, statuses in (([], (404, 404)), (["1edtech"], (200, 404)), (["ob2"], (404, 200)), ([], (404, 404))):
        answer = await school.choose(legacyLists=lists)
        assert answer["legacyLists"] == lists
        found = [(await school.read(path))[0] for path in ("revocations", "revocation-list")]
        assert tuple(found) == statuses


async def test_revoked_credentials_are_named_and_others_are_not(school):
    await school.choose(legacyLists=BOTH)
    await school.register("urn:x:active", "urn:x:revoked", "urn:x:suspended", "https://college.example/ü?a=1&b=2")
    await school.suspend("urn:x:suspended")
    await school.revoke("urn:x:revoked")
    await school.revoke("https://college.example/ü?a=1&b=2")
    list_url = f"{school.service.url}/issuers/{school.slug}/revocations"
    _, directory = await school.service.ask("GET", f"/issuers/{school.slug}", key="")
    entries = [
        {"id": "urn:x:revoked", "revoked": True},
        {"id": "https://college.example/ü?a=1&b=2", "revoked": True},
    ]
    assert await school.listed("revocations") == {
        "id": list_url,
        "issuer": directory["id"],
        "revokedCredential": entries,
        "revokedCredentials": entries,
    }
    assert await school.listed("revocation-list") == {
        "@context": "https://w3id.org/openbadges/v2",
        "type": "RevocationList",
        "id": list_url.replace("revocations", "revocation-list"),
        "issuer": directory["id"],
        "revokedAssertions": [entry["id"] for entry in entries],
    }


async def test_reasons_are_told_only_where_they_are_public(school):
    await school.choose(legacyLists=BOTH)
    await school.register("urn:x:1")
    await school.revoke("urn:x:1")
    for path in ("revocations", "revocation-list"):
        assert "issued-in-error" not in json.dumps(await school.listed(path))
    await school.choose(publicReasons=True)
    [entry] = (await school.listed("revocations"))["revokedCredential"]
    assert entry == {"id": "urn:x:1", "revoked": True, "revocationReason": "issued-in-error"}
    [entry] = (await school.listed("revocation-list"))["revokedAssertions"]
    assert entry == {"id": "urn:x:1", "revocationReason": "issued-in-error"}


@pytest.mark.parametrize("path", ["revocations", "revocation-list"])
async def test_who_has_the_list_gets_304_until_something_is_revoked_or_told_otherwise(school, path):
    await school.choose(legacyLists=BOTH)
    await school.register("urn:x:1", "urn:x:2")
    _, headers, _ = await school.read(path)
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Access-Control-Allow-Origin"] == "*"
    etag = headers["ETag"]
    await school.suspend("urn:x:1")
    assert (await school.read(path, **{"If-None-Match": etag}))[0] == 304
    status, of_head, body = await school.read(path, method="HEAD")
    assert (status, of_head["ETag"], body) == (200, etag, b"")
    seen = {etag}
    for change in (lambda: school.revoke("urn:x:2"), lambda: school.choose(publicReasons=True)):
        await change()
        status, headers, _ = await school.read(path, **{"If-None-Match": ", ".join(seen)})
        assert status == 200
        assert headers["ETag"] not in seen
        seen.add(headers["ETag"])


async def test_an_unknown_issuer_is_404(service):
    for slug in ("nobody-here", "No%20Slug", "%00"):
        status, problem = await service.ask("GET", f"/issuers/{slug}/revocations", key="")
        assert (status, problem["type"].rpartition("/")[2]) == (404, "unknown-issuer")


async def test_others_validator_of_open_badges_2_sees_the_revocation(school):
    """openbadgeslib fetches assertion, badge class, issuer and our list, and judges."""
    await school.choose(legacyLists=["ob2"])
    await school.register(ASSERTION)
    hosted = {
        ASSERTION: {
            "@context": "https://w3id.org/openbadges/v2",
            "type": "Assertion",
            "id": ASSERTION,
            "recipient": {"type": "email", "hashed": False, "identity": "ada@college.example"},
            "badge": "https://college.example/badge",
            "verification": {"type": "HostedBadge"},
            "issuedOn": "2026-01-01T00:00:00+00:00",
        },
        "https://college.example/badge": {
            "@context": "https://w3id.org/openbadges/v2",
            "type": "BadgeClass",
            "id": "https://college.example/badge",
            "issuer": "https://college.example/issuer",
        },
        "https://college.example/issuer": {
            "@context": "https://w3id.org/openbadges/v2",
            "type": "Issuer",
            "id": "https://college.example/issuer",
            "revocationList": f"{school.service.url}/issuers/{school.slug}/revocation-list",
        },
    }

    def download(url: str) -> bytes:
        if url in hosted:
            return json.dumps(hosted[url]).encode()
        with urllib.request.urlopen(url, timeout=10) as response:
            return bytes(response.read())

    def judged() -> str:
        try:
            OB2Verifier(download=download).verify_hosted(hosted[ASSERTION], check_revocation=True)
        except OB2VerificationError as error:
            return str(error)
        return "valid"

    assert await asyncio.to_thread(judged) == "valid"
    await school.revoke(ASSERTION)
    verdict = await eventually(lambda: asyncio.to_thread(judged), lambda found: found != "valid")
    assert "has been revoked" in verdict


MANY = 100_000


@pytest.mark.slow
async def test_a_hundred_thousand_are_sent_piece_by_piece_while_lookups_go_on(school):
    await school.choose(legacyLists=BOTH)
    await school.register("urn:x:model")
    await school.revoke("urn:x:model")
    assert len((await school.listed("revocations"))["revokedCredential"]) == 1
    async with multiplied(school.service.database.superuser, "urn:x:model"):
        loop = asyncio.get_running_loop()
        reading = asyncio.gather(*(school.read(path) for path in ("revocations", "revocation-list", "revocations")))
        worst = 0.0
        while not reading.done():
            began = loop.time()
            assert await school.looked_up("urn:x:model") == "revoked"
            worst = max(worst, loop.time() - began)
    ids = {f"urn:x:model:{number}" for number in range(1, MANY)} | {"urn:x:model"}
    members = ("revokedCredentials", "revokedAssertions", "revokedCredential")
    for (status, headers, body), member in zip(await reading, members, strict=True):
        entries = json.loads(body)[member]
        assert (status, headers.get("Transfer-Encoding"), len(entries)) == (200, "chunked", MANY)
        assert {one if isinstance(one, str) else one["id"] for one in entries} == ids
    assert worst < 1


@asynccontextmanager
async def multiplied(superuser: str, model: str) -> AsyncIterator[None]:
    """Have `MANY` revoked credentials like *model* in the live rows for a while; the log knows nothing of them."""
    conn = await asyncpg.connect(superuser)
    table = "credential_status_1.credentials"
    try:
        await conn.execute(
            f"INSERT INTO {table} (position, registered_position, since, index, status, purposes, issuer_id, list_set,"
            "  log_name, credential_key, credential_id, profile)"
            " SELECT position, registered_position + number, since, number, status, purposes, issuer_id, list_set,"
            "  log_name, decode(md5(number::text), 'hex'), credential_id || ':' || number, profile"
            f"  FROM {table}, generate_series(1, $2) AS number WHERE credential_id = $1",
            model, MANY - 1,
        )  # fmt: skip
        yield
    finally:
        await conn.execute(f"DELETE FROM {table} WHERE starts_with(credential_id, $1 || ':')", model)
        await conn.close()
