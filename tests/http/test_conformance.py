"""What the data model allows and forbids, asked of an issuer and of a verifier over HTTP (VCDM 2.0, sections 4 and 5).

One row for each statement that the W3C's test suite of the data model (vc-data-model-2.0-test-suite) checks: what is
allowed is issued and verifies; what is forbidden is not issued, and somebody who signs it all the same is refused.
"""

from __future__ import annotations

import pytest

from tests.http.test_life_of_a_credential import unsigned
from tests.securing.signers import SIGNERS
from tests.verifier.documents import ABSENT, V2, with_members
from tests.verifier.world import did_of, jws, proven

SIGNER = SIGNERS["Ed25519"]
EXAMPLES = "https://www.w3.org/ns/credentials/examples/v2"
TYPE, URL = "https://example.org/#Example", "https://example.org/1"
DIGEST = "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"
IN_HEXADECIMAL = "sha256-" + "ca3d163b" * 8
MULTIHASH = "uEiAjCHMnK5-ayOIZLWo_TBoKYVvSAprlkYEjRlm19Cj0uw"
RESOURCE = {"id": URL, "digestSRI": DIGEST}
NAME = {"@value": "Degree", "@language": "en"}

ALLOWED = [
    {},
    {"context": [V2, {"Example": TYPE}], "type": ["VerifiableCredential", "Example"]},
    {"type": [TYPE, "VerifiableCredential", "https://example.org/#Other"]},
    {"issuer": {"name": NAME}},
    {"validFrom": ABSENT},
    {"validFrom": "2026-01-01T00:00:00.123Z"},
    {"validFrom": "2026-01-01T00:00:00-05:00", "validUntil": "2036-01-01T00:00:00+14:00"},
    {"name": "Degree", "description": NAME},
    {"name": {**NAME, "@direction": "ltr"}},
    {"name": [NAME, {"@value": "شهادة", "@language": "ar", "@direction": "rtl"}]},
    {"credentialSubject": [{"id": "did:example:a"}, {"id": "did:example:b"}]},
    {"credentialSchema": {"type": TYPE, "id": "did:example:schemas/1"}},
    {"credentialSchema": [{"type": TYPE, "id": URL}, {"type": "JsonSchema", "id": "https://example.org/2"}]},
    {"refreshService": [{"type": TYPE, "id": URL}, {"type": TYPE}]},
    {"termsOfUse": [{"type": TYPE}, {"type": TYPE, "id": "urn:x:1"}]},
    {"evidence": [{"type": TYPE}, {"type": TYPE, "id": "urn:x:1"}]},
    {"relatedResource": RESOURCE},
    {"relatedResource": [{"id": URL, "digestMultibase": MULTIHASH, "mediaType": "application/ld+json"}]},
]

FORBIDDEN = [
    {"context": [EXAMPLES]},
    {"context": [EXAMPLES, V2]},
    {"context": V2},
    {"context": [V2, "https ://not-a-url/contexts/example/v1"]},
    {"context": [V2, 123192875]},
    {"context": [V2, {"VerifiableCredential": TYPE}]},
    {"context": [V2, {"name": "https://example.org/#name"}]},
    {"context": [V2, {"@protected": True, "Example": TYPE}, {"Example": "https://example.org/#Other"}]},
    {"type": ABSENT},
    {"type": [TYPE]},
    {"id": "not-a-url"},
    {"id": ["urn:uuid:a", "urn:uuid:b"]},
    {"issuer": "not-a-url"},
    {"issuer": {"id": None}},
    {"issuer": {"id": "not-a-url"}},
    {"credentialSubject": ABSENT},
    {"credentialSubject": {}},
    {"credentialSubject": [{"id": "did:example:a"}, {}]},
    {"credentialSubject": {"id": ["did:example:a", "did:example:b"]}},
    {"name": {**NAME, "url": "did:example:1234"}},
    {"description": {**NAME, "url": "did:example:1234"}},
    {"name": {"@value": "Degree", "@direction": "up"}},
    {"issuer": {"name": {**NAME, "url": "did:example:1234"}}},
    {"name": {"en": "Degree", "de": "Abschluss"}},
    {"validFrom": "2026-01-01"},
    {"validFrom": "2026-01-01T00:00:00"},
    {"validUntil": "tomorrow"},
    {"validFrom": "2026-01-01T00:00:00Z", "validUntil": "2025-01-01T00:00:00Z"},
    {"credentialStatus": {"id": URL}},
    {"credentialStatus": {"id": [URL, "https://example.org/2"], "type": TYPE}},
    {"credentialStatus": {"id": "not a url", "type": TYPE}},
    {"credentialSchema": {"id": URL}},
    {"credentialSchema": {"type": TYPE}},
    {"credentialSchema": {"type": TYPE, "id": "not a url"}},
    {"refreshService": {"id": URL}},
    {"termsOfUse": {"id": URL}},
    {"evidence": {"id": URL}},
    {"relatedResource": [URL]},
    {"relatedResource": {"digestSRI": DIGEST}},
    {"relatedResource": [RESOURCE, RESOURCE]},
    {"relatedResource": {"id": URL}},
    {"relatedResource": {"id": URL, "digestSRI": IN_HEXADECIMAL}},
]  # fmt: skip


async def issue(service, members):
    path = f"/issuers/{service.issuer_slug}/credentials/issue"
    body = {"credential": with_members(unsigned(), members)}
    return await service.ask("POST", path, json=body)


async def verify(service, presented):
    return await service.ask("POST", "/credentials/verify", key="", json={"verifiableCredential": presented})


def theirs(members):
    """The same under an issuer elsewhere, who signs anything."""
    issuer = members.get("issuer", {})
    named = {"id": did_of(SIGNER), **issuer} if isinstance(issuer, dict) else issuer
    return with_members(unsigned(id="urn:uuid:7d6d5f3a-6b3b-4ad7-9f3a-0f5a0d3bd0a1"), {**members, "issuer": named})


@pytest.mark.parametrize("members", ALLOWED, ids=lambda members: str(members)[:60])
async def test_what_the_data_model_allows_is_issued_and_verifies(service, members):
    status, answer = await issue(service, members)
    assert status == 201, answer
    for presented in (
        answer["verifiableCredential"],
        proven(theirs(members), SIGNER, proofPurpose="assertionMethod"),
        jws(theirs(members), SIGNER),
    ):
        status, answer = await verify(service, presented)
        assert (status, answer["verified"], answer["verdict"]) == (200, True, "valid"), answer


@pytest.mark.parametrize("members", FORBIDDEN, ids=lambda members: str(members)[:60])
async def test_what_the_data_model_forbids_is_neither_issued_nor_believed(service, members):
    status, answer = await issue(service, members)
    assert (status, answer["status"]) == (400, 400)
    assert answer["type"].rpartition("/")[2] in ("malformed", "unsafe-document", "unknown-context")
    for presented in (
        proven(theirs(members), SIGNER, proofPurpose="assertionMethod"),
        jws(theirs(members), SIGNER),
    ):
        status, answer = await verify(service, presented)
        assert (status, answer["verified"], answer["verdict"]) == (400, False, "unverifiable"), answer
        assert {one["type"].rpartition("#")[2] for one in answer["problemDetails"]} <= {
            "MALFORMED_VALUE_ERROR",
            "PARSING_ERROR",
        }


async def test_everything_that_is_wrong_is_told_at_once_and_where(service):
    status, answer = await issue(service, {"credentialSchema": {"type": TYPE}, "relatedResource": [URL]})
    assert status == 400
    assert answer["pointer"] == answer["errors"][0]["pointer"]
    assert {(one["pointer"], one["source"]) for one in answer["errors"]} == {
        ("/credential/credentialSchema/id", "VCDM 2.0, section 4.11"),
        ("/credential/relatedResource/0", "VCDM 2.0, section 5.3"),
    }
