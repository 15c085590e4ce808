"""Every form of a list over the wire: what both specifications say of it, and what others got wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.envelopes import b64, jws, sign1, token_of_cwt, token_of_jwt, w3c_bits

EMBEDDED, VC_JWT, VC_COSE = "application/vc", "application/vc+jwt", "application/vc+cose"
STATUSLIST_JWT, STATUSLIST_CWT = "application/statuslist+jwt", "application/statuslist+cwt"
FORMS = [EMBEDDED, VC_JWT, VC_COSE, STATUSLIST_JWT, STATUSLIST_CWT]
W3C, IETF = FORMS[:3], FORMS[3:]
TTL_S = 2
"""Of the tests' service."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Asking:
    """An issuer, and the lists of a credential of its."""

    service: Any
    slug: str
    key: str
    registered: dict[str, Any]

    @property
    def entries(self) -> dict[str, dict[str, str]]:
        return {one["statusPurpose"]: one for one in self.registered["credentialStatus"]}

    @property
    def index(self) -> int:
        return int(self.entries["revocation"]["statusListIndex"])

    async def get(self, url: str, accept: str | None = None, method: str = "GET", **headers: str) -> Answer:
        """Ask for a list as a client does that unpacks nothing."""
        wanted = {"Accept-Encoding": "identity", **({"Accept": accept} if accept else {})}
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        session = self.service.session
        async with session.request(method, url, headers=wanted, auto_decompress=False) as response:
            return Answer(response.status, response.headers, await response.read())

    async def revocation(self, accept: str | None = None, **how: str) -> Answer:
        return await self.get(self.entries["revocation"]["statusListCredential"], accept, **how)

    async def suspension(self, accept: str | None = None, **how: str) -> Answer:
        return await self.get(self.entries["suspension"]["statusListCredential"], accept, **how)

    async def ask(self, method: str, path: str, **how: Any) -> tuple[int, Any]:
        return await self.service.ask(method, f"/issuers/{self.slug}/{path}", key=self.key, **how)

    async def change(self, method: str, what: str) -> None:
        identifier = quote(self.registered["credentialId"], safe="")
        status, answer = await self.ask(method, f"credentials/{identifier}/{what}")
        assert status == 200, answer

    async def method_key(self, method_id: str) -> str:
        """The public key that the verification method of a did:key names."""
        did, _, fragment = method_id.partition("#")
        assert did == f"did:key:{fragment}"
        return fragment


async def asking(service: Any, **fields: Any) -> Asking:
    slug, key = await service.issuer(**fields)
    one = Asking(service, slug, key, {})
    one.registered = await registered(one)
    return one


async def registered(one: Asking) -> dict[str, Any]:
    """Register a credential; an issuer's first lists are published within a moment."""
    for _ in range(100):
        status, answer = await one.ask("POST", "credentials", json={"type": ["VerifiableCredential"]})
        if status != 503:
            assert status == 201, answer
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError("the lists were never published")


async def until(attempt: Any, is_good: Any) -> Any:
    """Return the first good result, or the last one after ten seconds; the service publishes five times a second."""
    for _ in range(200):
        result = await attempt()
        if is_good(result):
            break
        await asyncio.sleep(0.05)
    return result


_read: dict[str, Asking] = {}


@pytest.fixture
async def one(service):
    """An issuer that all tests share which only read."""
    if service.url not in _read:
        _read[service.url] = await asking(service)
    return replace(_read[service.url], service=service)


@pytest.fixture
async def own(service):
    """An issuer of the test's own."""
    return await asking(service)


# ── negotiation, validators, codings ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_comes_with_all_that_a_cache_needs(one, form):
    whole = await one.revocation(form)
    assert (whole.status, whole.headers["Content-Type"]) == (200, form)
    assert re.fullmatch(r'"[0-9a-f]{64}"', whole.headers["ETag"]), "a strong one"
    assert {"accept", "accept-encoding"} == {part.strip().lower() for part in whole.headers["Vary"].split(",")}
    [age] = re.match(r"public, max-age=(\d+)", whole.headers["Cache-Control"]).groups()
    assert int(age) <= TTL_S
    assert "Last-Modified" in whole.headers
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    head = await one.revocation(form, method="HEAD")
    passing = {"Date", "Cache-Control", "Last-Modified"}
    assert head.body == b""
    assert {name: head.headers[name] for name in head.headers if name not in passing} == {
        name: whole.headers[name] for name in whole.headers if name not in passing
    }
    assert int(head.headers["Content-Length"]) == len(whole.body)


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_has_its_own_tag_and_304(one, form):
    whole = await one.revocation(form)
    same = await one.revocation(form, If_None_Match=whole.headers["ETag"])
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", whole.headers["ETag"])
    assert "Content-Type" not in same.headers
    for other in set(FORMS) - {form}:
        assert (await one.revocation(other, If_None_Match=whole.headers["ETag"])).status == 200


@pytest.mark.parametrize("form", FORMS)
async def test_each_form_comes_gzipped_under_a_tag_of_its_own(one, form):
    plain, packed = await one.revocation(form), await one.revocation(form, Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    again = await one.revocation(form, Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("form", FORMS)
async def test_no_cache_costs_no_signature(one, form):
    """A signature would be another one: of another second at least, and its tag another tag."""
    tags = {(await one.revocation(form, Cache_Control="no-cache")).headers["ETag"] for _ in range(3)}
    assert len(tags) == 1


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, EMBEDDED),
        ("*/*", EMBEDDED),
        ("application/*", EMBEDDED),
        ("application/ld+json, application/json", "application/ld+json"),
        ("application/json", "application/json"),
        ("text/html, */*;q=0.8", EMBEDDED),
        ("application/vc+jwt, application/json;q=0.9", VC_JWT),
        ("application/statuslist+cwt;q=0.5, application/statuslist+jwt", STATUSLIST_JWT),
    ],
)
async def test_accept_chooses(one, accept, expected):
    answer = await one.revocation(accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, expected)
    if "json" in expected or expected == EMBEDDED:
        assert answer.json["proof"]["cryptosuite"] == "eddsa-rdfc-2022"


@pytest.mark.parametrize("accept", ["text/html", "application/jwt", "application/cwt", "application/vc+sd-jwt"])
async def test_nothing_that_fits_is_406_with_what_there_is(one, accept):
    answer = await one.revocation(accept)
    assert answer.status == 406
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["type"].endswith("/problems/not-acceptable")
    assert answer.json["available"] == [EMBEDDED, "application/ld+json", "application/json", *FORMS[1:]]


@pytest.mark.parametrize("form", IETF)
async def test_a_suspension_list_has_no_ietf_form(one, form):
    """There, a set bit would say INVALID."""
    answer = await one.suspension(form)
    assert answer.status == 406
    assert not set(IETF) & set(answer.json["available"])
    for w3c in W3C:
        assert (await one.suspension(w3c)).status == 200


# ── what both specifications say ─────────────────────────────────────────────────────────────────────────────


async def test_bit_order_compression_text_ttl_and_times(own):
    """Index 0 is the most significant bit for the W3C and the least for the IETF; GZIP and `u`, ZLIB and no prefix;
    milliseconds and seconds."""
    await own.change("PUT", "revocation")
    embedded = (await until(lambda: own.revocation(EMBEDDED), lambda got: w3c_bits(got.json))).json
    claims, listed = token_of_jwt((await own.revocation(STATUSLIST_JWT)).body)
    encoded, lst = embedded["credentialSubject"]["encodedList"], claims["status_list"]["lst"]
    assert b64(encoded[1:].encode())[:2] == b"\x1f\x8b", "GZIP"
    assert b64(encoded[1:].encode())[4:8] == bytes(4), "without a time"
    assert encoded[0] == "u"
    assert b64(lst.encode())[0] == 0x78, "ZLIB"
    assert w3c_bits(embedded) == {own.index} == set(listed.not_zero())
    octet, place = divmod(own.index, 8)
    assert listed.packed[octet] == 1 << place
    assert embedded["credentialSubject"]["ttl"] == TTL_S * 1000
    assert claims["ttl"] == TTL_S
    assert claims["status_list"]["bits"] == 1
    assert len(listed.packed) * 8 == 131_072
    assert datetime.fromisoformat(embedded["validUntil"]).timestamp() == claims["exp"]
    # validFrom is back-dated five minutes for clocks that are slow; iat is when the list was issued
    assert datetime.fromisoformat(embedded["validFrom"]).timestamp() == claims["iat"] - 300


async def test_the_index_is_a_string_for_the_w3c_and_entries_are_no_lists(one):
    for entry in one.registered["credentialStatus"]:
        assert entry["type"] == "BitstringStatusListEntry"
        assert re.fullmatch(r"0|[1-9][0-9]*", entry["statusListIndex"])
        assert entry["id"] != entry["statusListCredential"]
        assert "statusSize" not in entry
    assert [entry["statusPurpose"] for entry in one.registered["credentialStatus"]] == ["revocation", "suspension"]


async def test_what_verifiers_demand_of_a_list_credential(one):
    for purpose, answer in (("revocation", await one.revocation()), ("suspension", await one.suspension())):
        document = answer.json
        assert document["@context"] == ["https://www.w3.org/ns/credentials/v2"]
        assert document["type"] == ["VerifiableCredential", "BitstringStatusListCredential"]
        assert document["id"] == one.entries[purpose]["statusListCredential"]
        assert document["issuer"] == one.registered["issuer"], "a string, and the credential's"
        subject = document["credentialSubject"]
        assert (subject["type"], subject["statusPurpose"]) == ("BitstringStatusList", purpose)
        assert "statusSize" not in subject
        assert b"&" not in answer.body
        began, ends = (datetime.fromisoformat(document[name]) for name in ("validFrom", "validUntil"))
        assert ends - began <= timedelta(hours=24)
        assert document["proof"]["cryptosuite"] == "eddsa-rdfc-2022"


async def test_a_credential_in_a_jwt(one):
    answer = await one.revocation(VC_JWT)
    envelope, document = jws(answer.body), (await one.revocation()).json
    assert envelope.header == {"alg": "EdDSA", "typ": "vc+jwt", "cty": "vc", "kid": envelope.header["kid"]}
    assert envelope.header["kid"].startswith(f"{one.registered['issuer']}#")
    envelope.check(await one.method_key(envelope.header["kid"]))
    proof = document.pop("proof")
    assert json.loads(envelope.payload) == document
    assert proof["verificationMethod"] == envelope.header["kid"]


async def test_a_credential_in_cose(one):
    answer = await one.revocation(VC_COSE)
    envelope, document = sign1(answer.body), (await one.revocation()).json
    kid = envelope.header[4]
    assert envelope.header == {1: -8, 3: "application/vc", 4: kid, 16: "application/vc+cose"}
    envelope.check(await one.method_key(kid.decode()))
    del document["proof"]
    assert json.loads(envelope.payload) == document


async def test_a_token_status_list_as_jwt(one):
    answer = await one.revocation(STATUSLIST_JWT)
    envelope = jws(answer.body)
    assert envelope.header == {"alg": "EdDSA", "typ": "statuslist+jwt", "kid": envelope.header["kid"]}
    envelope.check(await one.method_key(envelope.header["kid"]))
    claims = json.loads(envelope.payload)
    assert claims.keys() == {"sub", "iat", "exp", "ttl", "status_list"}, "and no iss"
    assert claims["sub"] == one.entries["revocation"]["statusListCredential"]
    assert claims["status_list"].keys() == {"bits", "lst", "aggregation_uri"}
    assert all(type(claims[name]) is int for name in ("iat", "exp", "ttl"))


async def test_a_token_status_list_as_cwt(one):
    answer = await one.revocation(STATUSLIST_CWT)
    assert answer.body[0] == 0xD2, "tag 18, and no tag 61 (0xd83d) around it"
    envelope = sign1(answer.body)
    kid = envelope.header[4]
    assert envelope.header == {1: -8, 4: kid, 16: "application/statuslist+cwt"}
    assert isinstance(kid, bytes)
    envelope.check(await one.method_key(kid.decode()))
    claims, listed = token_of_cwt(answer.body)
    assert claims.keys() == {2, 4, 6, 65533, 65534}, "sub, exp, iat, status_list, ttl, and no iss (1)"
    assert claims[2] == one.entries["revocation"]["statusListCredential"]
    assert claims[65533].keys() == {"bits", "lst", "aggregation_uri"}
    assert isinstance(claims[65533]["lst"], bytes)
    as_jwt, _ = token_of_jwt((await one.revocation(STATUSLIST_JWT)).body)
    assert (claims[4], claims[6], claims[65534]) == (as_jwt["exp"], as_jwt["iat"], as_jwt["ttl"])
    assert listed.not_zero() == {}


# ── keys and mechanisms ──────────────────────────────────────────────────────────────────────────────────────


async def test_envelopes_are_signed_with_p256_where_there_is_such_a_key(service):
    one = await asking(service, mechanisms=["ecdsa-rdfc-2019"])
    document = (await one.revocation()).json
    assert document["proof"]["cryptosuite"] == "ecdsa-rdfc-2019"
    for form, read, alg in ((STATUSLIST_JWT, jws, "ES256"), (STATUSLIST_CWT, sign1, -7)):
        envelope = read((await one.revocation(form)).body)
        kid = envelope.header["kid" if read is jws else 4]
        assert envelope.header["alg" if read is jws else 1] == alg
        envelope.check(await one.method_key(kid if isinstance(kid, str) else kid.decode()))


@pytest.mark.parametrize("mechanism", ["eddsa-jcs-2022", "ecdsa-jcs-2019"])
async def test_the_embedded_form_is_of_the_issuers_first_data_integrity_mechanism(service, mechanism):
    one = await asking(service, mechanisms=["vc+jwt", mechanism])
    assert (await one.revocation()).json["proof"]["cryptosuite"] == mechanism


# ── token lists ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("bits", "expected"), [(1, [0, 0, 0, 1]), (2, [0, 2, 0, 1]), (4, [0, 2, 0, 1]), (8, [0, 2, 0, 1])]
)
async def test_a_token_list_says_valid_suspended_valid_invalid(service, bits, expected):
    one = await asking(service)
    status, answer = await one.ask("PUT", "status-lists/token", json={"statusSize": bits})
    assert status == 200, answer
    one.registered = await registered(one)
    given = one.registered["status"]["status_list"]
    assert type(given["idx"]) is int
    assert given["idx"] == one.index
    steps = (("PUT", "suspension"), ("DELETE", "suspension"), ("PUT", "revocation"))
    for step, value in zip((None, *steps), expected, strict=True):
        if step is not None:
            await one.change(*step)
            await until(lambda: lookup(one, given["uri"]), lambda found, value=value: found == value)
        for form, read in ((STATUSLIST_JWT, token_of_jwt), (STATUSLIST_CWT, token_of_cwt)):
            claims, listed = read((await one.get(given["uri"], form)).body)
            assert (listed.bits, listed.value(given["idx"])) == (bits, value)
            assert len(listed.packed) * 8 // bits == 131_072
            assert claims["sub" if form is STATUSLIST_JWT else 2] == given["uri"]
    for form in (*W3C, "application/json", "application/ld+json"):
        assert (await one.get(given["uri"], form)).status == 406
    assert (await one.get(given["uri"], "*/*")).headers["Content-Type"] == STATUSLIST_JWT


async def lookup(one: Asking, url: str) -> int:
    """What a lookup by (list, index) says: what is published."""
    query = {"statusListCredential": url, "statusListIndex": one.index}
    _, answer = await one.service.ask("POST", "/status-lookups", key="", json={"queries": [query]})
    return answer["results"][0]["value"]


# ── aggregation ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_all_token_status_lists_of_an_issuer_are_listed_page_by_page(own):
    await own.ask("PUT", "status-lists/token", json={})
    await registered(own)
    claims, _ = token_of_jwt((await own.revocation(STATUSLIST_JWT)).body)
    endpoint = claims["status_list"]["aggregation_uri"]
    _, entry = await own.service.ask("GET", f"/issuers/{own.slug}", key="")
    assert endpoint == entry["status_list_aggregation_endpoint"]
    whole = await until(lambda: own.get(endpoint), lambda got: len(got.json["status_lists"]) == 2)
    assert whole.headers["Content-Type"].startswith("application/json")
    urls = whole.json["status_lists"]
    assert urls[0] == own.entries["revocation"]["statusListCredential"]
    assert own.entries["suspension"]["statusListCredential"] not in urls
    for url in urls:
        claims, _ = token_of_jwt((await own.get(url, STATUSLIST_JWT)).body)
        assert claims["sub"] == url
    first = await own.get(f"{endpoint}?limit=1")
    [following] = re.fullmatch(r'<(.+)>; rel="next"', first.headers["Link"]).groups()
    second = await own.get(following)
    assert [*first.json["status_lists"], *second.json["status_lists"]] == urls
    assert "Link" not in second.headers


async def test_an_aggregation_of_nobody_and_a_cursor_of_somebody_else(service):
    assert (await service.ask("GET", "/issuers/nobody-at-all/status-lists", key=""))[0] == 404
    assert (await service.ask("GET", f"/issuers/{service.issuer_slug}/status-lists?cursor=AAAA", key=""))[0] == 400
