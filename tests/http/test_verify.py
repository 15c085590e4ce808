"""What anybody can learn of a credential over HTTP, from its issuance to its end."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.http.test_life_of_a_credential import issued, path_of, unsigned
from tests.securing.signers import ed25519
from tests.verifier.documents import V2
from tests.verifier.world import HOLDER, did_of, jws, proven

DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"


async def verified(service, credential, **options):
    body = {"verifiableCredential": credential, **({"options": options} if options else {})}
    return await service.ask("POST", "/credentials/verify", key="", json=body)


async def becomes(service, credential, verdict):
    """The answer, as soon as the verdict is what is waited for; what is published is behind by a tick."""
    for _ in range(100):
        status, answer = await verified(service, credential)
        if answer["verdict"] == verdict:
            break
        await asyncio.sleep(0.05)
    assert (status, answer["verdict"]) == (200, verdict), answer
    return answer


async def test_a_credential_is_valid_then_suspended_then_valid_then_revoked_and_never_when_tampered_with(service):
    credential = await issued(service)
    slug, identifier = service.issuer_slug, credential["id"]
    answer = await becomes(service, credential, "valid")
    assert answer["verified"] is True
    assert answer["problemDetails"] == []
    assert {step["step"]: step["outcome"] for step in answer["steps"]} == {
        "structure": "passed",
        "contexts": "passed",
        "proof": "passed",
        "validity": "passed",
        "status": "passed",
        "issuer": "passed",
        "registration": "passed",
    }
    assert [entry["value"] for entry in answer["results"]["credentialStatus"]] == [0, 0]
    assert answer["results"]["proof"][0]["verified"] is True
    assert answer["results"]["validFrom"] == {"verified": True, "input": credential["validFrom"]}

    await service.ask("PUT", path_of(slug, identifier, "suspension"), json={})
    answer = await becomes(service, credential, "suspended")
    assert answer["verified"] is True, "what is suspended is still its issuer's"
    assert f"{service.url}/problems/credential-suspended" in {one["type"] for one in answer["problemDetails"]}
    status, page = await service.ask("GET", "/problems/credential-suspended", key="")
    assert (status, page["title"]) == (200, "The credential is suspended")

    await service.ask("DELETE", path_of(slug, identifier, "suspension"))
    await becomes(service, credential, "valid")

    await service.ask("PUT", path_of(slug, identifier, "revocation"), json={})
    answer = await becomes(service, credential, "revoked")
    assert "revoked" in answer["summary"]

    changed = {**credential, "credentialSubject": {"id": "did:example:eve"}}
    status, answer = await verified(service, changed)
    assert (status, answer["verified"], answer["verdict"]) == (400, False, "unverifiable")
    assert f"{DATA_MODEL}CRYPTOGRAPHIC_SECURITY_ERROR" in {one["type"] for one in answer["problemDetails"]}


async def test_both_lists_say_so_when_a_credential_is_revoked(service):
    credential = await issued(service)
    await service.ask("PUT", path_of(service.issuer_slug, credential["id"], "revocation"), json={})
    for _ in range(100):
        _, answer = await verified(service, credential)
        if answer["results"]["credentialStatus"][0]["value"] == 1:
            break
        await asyncio.sleep(0.05)
    assert [entry["value"] for entry in answer["results"]["credentialStatus"]] == [1, 0]
    assert [entry["verified"] for entry in answer["results"]["credentialStatus"]] == [False, True]


async def test_a_credential_that_was_replaced_is_superseded(service):
    old, new = await issued(service), await issued(service)
    body = {"by": new["id"]}
    status, answer = await service.ask("PUT", path_of(service.issuer_slug, old["id"], "supersession"), json=body)
    assert status == 200, answer
    await becomes(service, old, "superseded")
    await becomes(service, new, "valid")


async def test_a_credential_is_valid_in_its_time_only(service):
    now = datetime.now(UTC)
    before, after = ((now + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (-1, 1))
    expired = await issued(service, validUntil=before)
    await becomes(service, expired, "expired")
    await becomes(service, await issued(service, validFrom=after), "not-yet-valid")
    status, answer = await verified(service, expired, verificationDate=after)
    assert status == 400
    assert answer["pointer"] == "/options/verificationDate"


async def test_a_credential_that_is_revoked_now_was_valid_before(service):
    credential = await issued(service)
    await becomes(service, credential, "valid")
    before = datetime.now(UTC).isoformat()
    await service.ask("PUT", path_of(service.issuer_slug, credential["id"], "revocation"), json={})
    await becomes(service, credential, "revoked")
    status, answer = await verified(service, credential, verificationDate=before)
    assert (status, answer["verdict"]) == (200, "valid"), answer
    assert "today it may be otherwise" in answer["summary"]
    assert [entry["value"] for entry in answer["results"]["credentialStatus"]] == [0, 0]
    status, answer = await verified(service, credential, verificationDate="2026-02-01T00:00:00Z")
    assert (status, answer["verified"]) == (400, False), "nobody had signed it then"


async def test_swapped_entries_leave_a_credential_unverifiable(service):
    """Its issuer signs it himself, with the entries of his registration in the wrong places."""
    signer = ed25519(b"swap" * 8)
    credential = await issued(service)
    revocation, suspension = credential["credentialStatus"]
    document = unsigned(
        id="urn:uuid:1",
        issuer=did_of(signer),
        credentialStatus={**revocation, "statusListCredential": suspension["statusListCredential"]},
    )
    status, answer = await verified(service, proven(document, signer, proofPurpose="assertionMethod"))
    assert (status, answer["verified"], answer["verdict"]) == (200, True, "unverifiable")
    [problem] = answer["problemDetails"]
    assert problem["type"] == "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR"
    assert problem["pointer"] == "/credentialStatus"


async def test_a_proof_by_another_issuers_key_shows_nothing(service):
    credential = await issued(service)
    _, answer = await service.ask("POST", "/credentials/verify", key="", json={"verifiableCredential": credential})
    stolen = {name: value for name, value in credential.items() if name != "proof"}
    status, answer = await verified(service, proven(stolen, HOLDER, proofPurpose="assertionMethod"))
    assert (status, answer["verified"]) == (400, False)
    assert did_of(HOLDER) in answer["summary"] + json.dumps(answer["problemDetails"])


@pytest.mark.parametrize("mechanism", ["eddsa-rdfc-2022", "eddsa-jcs-2022", "vc+jwt", "vc+cose"])
async def test_what_is_issued_here_in_any_mechanism_verifies_here(service, mechanism):
    slug, key = await service.issuer(mechanisms=[mechanism])
    path = f"/issuers/{slug}/credentials/issue"
    status, answer = await service.ask("POST", path, key=key, json={"credential": unsigned()})
    assert status == 201, answer
    credential = answer["verifiableCredential"]
    assert (await becomes(service, credential, "valid"))["verified"] is True
    if mechanism.startswith("vc+"):
        head, _, body = credential["id"].partition(",")
        raw = base64.b64decode(body + "=" * (-len(body) % 4)) if head.endswith(";base64") else body.encode()
        headers = {"Content-Type": f"application/{mechanism}"}
        status, answer = await service.ask("POST", "/credentials/verify", key="", data=raw, headers=headers)
        assert (status, answer["verdict"]) == (200, "valid"), answer


# ── presentations ────────────────────────────────────────────────────────────────────────────────────────────


def presentation(*credentials, **members):
    return {
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "holder": did_of(HOLDER),
        "verifiableCredential": list(credentials),
        **members,
    }


async def presented(service, document, **options):
    body = {"verifiablePresentation": document, "options": options}
    return await service.ask("POST", "/presentations/verify", key="", json=body)


async def test_a_presentation_answers_its_challenge_once_and_for_one_domain(service):
    credential = await issued(service)
    await becomes(service, credential, "valid")
    document = proven(presentation(credential), HOLDER, challenge="c-1", domain="employer.example")
    status, answer = await presented(service, document, challenge="c-1", domain="employer.example")
    assert (status, answer["verified"], answer["verdict"]) == (200, True, "valid"), answer
    about = answer["results"]["presentation"]
    assert about["challenge"] == {"verified": True, "input": "c-1"}
    assert about["domain"] == {"verified": True, "input": "employer.example"}
    assert about["holder"] == {"verified": True, "input": did_of(HOLDER)}
    [inside] = answer["results"]["credentials"]
    assert inside["verdict"] == "valid"

    status, answer = await presented(service, document, challenge="c-2", domain="employer.example")
    assert (status, answer["verified"]) == (400, False)
    assert "https://w3id.org/security#INVALID_CHALLENGE_ERROR" in {one["type"] for one in answer["problemDetails"]}
    assert answer["results"]["presentation"]["challenge"]["verified"] is False
    status, answer = await presented(service, document, challenge="c-1", domain="other.example")
    assert "https://w3id.org/security#INVALID_DOMAIN_ERROR" in {one["type"] for one in answer["problemDetails"]}


async def test_a_presentation_in_a_jwt_is_taken_as_it_is(service):
    document = presentation(nonce="c-1", aud="employer.example")
    token = jws(document, HOLDER, typ="vp+jwt")
    enveloped = {"@context": [V2], "type": "EnvelopedVerifiablePresentation", "id": f"data:application/vp+jwt,{token}"}
    for given in (token, enveloped):
        status, answer = await presented(service, given, challenge="c-1", domain="employer.example")
        assert (status, answer["verdict"]) == (200, "valid"), answer
        status, answer = await presented(service, given, challenge="c-2")
        assert (status, answer["verified"]) == (400, False)
    headers = {"Content-Type": "application/vp+jwt"}
    status, answer = await service.ask("POST", "/presentations/verify", key="", data=token, headers=headers)
    assert (status, answer["verdict"]) == (200, "valid"), answer


@pytest.mark.parametrize("media_type", ["application/vc", "application/ld+json"])
@pytest.mark.parametrize("path", ["verify", "lint"])
async def test_a_credential_may_be_sent_as_it_is_under_its_own_media_type(service, path, media_type):
    credential = await issued(service)
    headers = {"Content-Type": media_type}
    status, bare = await service.ask(
        "POST", f"/credentials/{path}", key="", data=json.dumps(credential), headers=headers
    )
    wrapped = json.dumps({"verifiableCredential": credential})
    assert (status, bare.keys()) == (200, (await service.ask(
        "POST", f"/credentials/{path}", key="", data=wrapped, headers=headers))[1].keys())  # fmt: skip


async def test_a_credential_that_is_sent_as_plain_json_is_told_where_it_belongs(service):
    status, problem = await service.ask("POST", "/credentials/verify", key="", json=await issued(service))
    assert (status, "verifiableCredential" in problem["detail"]) == (400, True)
    assert "errors" not in problem, "one sentence, not one per member"


async def test_a_credential_just_issued_is_known_at_once(service):
    status, answer = await verified(service, await issued(service))
    assert (status, answer["problemDetails"]) == (200, [])


async def test_a_presentation_without_a_proof_is_worth_what_is_in_it(service):
    credential = await issued(service)
    await becomes(service, credential, "valid")
    body = {"presentation": presentation(credential)}
    status, answer = await service.ask("POST", "/presentations/verify", key="", json=body)
    assert (status, answer["verdict"]) == (200, "valid"), answer
    status, answer = await presented(service, presentation(credential))
    assert (status, answer["verified"]) == (400, False), "one that must have a proof and has none"


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"verifiableCredential": 5},
        {"verifiableCredential": None},
        {"verifiableCredential": {}, "other": 1},
        {"verifiableCredential": {}, "options": {"checks": "proof"}},
        {"verifiableCredential": {}, "options": {"verificationDate": "yesterday"}},
        [],
    ],
)
async def test_a_request_that_is_none_is_a_problem_document(service, body):
    status, answer = await service.ask("POST", "/credentials/verify", key="", json=body)
    assert (status, answer["type"]) == (400, f"{service.url}/problems/malformed")


@pytest.mark.parametrize("body", [{}, {"verifiablePresentation": {}, "presentation": {}}, {"presentation": "x.y.z"}])
async def test_a_request_without_one_presentation_is_a_problem_document(service, body):
    status, answer = await service.ask("POST", "/presentations/verify", key="", json=body)
    assert (status, answer["type"]) == (400, f"{service.url}/problems/malformed")


async def test_an_option_that_is_not_known_is_refused_by_its_name(service):
    status, answer = await verified(service, {}, checks=["proof"], returnEverything=True)
    assert (status, answer["verified"]) == (400, False)
    [problem] = answer["problemDetails"]
    assert problem["type"] == "https://www.w3.org/TR/vcalm#UNKNOWN_OPTION_PROVIDED"
    assert problem["pointer"] == "/options/returnEverything"


async def test_options_choose_what_is_answered(service):
    credential = await issued(service)
    status, answer = await verified(
        service, credential, returnCredential=True, returnResults=False, returnProblemDetails=False, checks=["proof"]
    )
    assert status == 200
    assert answer["credential"] == credential
    assert not {"results", "problemDetails"} & answer.keys()


async def test_what_is_no_credential_is_told_why_and_where(service):
    status, answer = await verified(service, {"@context": [V2], "type": ["VerifiableCredential"]})
    assert (status, answer["verified"]) == (400, False)
    assert {"/issuer", "/credentialSubject"} <= {one["pointer"] for one in answer["problemDetails"]}
    assert all(one["source"].startswith("VCDM 2.0, section ") for one in answer["problemDetails"])
    assert [step["step"] for step in answer["steps"]] == ["structure", "rest"]


async def test_anybody_may_ask_from_any_page(service):
    headers = {"Origin": "https://employer.example", "Access-Control-Request-Method": "POST"}
    async with service.session.options(f"{service.url}/credentials/verify", headers=headers) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    async with service.session.post(f"{service.url}/credentials/verify", json={"verifiableCredential": {}}) as response:
        assert response.status == 400
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "no-store"


async def test_verifications_are_counted_by_their_verdict(service):
    await verified(service, {})
    async with service.session.get(f"{service.metrics_url}/metrics") as response:
        page = await response.text()
    assert 'registry_verifications_total{verdict="refused"}' in page
    assert 'registry_verification_step_duration_seconds_count{step="structure"}' in page


# ── many at once ─────────────────────────────────────────────────────────────────────────────────────────────


def endless():
    """What keeps a worker busy until it is killed, signed by nobody."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2026-01-01T00:00:00Z",
        "verificationMethod": f"{did_of(HOLDER)}#{did_of(HOLDER).removeprefix('did:key:')}",
        "proofPurpose": "assertionMethod",
        "proofValue": "z" + "1" * 86,
    }
    values = [f"value {number}" for number in range(20_000)]
    return {**unsigned(id="urn:uuid:1", issuer=did_of(HOLDER)), "urn:x:p": values, "proof": proof}


@pytest.mark.slow
async def test_who_floods_the_verifier_holds_up_no_issuer(service):
    service.issuer_slug, service.issuer_key = await service.issuer()
    credential = await issued(service)
    body = json.dumps({"verifiableCredential": endless()}).encode()
    headers = {"Content-Type": "application/json"}
    url = f"{service.url}/credentials/verify"

    async def flood():
        while True:
            async with service.session.post(url, data=body, headers=headers) as response:
                assert response.status in (400, 429, 503)

    flooding = [asyncio.ensure_future(flood()) for _ in range(16)]
    try:
        await asyncio.sleep(1)
        for _ in range(5):
            began = time.perf_counter()
            await issued(service)
            assert time.perf_counter() - began < 10  # behind the flood it would take 40
            began = time.perf_counter()
            await service.ask("GET", f"/credential-status?id={credential['id']}", key="")
            assert time.perf_counter() - began < 5
    finally:
        for one in flooding:
            one.cancel()
        await asyncio.gather(*flooding, return_exceptions=True)
