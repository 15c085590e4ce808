"""From the registration of an issuer to the bit in its list, over HTTP."""

import asyncio
import gzip
import json
from base64 import urlsafe_b64decode
from urllib.parse import quote

import pytest

from tests.service import running_service, service_settings

CONTEXT = "https://www.w3.org/ns/credentials/v2"


def unsigned(**members):
    return {
        "@context": [CONTEXT],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"id": "did:example:ada"},
        "validFrom": "2026-01-01T00:00:00Z",
        **members,
    }


def path_of(slug, identifier, *rest):
    return "/".join([f"/issuers/{slug}/credentials/{quote(identifier, safe='')}", *rest])


def bit(status_list, index):
    encoded = status_list["credentialSubject"]["encodedList"][1:]
    bits = gzip.decompress(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return bits[index // 8] >> (7 - index % 8) & 1


async def published_bit(service, entry, *, until):
    """The entry's bit in the published list, as soon as it is what is waited for; the list's ticks are short."""
    for _ in range(100):
        async with service.session.get(entry["statusListCredential"]) as response:
            assert response.status == 200
            value = bit(json.loads(await response.read()), int(entry["statusListIndex"]))
        if value == until:
            return value
        await asyncio.sleep(0.1)
    return value


async def issued(service, **members):
    status, answer = await service.ask(
        "POST", f"/issuers/{service.issuer_slug}/credentials/issue", json={"credential": unsigned(**members)}
    )
    assert status == 201, answer
    return answer["verifiableCredential"]


async def test_a_credential_is_issued_suspended_reinstated_and_revoked_and_the_world_sees_it(service):
    credential = await issued(service)
    identifier, slug = credential["id"], service.issuer_slug
    revocation, suspension = credential["credentialStatus"]
    assert identifier.startswith("urn:uuid:")
    assert credential["proof"]["cryptosuite"] == "eddsa-rdfc-2022"
    assert await published_bit(service, revocation, until=0) == 0

    status, answer = await service.ask("PUT", path_of(slug, identifier, "suspension"), json={"reason": "investigation"})
    assert (status, answer["status"]) == (200, "suspended")
    assert await published_bit(service, suspension, until=1) == 1

    status, answer = await service.ask("DELETE", path_of(slug, identifier, "suspension"))
    assert (status, answer["status"]) == (200, "active")
    assert await published_bit(service, suspension, until=0) == 0

    status, answer = await service.ask("PUT", path_of(slug, identifier, "revocation"), json={"reason": "fraud"})
    assert (status, answer["status"]) == (200, "revoked")
    assert await published_bit(service, revocation, until=1) == 1

    seen = {"Registry-Position": answer["position"]}
    status, found = await service.ask("GET", f"/credentials/{quote(identifier, safe='')}/status", key="", headers=seen)
    assert (status, found["status"]) == (200, "revoked")
    assert "reason" not in found, "an issuer that does not publish reasons keeps them to itself"
    assert found["issuer"]["slug"] == slug
    assert [revocation, suspension] == found["credentialStatus"]

    status, own = await service.ask("GET", path_of(slug, identifier))
    assert (status, own["reason"]) == (200, "fraud")
    status, history = await service.ask("GET", path_of(slug, identifier, "events"))
    assert [event["type"] for event in history["events"]] == [
        "CredentialRegistered", "CredentialSecured", "CredentialSuspended", "CredentialReinstated", "CredentialRevoked",
    ]  # fmt: skip
    assert history["events"][-1]["reason"] == "fraud"


async def test_a_write_is_seen_by_a_lookup_that_carries_its_position(service):
    slug = service.issuer_slug
    for number in range(10):
        identifier = f"https://college.example/credentials/{number}?a=b&c=%2F"
        body = {"credentialId": identifier, "type": ["VerifiableCredential"]}
        status, made = await service.ask("POST", f"/issuers/{slug}/credentials", json=body)
        assert status == 201, made
        headers = {"Registry-Position": made["position"]}
        status, found = await service.ask(
            "GET", f"/credential-status?id={quote(identifier, safe='')}&issuer={slug}", key="", headers=headers
        )
        assert (200, "active", identifier) == (status, found["status"], found["credentialId"])


async def test_a_position_that_never_comes_is_503_with_a_time_to_come_back(database, tmp_path):
    headers = {"Registry-Position": "main:999999999999"}
    async with (
        running_service(database, service_settings(tmp_path, visibility_wait_s=0.1)) as service,
        service.session.get(f"{service.url}/issuers", headers=headers) as response,
    ):
        problem = await response.json(content_type=None)
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert problem["type"].endswith("/problems/not-yet-visible")


async def test_the_same_request_under_its_key_takes_effect_once_and_gets_the_same_bytes(service):
    path = f"{service.url}/issuers/{service.issuer_slug}/credentials/issue"
    headers = {**service.headers(), "Idempotency-Key": f"once-{id(path)}"}
    answers = []
    for _ in range(2):
        async with service.session.post(path, json={"credential": unsigned()}, headers=headers) as response:
            headers_said = [response.headers.get(name) for name in ("Idempotency-Replayed", "Location")]
            answers.append((response.status, await response.read(), *headers_said))
    (first, body, replayed, place), (second, again, replayed_again, place_again) = answers
    assert (first, second, replayed, replayed_again) == (201, 201, None, "true")
    assert (body, place) == (again, place_again)
    _, there = await service.ask("GET", str(place).removeprefix(service.url))
    assert there["credentialId"] == json.loads(body)["verifiableCredential"]["id"]

    other = {"credential": unsigned(validUntil="2030-01-01T00:00:00Z")}
    async with service.session.post(path, json=other, headers=headers) as response:
        problem = await response.json(content_type=None)
    assert (problem["status"], problem["type"].endswith("/problems/key-reused")) == (422, True)


async def test_a_repeated_issue_gets_its_bytes_also_when_the_issuer_may_issue_no_more(service):
    slug, key = await service.issuer()
    path = f"/issuers/{slug}/credentials/issue"
    body, headers = {"credential": unsigned()}, {"Idempotency-Key": "before"}
    first = await service.ask("POST", path, key=key, json=body, headers=headers)
    assert first[0] == 201
    assert (await service.ask("PUT", f"/issuers/{slug}/suspension", key=service.operator_key))[0] == 200
    assert await service.ask("POST", path, key=key, json=body, headers=headers) == first
    named = {"credential": unsigned(id=first[1]["verifiableCredential"]["id"])}
    assert await service.ask("POST", path, key=key, json=named) == first
    status, problem = await service.ask("POST", path, key=key, json={"credential": unsigned()})
    assert (status, problem["type"].endswith("/problems/issuer-not-active")) == (409, True)


async def test_what_was_only_registered_is_not_signed_for_a_suspended_issuer(service):
    slug, key = await service.issuer()
    document = unsigned(id=f"urn:example:{slug}")
    registered = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json={"credential": document})
    assert registered[0] == 201
    assert (await service.ask("PUT", f"/issuers/{slug}/suspension", key=service.operator_key))[0] == 200
    path = f"/issuers/{slug}/credentials/issue"
    status, problem = await service.ask("POST", path, key=key, json={"credential": document})
    assert (status, problem["type"].endswith("/problems/issuer-not-active")) == (409, True)


async def test_a_repeated_change_answers_with_the_position_of_the_first(service):
    slug, key = await service.issuer()
    for name in ("first", "second"):
        body = {"credentialId": f"urn:example:{slug}:{name}", "type": ["VerifiableCredential"]}
        assert (await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json=body))[0] == 201
    credential, successor = path_of(slug, f"urn:example:{slug}:first"), f"urn:example:{slug}:second"

    async def twice(method, path, first, second, key=key):
        answers = [await service.ask(method, path, key=key, json=body) for body in (first, second)]
        assert answers[0][0] == 200
        assert answers[0] == answers[1]
        return int(answers[0][1]["position"].partition(":")[2])

    fraud, mistake = {"reason": "fraud"}, {"reason": "issued-in-error"}
    replaced, too = {"by": successor}, {"by": successor, "revoke": True}
    positions = [
        await twice("PUT", f"{credential}/suspension", fraud, mistake),
        await twice("DELETE", f"{credential}/suspension", None, None),
        await twice("PUT", f"{credential}/supersession", replaced, replaced | fraud),
        await twice("PUT", f"{credential}/supersession", too, too | fraud),
        await twice("PUT", f"{path_of(slug, successor)}/revocation", fraud, mistake),
    ]
    _, listed = await service.ask("GET", f"/issuers/{slug}/api-keys", key=service.operator_key)
    own = f"/issuers/{slug}/api-keys/{listed['apiKeys'][0]['id']}"
    again = {"credentialId": f"urn:example:{slug}:first", "type": ["VerifiableCredential"]}
    _, registered = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json=again)
    assert int(registered["position"].partition(":")[2]) < positions[0]
    positions.append(await twice("DELETE", own, None, None, key=service.operator_key))
    assert positions == sorted(set(positions))
    assert positions[0] > 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"])
async def test_a_moment_at_the_end_of_the_calendar_is_refused(service, moment):
    path = path_of(service.issuer_slug, (await issued(service))["id"], "revocation")
    status, problem = await service.ask("PUT", path, json={"effectiveAt": moment})
    assert (status, problem["errors"][0]["pointer"]) == (400, "/effectiveAt")
    keys = f"/issuers/{service.issuer_slug}/api-keys"
    body = {"name": "eternal", "expires": moment}
    status, problem = await service.ask("POST", keys, key=service.operator_key, json=body)
    assert (status, problem["errors"][0]["pointer"]) == (400, "/expires")


async def test_vcalm_sets_and_clears_a_suspension_and_never_a_revocation(service):
    identifier = (await issued(service))["id"]
    path = f"/issuers/{service.issuer_slug}/credentials/status"

    async def ask(purpose, value, **entry):
        reference = {"type": "BitstringStatusListEntry", "statusPurpose": purpose, **entry}
        body = {"credentialId": identifier, "credentialStatus": reference, "status": value}
        status, answer = await service.ask("POST", path, json=body)
        return status, answer.get("status") if status == 200 else answer["type"].rpartition("/")[2]

    assert await ask("suspension", True) == (200, "suspended")
    assert await ask("suspension", False, type="BitstringStatusList") == (200, "active"), "as VCALM's examples have it"
    assert await ask("suspension", True, type="StatusList2021Entry") == (400, "malformed")
    assert await ask("revocation", False) == (200, "active")
    assert await ask("revocation", True, statusListIndex="131071999") == (400, "malformed")
    assert await ask("revocation", True) == (200, "revoked")
    assert await ask("revocation", False) == (409, "illegal-transition")
    assert await ask("suspension", True) == (409, "illegal-transition")


async def test_two_issuers_may_use_one_id_and_a_lookup_must_then_name_one(service):
    other, other_key = await service.issuer()
    identifier = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000001"
    body = {"credentialId": identifier, "type": ["VerifiableCredential"]}
    for slug, key in ((service.issuer_slug, None), (other, other_key)):
        status, made = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json=body)
        assert status == 201, made
    await service.ask("PUT", path_of(other, identifier, "revocation"), key=other_key, json={})
    status, revoked = await service.ask("PUT", path_of(other, identifier, "revocation"), key=other_key, json={})
    seen = {"Registry-Position": revoked["position"]}
    where = f"/credential-status?id={quote(identifier)}"

    status, problem = await service.ask("GET", where, key="", headers=seen)
    assert (status, problem["type"].endswith("/problems/ambiguous-credential")) == (409, True)
    status, mine = await service.ask("GET", f"{where}&issuer={service.issuer_slug}", key="", headers=seen)
    assert (status, mine["status"]) == (200, "active")
    status, theirs = await service.ask("GET", f"{where}&issuer={quote(made['issuer'])}", key="", headers=seen)
    assert (status, theirs["status"]) == (200, "revoked")

    questions = [
        {"credentialId": identifier},
        {"credentialId": identifier, "issuer": other},
        {"credentialId": "urn:uuid:nobody"},
        {"credentialId": "not even an id"},
    ]
    status, answer = await service.ask("POST", "/status-lookups", key="", json={"queries": questions}, headers=seen)
    assert status == 200, answer
    assert [one["status"] for one in answer["results"]] == ["ambiguous", "revoked", "unknown", "unknown"]
    assert questions == [
        {name: one[name] for name in asked} for one, asked in zip(answer["results"], questions, strict=True)
    ]


async def test_a_question_about_a_bit_is_answered_from_the_published_list(service):
    credential = await issued(service)
    entry = credential["credentialStatus"][0]
    question = {name: entry[name] for name in ("statusListCredential", "statusListIndex")}
    questions = [
        question,
        {**question, "statusListIndex": 5},
        {**question, "statusListIndex": "999999999"},
        {**question, "statusListCredential": "https://elsewhere.example/lists/1"},
    ]

    async def ask():
        status, answer = await service.ask("POST", "/status-lookups", key="", json={"queries": questions})
        assert status == 200, answer
        return answer["results"]

    results = await ask()
    assert [one["status"] for one in results] == ["clear", "clear", "unknown", "unknown"]
    assert {**question, "status": "clear", "statusPurpose": "revocation", "value": 0} == results[0]

    await service.ask("PUT", path_of(service.issuer_slug, credential["id"], "revocation"), json={})
    assert await published_bit(service, entry, until=1) == 1
    results = await ask()
    assert (results[0]["status"], results[0]["value"]) == ("set", 1)


async def test_lookups_are_timed_by_what_answered_them(service):
    vc = await issued(service)
    entry = vc["credentialStatus"][0]
    bit_query = {name: entry[name] for name in ("statusListCredential", "statusListIndex")}
    assert (await service.ask("GET", f"/credential-status?id={quote(vc['id'])}", key=""))[0] in (200, 404)
    body = {"queries": [{"credentialId": vc["id"]}, bit_query]}
    assert (await service.ask("POST", "/status-lookups", key="", json=body))[0] == 200
    async with service.session.get(service.metrics_url + "/metrics") as response:
        page = await response.text()
    for source in ("credential", "batch", "lists"):
        line = next(one for one in page.splitlines() if f'lookup_duration_seconds_count{{source="{source}"}}' in one)
        assert float(line.split()[1]) >= 1


async def test_an_issuer_pages_through_its_own_credentials(service):
    slug, key = await service.issuer()
    ids = [f"urn:uuid:00000000-0000-4000-8000-{number:012}" for number in range(5)]
    for identifier in ids:
        body = {"credentialId": identifier, "type": ["VerifiableCredential"]}
        _, made = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json=body)
    path, seen, headers = f"/issuers/{slug}/credentials?limit=2", [], {"Registry-Position": made["position"]}
    while path:
        async with service.session.get(service.url + path, headers={**service.headers(key), **headers}) as response:
            page = await response.json()
            assert response.status == 200, page
            seen += [one["credentialId"] for one in page["credentials"]]
            link = response.links.get("next")
            path = str(link["url"].relative()) if link else None
    assert sorted(ids) == sorted(seen)


async def test_the_directory_is_searched_and_paged_and_a_new_issuer_is_found_at_once(service):
    names = ["Überall College", "Uberall Academy", "Elsewhere School"]
    slugs = []
    for number, name in enumerate(names):
        body = {"slug": f"dir-{number}", "name": name, "kind": "school", "jurisdiction": "US-VT", "did": "key"}
        status, made = await service.ask("POST", "/issuers", key=service.operator_key, json=body)
        assert status == 201, made
        slugs.append(made["slug"])
    seen = {"Registry-Position": made["position"]}
    status, page = await service.ask("GET", "/issuers?jurisdiction=US-VT&limit=2", key="", headers=seen)
    assert (200, slugs[:2]) == (status, [one["slug"] for one in page["issuers"]])
    status, rest = await service.ask("GET", f"/issuers?jurisdiction=US-VT&limit=2&cursor={page['next']}", key="")
    assert (200, slugs[2:]) == (status, [one["slug"] for one in rest["issuers"]])
    assert "next" not in rest
    status, found = await service.ask("GET", "/issuers?q=elsewhere", key="")
    assert [one["slug"] for one in found["issuers"]] == ["dir-2"]
    status, one = await service.ask("GET", "/issuers/dir-2", key="")
    assert (made["id"], "Elsewhere School") == (one["id"], one["name"])


async def test_the_operator_changes_suspends_reinstates_and_withdraws_an_issuer(service):
    slug, key = await service.issuer()

    async def ask(method, what, body=None):
        status, answer = await service.ask(method, f"/issuers/{slug}{what}", key=service.operator_key, json=body)
        return status, answer.get("status") if status == 200 else answer["type"].rpartition("/")[2]

    status, changed = await service.ask(
        "PATCH", f"/issuers/{slug}", key=service.operator_key, json={"name": "New name", "publicReasons": True}
    )
    assert (status, changed["name"], changed["publicReasons"]) == (200, "New name", True)
    assert await ask("PUT", "/suspension", {"reason": "investigation"}) == (200, "suspended")
    status, problem = await service.ask("POST", f"/issuers/{slug}/credentials", key=key, json={"type": ["A"]})
    assert (status, problem["type"].endswith("/problems/issuer-not-active")) == (409, True)
    assert await ask("DELETE", "/suspension") == (200, "active")
    assert await ask("PUT", "/withdrawal") == (200, "withdrawn")
    assert await ask("DELETE", "/suspension") == (409, "illegal-transition")


async def test_an_api_key_is_shown_once_and_speaks_until_it_is_revoked(service):
    slug, _ = await service.issuer()
    keys = f"/issuers/{slug}/api-keys"
    operator = service.operator_key
    headers = {"Idempotency-Key": f"key-for-{slug}"}
    body = {"name": "second", "scopes": ["credentials:read"]}
    status, made = await service.ask("POST", keys, key=operator, json=body, headers=headers)
    assert status == 201, made
    status, problem = await service.ask("POST", keys, key=operator, json=body, headers=headers)
    assert (status, problem["type"].endswith("/problems/secret-already-shown")) == (409, True)
    status, problem = await service.ask("POST", keys, key=operator, json={"name": "third"})
    assert (status, problem["type"].endswith("/problems/too-many-api-keys")) == (409, True)
    status, listed = await service.ask("GET", keys, key=operator)
    assert made["key"] not in json.dumps(listed)
    assert [one["name"] for one in listed["apiKeys"]] == ["test", "second"]

    credentials = f"/issuers/{slug}/credentials"
    assert (await service.ask("GET", credentials, key=made["key"]))[0] == 200
    assert (await service.ask("POST", credentials, key=made["key"], json={"type": ["A"]}))[0] == 403
    assert (await service.ask("DELETE", f"{keys}/{made['id']}", key=operator))[0] == 200
    assert (await service.ask("GET", credentials, key=made["key"]))[0] == 401


@pytest.mark.parametrize("name", ["1edtech-ob30-simple", "1edtech-ob30-complete", "1edtech-clr20-simple"])
async def test_real_credentials_are_issued(service, shared_dir, name):
    document = json.loads((shared_dir / "fixtures" / f"{name}.json").read_bytes())
    del document["proof"], document["id"], document["issuer"]["id"]
    status, answer = await service.ask(
        "POST", f"/issuers/{service.issuer_slug}/credentials/issue", json={"credential": document}
    )
    assert status == 201, answer
    assert answer["verifiableCredential"]["credentialStatus"][0]["statusPurpose"] == "revocation"
