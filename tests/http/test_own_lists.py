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
        return await self.value_of(entry["statusListCredential"], int(entry["statusListIndex"]), until=until)

    async def value_of(self, url, index, *, until):
        for _ in range(100):
            subject = (await self.list_of(url))["credentialSubject"]
            value = value_in(subject["encodedList"], index, subject.get("statusSize", 1))
            if value == until:
                break
            await asyncio.sleep(0.05)
        return value

    async def set(self, url, purpose, index, status):
        named = {"statusPurpose": purpose, "statusListIndex": index, "statusListCredential": url}
        body = {
            "credentialId": "urn:uuid:0fc754bc-fc32-46a0-aec1-a5ef385e7ea0",
            "credentialStatus": {"type": "BitstringStatusListEntry", **named},
            "status": status,
        }
        return await self.ask("POST", "/credentials/status", json=body)


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
    _, nothing = await issuer.ask("PUT", path, json={"status": "0x0"})
    assert nothing["position"] == registered["position"], "that is what it says from the beginning"
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
    _, known = await issuer.ask("GET", issuer.of(registered), headers={"Registry-Position": registered["position"]})
    assert known["statusClaim"] == registered["status"]
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


# ── lists whose indices the issuer gives out itself ──────────────────────────────────────────────────────────


async def test_a_list_of_ones_own_is_opened_and_its_entries_are_set(issuer):
    body = {"statusPurpose": "suspension"}
    async with issuer.service.session.post(
        f"{issuer.service.url}/status-lists", json=body, headers=issuer.service.headers(issuer.key)
    ) as response:
        answer = await response.json()
        assert (response.status, response.headers["Location"]) == (201, answer["id"])
        assert response.headers["Registry-Position"] == answer["position"]
    url, signed = answer["id"], answer["verifiableCredential"]
    assert (signed["id"], signed["credentialSubject"]["statusPurpose"]) == (url, "suspension")
    assert signed["proof"]["cryptosuite"] == "eddsa-rdfc-2022"
    assert await issuer.list_of(url) == signed
    _, nothing = await issuer.set(url, "suspension", "131071", False)
    assert (nothing["status"], nothing["position"]) == ("clear", answer["position"])
    for status, word, value in ((True, "set", 1), (True, "set", 1), (False, "clear", 0)):
        code, changed = await issuer.set(url, "suspension", "131071", status)
        assert (code, changed["status"], changed["value"]) == (200, word, value)
        assert await issuer.value_of(url, 131_071, until=value) == value
    _, known = await issuer.ask("GET", "/status-list-sets")
    assert known["ownLists"] == [{"statusPurpose": "suspension", "id": url, "size": 131_072}]
    assert len(known["sets"]) == 1, "nothing is given out of it here"


async def test_a_list_of_ones_own_may_carry_messages(issuer):
    _, answer = await issuer.ask("POST", "/status-lists", json={"statusPurpose": "message", "options": MESSAGE_LIST})
    assert (await issuer.set(answer["id"], "message", "7", "0x2"))[1]["value"] == 2
    assert await issuer.value_of(answer["id"], 7, until=2) == 2


@pytest.mark.parametrize("purpose", ["revocation", "refresh"])
async def test_a_revocation_and_a_refresh_in_a_list_of_ones_own_are_final(issuer, purpose):
    _, answer = await issuer.ask("POST", "/status-lists", json={"statusPurpose": purpose})
    assert (await issuer.set(answer["id"], purpose, "7", True))[0] == 200
    status, problem = await issuer.set(answer["id"], purpose, "7", False)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "illegal-transition")


async def test_only_its_owner_sets_an_entry_and_only_as_the_list_allows(service, issuer):
    _, answer = await issuer.ask("POST", "/status-lists", json={"statusPurpose": "suspension"})
    url = answer["id"]
    other = Issuer(service, *await service.issuer())
    status, _ = await other.set(url, "suspension", "1", True)
    assert status == 404, "to others it is a list they know nothing of"
    for purpose, index, value in (
        ("revocation", "1", True),
        ("suspension", "131072", True),
        ("suspension", "01", True),
        ("suspension", None, True),
        ("suspension", "1", "0x2"),
        ("suspension", "-1", True),
    ):
        assert (await issuer.set(url, purpose, index, value))[0] == 400, (purpose, index, value)
    assert await issuer.value_of(url, 1, until=0) == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"statusPurpose": "token"},
        {"statusPurpose": "colour"},
        {"statusPurpose": "message"},
        {"statusPurpose": "revocation", "options": {"statusSize": 2}},
        {"statusPurpose": "revocation", "id": "https://elsewhere.example/1"},
    ],
)
async def test_a_list_of_ones_own_that_cannot_be_is_refused(service, body):
    assert (await service.ask("POST", "/status-lists", json=body))[0] == 400


async def test_an_operator_opens_a_list_for_the_issuer_that_the_path_names(service, issuer):
    body = {"statusPurpose": "revocation"}
    status, problem = await service.ask("POST", "/status-lists", key=service.operator_key, json=body)
    assert (status, "no issuer" in problem["detail"]) == (400, True)
    path = f"/issuers/{issuer.slug}/status-lists"
    status, answer = await service.ask("POST", path, key=service.operator_key, json=body)
    assert status == 201
    _, known = await issuer.ask("GET", "/status-list-sets")
    assert [one["id"] for one in known["ownLists"]] == [answer["id"]]


async def test_an_index_that_was_never_given_out_is_answered_like_one_that_was(issuer):
    """Nobody learns how many credentials there are."""
    registered = await issuer.register()
    entry = entries_of(registered)["revocation"]
    await issuer.entry_of(registered, "revocation", until=0)
    given, free = int(entry["statusListIndex"]), (int(entry["statusListIndex"]) + 1) % 131_072
    answers = []
    for index in (given, free):
        query = {"statusListCredential": entry["statusListCredential"], "statusListIndex": str(index)}
        _, answer = await issuer.service.ask("POST", "/status-lookups", key="", json={"queries": [query]})
        answers.append({**answer["results"][0], "statusListIndex": ""})
    assert answers[0] == answers[1]
    assert (answers[0]["status"], answers[0]["value"]) == ("clear", 0)


async def test_a_verification_tells_the_message_and_judges_nothing_by_it(issuer):
    await issuer.add("message", MESSAGE_LIST)
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"id": "did:example:ada"},
    }
    _, issued = await issuer.ask("POST", "/credentials/issue", json={"credential": document})
    credential = issued["verifiableCredential"]
    await issuer.ask("PUT", f"/credentials/{quote(credential['id'], safe='')}/message", json={"status": "0x2"})
    for _ in range(100):
        body = {"verifiableCredential": credential}
        status, answer = await issuer.service.ask("POST", "/credentials/verify", key="", json=body)
        found = answer["results"]["credentialStatus"][2]
        if found.get("value") == 2:
            break
        await asyncio.sleep(0.05)
    assert (status, answer["verdict"]) == (200, "valid")
    assert (found["verified"], found["value"], found["message"]) == (True, 2, "rejected")


async def test_a_refresh_and_a_message_through_vcalm(issuer):
    await issuer.add("refresh")
    await issuer.add("message", MESSAGE_LIST)
    registered = await issuer.register()
    named = {"credentialId": registered["credentialId"]}
    kind = {"type": "BitstringStatusListEntry", "statusPurpose": "message"}
    body = {**named, "credentialStatus": kind, "status": "0x1"}
    status, answer = await issuer.ask("POST", "/credentials/status", json=body)
    assert (status, answer["message"]["message"]) == (200, "accepted")
    for purpose, value in (("refresh", True), ("revocation", "0x1"), ("suspension", "0x0")):
        body = {**named, "credentialStatus": {**kind, "statusPurpose": purpose}, "status": value}
        assert (await issuer.ask("POST", "/credentials/status", json=body))[0] == 400, purpose
