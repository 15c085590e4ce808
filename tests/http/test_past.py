"""Questions about a moment that has passed, over HTTP: lists, entries and credentials."""

import asyncio
import base64
import json
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import aiohttp
import pytest

from tests.http.test_own_lists import CREDENTIAL, Issuer, entries_of, value_in
from tests.service import running_service, service_in_a_thread, service_settings

RETRIEVAL_ERROR = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR"
LONG_AGO, FAR_OFF = "1999-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


@pytest.fixture
async def issuer(service):
    return Issuer(service, *await service.issuer())


def stamp(moment):
    return moment.isoformat().replace("+00:00", "Z")


async def get(service, url, accept=None, **headers):
    headers = {**headers, **({"Accept": accept} if accept else {})}
    async with service.session.get(url, headers=headers) as response:
        return response.status, response.headers, await response.read()


async def revoked(issuer):
    """A credential that was revoked and published as such; the moments of its registration and of the change."""
    registered = await issuer.register()
    await issuer.entry_of(registered, "revocation", until=0)
    before = datetime.now(UTC)
    status, _ = await issuer.ask("PUT", issuer.of(registered, "/revocation"), json={"reason": "fraud"})
    assert status == 200
    assert await issuer.entry_of(registered, "revocation", until=1) == 1
    return registered, before, datetime.now(UTC)


async def test_a_list_is_told_as_it_stood_and_signed_anew(service, issuer):
    registered, before, after = await revoked(issuer)
    entry = entries_of(registered)["revocation"]
    url, index = entry["statusListCredential"], int(entry["statusListIndex"])
    for moment, expected in ((before, 0), (after, 1)):
        for written in (stamp(moment), stamp(moment).replace("Z", "+00:00")):
            status, headers, body = await get(service, f"{url}?timestamp={quote(written, safe='')}")
            assert (status, headers["Content-Type"]) == (200, "application/vc")
            document = json.loads(body)
            assert (document["id"], value_in(document["credentialSubject"]["encodedList"], index, 1)) == (url, expected)
            assert document["validFrom"] <= stamp(moment.replace(microsecond=0)) <= document["validUntil"]
            made = datetime.fromisoformat(document["proof"]["created"])
            assert made >= moment - timedelta(seconds=1), "what is signed now does not say that it was signed then"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cache-Control"] == "public, max-age=2"
    status, _, body = await get(service, f"{url}?timestamp={quote(stamp(after))}", **{"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")


async def test_a_token_list_is_told_as_it_stood(service, issuer):
    await issuer.add("token")
    registered, before, after = await revoked(issuer)
    claim = registered["status"]["status_list"]
    for moment, expected in ((before, 0), (after, 1)):
        claims = await token_at(service, f"{claim['uri']}?timestamp={quote(stamp(moment))}")
        assert token_value(claims, claim["idx"]) == expected
        assert claims["sub"] == claim["uri"]
        assert claims["iat"] <= moment.timestamp() < claims["exp"]
    for _ in range(100):  # whole seconds that have passed: the list, and then the change, is in one of the next
        seconds = int(datetime.now(UTC).timestamp())
        status, _, body = await get(service, f"{claim['uri']}?time={seconds}", "application/statuslist+jwt")
        if status == 200 and token_value(claims := claims_of(body), claim["idx"]):
            break
        assert status in (200, 404)
        await asyncio.sleep(0.05)
    assert token_value(claims, claim["idx"]) == 1
    assert claims["iat"] <= seconds < claims["exp"]
    revocation = entries_of(registered)["revocation"]["statusListCredential"]
    _, headers, _ = await get(service, f"{revocation}?time={seconds}")
    assert headers["Content-Type"] == "application/statuslist+jwt", "an IETF question gets an IETF answer"
    _, headers, _ = await get(service, f"{revocation}?time={seconds}", "application/vc")
    assert headers["Content-Type"] == "application/vc"


async def token_at(service, url):
    status, headers, body = await get(service, url, "application/statuslist+jwt")
    assert (status, headers["Content-Type"]) == (200, "application/statuslist+jwt"), body
    return claims_of(body)


def claims_of(token):
    payload = token.split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))


def token_value(claims, index):
    """By hand: index 0 is in the least significant bits of the first byte."""
    lst, bits = claims["status_list"]["lst"], claims["status_list"]["bits"]
    packed = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    return packed[index * bits // 8] >> (index * bits % 8) & ((1 << bits) - 1)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"timestamp={LONG_AGO}", 404), (f"timestamp={FAR_OFF}", 404), ("time=0", 404), ("time=32472144000", 404),
        ("time=999999999999", 404), ("timestamp=2026-01-01T00:00:00", 400), ("timestamp=yesterday", 400),
        ("timestamp=2026-01-01T00:00:00+02:00", 400), ("timestamp=", 400), ("time=", 400), ("time=-1", 400),
        ("time=1e9", 400), ("time=1.5", 400), ("time=9999999999999", 400),
        (f"timestamp={LONG_AGO}&time=0", 400), (f"timestamp={LONG_AGO}&timestamp={LONG_AGO}", 400),
        ("time=0&time=0", 400),
    ],
)  # fmt: skip
async def test_a_moment_without_a_list_is_the_specified_error(service, issuer, query, status):
    url = entries_of(await issuer.register())["revocation"]["statusListCredential"]
    found, headers, body = await get(service, f"{url}?{query}")
    problem = json.loads(body)
    assert (found, problem["status"], problem["type"], problem["code"]) == (status, status, RETRIEVAL_ERROR, -128)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Access-Control-Allow-Origin"] == "*"


async def test_an_unknown_list_has_no_past(service):
    url = f"{service.url}/status-lists/00000000-0000-4000-8000-000000000000?timestamp={quote(stamp(datetime.now(UTC)))}"
    status, _, body = await get(service, url)
    assert (status, json.loads(body)["type"]) == (404, RETRIEVAL_ERROR)


async def test_a_form_that_the_list_does_not_have_is_not_acceptable(service, issuer):
    url = entries_of(await issuer.register())["suspension"]["statusListCredential"]
    status, _, _ = await get(
        service, f"{url}?timestamp={quote(stamp(datetime.now(UTC)))}", "application/statuslist+jwt"
    )
    assert status == 406


async def test_lookups_are_answered_as_they_would_have_been(service, issuer):
    registered, before, after = await revoked(issuer)
    entry = entries_of(registered)["revocation"]
    queries = [
        {"credentialId": registered["credentialId"]},
        {"statusListCredential": entry["statusListCredential"], "statusListIndex": entry["statusListIndex"]},
        {"statusListCredential": entry["statusListCredential"], "statusListIndex": "131072"},
        {"statusListCredential": "https://elsewhere.example/1", "statusListIndex": 1},
        {"credentialId": "urn:uuid:00000000-0000-4000-8000-0000000000aa"},
    ]
    identifier, positions = quote(registered["credentialId"], safe=""), []
    for moment, standing, bit in ((before, "active", 0), (after, "revoked", 1)):
        when = f"timestamp={quote(stamp(moment))}"
        for path in (f"/credentials/{identifier}/status?{when}", f"/credential-status?id={identifier}&{when}"):
            status, found = await service.ask("GET", path, key="")
            assert (status, found["status"], found["asOf"]["time"]) == (200, standing, stamp(moment))
        status, answer = await service.ask("POST", f"/status-lookups?{when}", key="", json={"queries": queries})
        assert status == 200
        assert [one["status"] for one in answer["results"]] == [
            standing, "set" if bit else "clear", "unknown", "unknown", "unknown",
        ]  # fmt: skip
        said = {"status": "set" if bit else "clear", "statusPurpose": "revocation", "value": bit}
        assert answer["results"][1] == {**queries[1], **said}
        positions.append(answer["asOf"]["position"])
    assert 0 < positions[0] < positions[1]
    for when in (f"timestamp={LONG_AGO}", "time=915148800"):
        _, old = await service.ask("POST", f"/status-lookups?{when}", key="", json={"queries": queries})
        assert {one["status"] for one in old["results"]} == {"unknown"}
        assert (await service.ask("GET", f"/credential-status?id={identifier}&{when}", key=""))[0] == 404


@pytest.mark.parametrize(
    "when",
    [
        "timestamp=yesterday", "timestamp=2026-01-01T00:00:00", f"timestamp={FAR_OFF}", "time=1e9", "time=",
        "time=32472144000", f"time=0&timestamp={LONG_AGO}",
    ],
)  # fmt: skip
async def test_a_lookup_about_a_moment_that_is_none_is_refused(service, when):
    for method, path in (
        ("GET", "/credentials/urn:x:1/status?"),
        ("GET", "/credential-status?id=urn:x:1&"),
        ("POST", "/status-lookups?"),
    ):
        how = {"json": {"queries": []}} if method == "POST" else {}
        status, _ = await service.ask(method, path + when, key="", **how)
        assert status == (404 if FAR_OFF in when or "32472144000" in when else 400)


async def test_a_batch_asks_a_bounded_number_of_lists_about_their_past(service):
    queries = [{"statusListCredential": f"https://elsewhere.example/{n}", "statusListIndex": 0} for n in range(101)]
    path = f"/status-lookups?timestamp={LONG_AGO}"
    assert (await service.ask("POST", path, key="", json={"queries": queries}))[0] == 413


@pytest.mark.slow
async def test_a_registry_may_tell_nothing_about_the_past(database, tmp_path):
    opening = running_service(database, service_settings(tmp_path, history=False))
    with service_in_a_thread(opening) as service:
        async with aiohttp.ClientSession() as service.session:
            _, registered = await service.ask("POST", f"/issuers/{service.issuer_slug}/credentials", json=CREDENTIAL)
            url = registered["credentialStatus"][0]["statusListCredential"]
            now = quote(stamp(datetime.now(UTC)))
            for query in (f"timestamp={now}", "time=1780228800"):
                status, _, body = await get(service, f"{url}?{query}")
                assert (status, json.loads(body)["type"]) == (501, RETRIEVAL_ERROR)
            for path in (
                f"/credential-status?id=urn:x:1&timestamp={now}",
                f"/credentials/urn:x:1/status?timestamp={now}",
            ):
                assert (await service.ask("GET", path, key=""))[0] == 501
            assert (await get(service, url))[0] == 200
