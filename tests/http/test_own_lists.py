"""Lists that an issuer adds to its sets, over HTTP: refresh, message and token."""

import asyncio
import base64
import gzip
import json
from urllib.parse import quote

import pytest

CREDENTIAL = {"type": ["VerifiableCredential"]}
MESSAGES = [
    {"status": "0x0", "message": "pending review"},
    {"status": "0x1", "message": "accepted"},
    {"status": "0x2", "message": "rejected"},
    {"status": "0x3", "message": "undefined"},
]
MESSAGE_LIST = {"statusSize": 2, "statusMessages": MESSAGES, "statusReference": "https://college.example/messages"}


class Issuer:
    """An issuer of its own, so that what it adds is added to nobody else's sets."""

    def __init__(self, service, slug, key):
        self.service, self.slug, self.key = service, slug, key

    async def ask(self, method, path, **how):
        return await self.service.ask(method, f"/issuers/{self.slug}{path}", key=self.key, **how)

    async def add(self, purpose, body=None):
        status, answer = await self.ask("PUT", f"/status-lists/{purpose}", json=body or {})
        assert status == 200, answer
        return answer

    async def register(self, body=CREDENTIAL):
        status, answer = await self.ask("POST", "/credentials", json=body)
        assert status == 201, answer
        return answer

    def of(self, registered, what=""):
        return f"/credentials/{quote(registered['credentialId'], safe='')}{what}"

    async def list_of(self, url):
        async with self.service.session.get(url) as response:
            assert response.status == 200, await response.read()
            return json.loads(await response.read())

    async def entry_of(self, registered, purpose, *, until):
        """What the published list says, as soon as it is *until*."""
        entry = entries_of(registered)[purpose]
        for _ in range(100):
            subject = (await self.list_of(entry["statusListCredential"]))["credentialSubject"]
            value = value_in(subject["encodedList"], int(entry["statusListIndex"]), subject.get("statusSize", 1))
            if value == until:
                break
            await asyncio.sleep(0.05)
        return value


@pytest.fixture
async def issuer(service):
    return Issuer(service, *await service.issuer())


def entries_of(registered):
    entries = registered["credentialStatus"]
    return {one["statusPurpose"]: one for one in (entries if isinstance(entries, list) else [entries])}


def value_in(encoded, index, size):
    """By hand: the entry begins at index * size, counted from the left."""
    bits = gzip.decompress(base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4)))
    text = "".join(f"{byte:08b}" for byte in bits[index * size // 8 :][: size + 1])
    return int(text[index * size % 8 :][:size], 2)


async def test_superseding_sets_the_refresh_bit_of_old_and_new_credentials(issuer):
    before, by = await issuer.register(), await issuer.register()
    assert list(entries_of(before)) == ["revocation", "suspension"]
    await issuer.ask("PUT", issuer.of(before, "/supersession"), json={"by": by["credentialId"]})
    added = await issuer.add("refresh")
    after = await issuer.register()
    assert list(entries_of(after)) == ["revocation", "suspension", "refresh"]
    refresh = entries_of(after)["refresh"]
    assert [refresh["statusListCredential"]] == added["statusLists"]
    assert await issuer.entry_of(after, "refresh", until=0) == 0
    await issuer.ask("PUT", issuer.of(after, "/supersession"), json={"by": by["credentialId"]})
    assert await issuer.entry_of(after, "refresh", until=1) == 1
    assert await issuer.entry_of(after, "revocation", until=0) == 0, "a refresh does not invalidate"
    index = int(entries_of(before)["revocation"]["statusListIndex"])
    subject = (await issuer.list_of(refresh["statusListCredential"]))["credentialSubject"]
    assert value_in(subject["encodedList"], index, 1) == 1, "it was superseded before there was a list to say so"
    status, same = await issuer.ask("POST", "/credentials", json={**CREDENTIAL, "credentialId": before["credentialId"]})
    assert (status, same["credentialStatus"]) == (201, before["credentialStatus"]), "what was issued does not change"


async def test_a_message_is_set_and_the_list_says_it_in_two_bits(issuer):
    await issuer.add("message", MESSAGE_LIST)
    registered = await issuer.register()
    entry = entries_of(registered)["message"]
    assert (entry["statusSize"], entry["statusMessage"]) == (2, MESSAGES)
    assert entry["statusReference"] == "https://college.example/messages"
    published = await issuer.list_of(entry["statusListCredential"])
    subject = published["credentialSubject"]
    assert (subject["statusPurpose"], subject["statusSize"]) == ("message", 2)
    assert [{"status": one["status"], "message": one["message"]} for one in subject["statusMessages"]] == MESSAGES
    bits = gzip.decompress(base64.urlsafe_b64decode(subject["encodedList"][1:] + "=="))
    assert len(bits) * 8 == 131_072 * 2, "131,072 entries, not bits"
    for value in ("0x2", "0x1", "0x0", "0x3"):
        status, answer = await issuer.ask("PUT", issuer.of(registered, "/message"), json={"status": value})
        assert (status, answer["message"]) == (200, MESSAGES[int(value, 16)])
        assert answer["status"] == "active"
        assert await issuer.entry_of(registered, "message", until=int(value, 16)) == int(value, 16)
    seen = {"Registry-Position": answer["position"]}
    path = f"/credential-status?id={quote(registered['credentialId'])}"
    _, found = await issuer.service.ask("GET", path, key="", headers=seen)
    assert found["message"] == MESSAGES[3]
    _, history = await issuer.ask("GET", issuer.of(registered, "/events"))
    assert [one["value"] for one in history["events"] if one["type"] == "CredentialMessageSet"] == [2, 1, 0, 3]


async def test_a_message_repeated_is_the_same_message_and_one_without_a_meaning_is_refused(issuer):
    without = await issuer.register()
    await issuer.add("message", MESSAGE_LIST)
    registered = await issuer.register()
    path = issuer.of(registered, "/message")
    _, first = await issuer.ask("PUT", path, json={"status": "0x2"})
    assert (await issuer.ask("PUT", path, json={"status": "0x2"}))[1] == first
    for wrong in ("0x4", "2", "0x", "0x02", "0xffff0", 2):
        assert (await issuer.ask("PUT", path, json={"status": wrong}))[0] == 400, wrong
    status, problem = await issuer.ask("PUT", issuer.of(without, "/message"), json={"status": "0x1"})
    assert (status, problem["type"].rpartition("/")[2]) == (409, "no-message-entry")


async def test_a_token_list_is_named_by_a_claim_beside_the_entries(issuer):
    await issuer.add("token")
    registered = await issuer.register()
    assert list(entries_of(registered)) == ["revocation", "suspension"]
    claim = registered["status"]["status_list"]
    assert claim["idx"] == int(registered["credentialStatus"][0]["statusListIndex"])
    async with issuer.service.session.get(claim["uri"], headers={"Accept": "application/statuslist+jwt"}) as response:
        assert (response.status, response.content_type) == (200, "application/statuslist+jwt")


async def test_an_open_badge_keeps_its_one_entry(service):
    issuer = Issuer(service, *await service.issuer(statusProfile="ob3"))
    for purpose, body in (("refresh", {}), ("message", MESSAGE_LIST), ("token", {"statusSize": 1})):
        await issuer.add(purpose, body)
    registered = await issuer.register()
    assert registered["credentialStatus"]["statusPurpose"] == "revocation"
    assert "status_list" in registered["status"]


async def test_adding_again_adds_nothing_and_another_shape_is_refused(issuer):
    first = await issuer.add("message", MESSAGE_LIST)
    assert await issuer.add("message", MESSAGE_LIST) == first
    for other in (
        {"statusSize": 1, "statusMessages": MESSAGES[:2]},
        {**MESSAGE_LIST, "statusReference": ["https://elsewhere.example/"]},
    ):
        status, problem = await issuer.ask("PUT", "/status-lists/message", json=other)
        assert (status, problem["type"].rpartition("/")[2]) == (409, "status-list-differs")
    status, answer = await issuer.ask("GET", "/status-list-sets")
    [only] = answer["sets"]
    assert [one["statusPurpose"] for one in only["statusLists"]] == ["revocation", "suspension", "message"]
    assert only["statusLists"][2]["id"] == first["statusLists"][0]
    assert (only["size"], only["open"]) == (131_072, True)


@pytest.mark.parametrize(
    ("purpose", "body", "expected"),
    [
        ("revocation", {}, 404),
        ("colour", {}, 404),
        ("refresh", {"statusSize": 2}, 400),
        ("token", {"statusSize": 3}, 400),
        ("message", {}, 400),
        ("message", {"statusSize": 2, "statusMessages": MESSAGES[:2]}, 400),
        ("message", {**MESSAGE_LIST, "statusMessages": [*MESSAGES[:3], {"status": "0x3", "message": "a & b"}]}, 400),
        ("message", {**MESSAGE_LIST, "statusReference": "urn:x"}, 400),
        ("message", {**MESSAGE_LIST, "colour": "red"}, 400),
    ],
)
async def test_a_list_that_cannot_be_is_refused(service, purpose, body, expected):
    path = f"/issuers/{service.issuer_slug}/status-lists/{purpose}"
    status, _ = await service.ask("PUT", path, json=body)
    assert status == expected
    _, answer = await service.ask("GET", f"/issuers/{service.issuer_slug}/status-list-sets")
    assert {len(one["statusLists"]) for one in answer["sets"]} <= {2}


async def test_an_addition_that_is_repeated_with_its_key_is_answered_as_before(issuer):
    headers = {"Idempotency-Key": "once"}
    first = await issuer.ask("PUT", "/status-lists/refresh", json={}, headers=headers)
    assert first == await issuer.ask("PUT", "/status-lists/refresh", json={}, headers=headers)
    assert first[0] == 200
