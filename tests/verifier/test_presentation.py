"""Presentations: whose, for whom, and what is in them."""

from __future__ import annotations

import pytest

from registry.domain import problem as types
from registry.verifier.contained import MAX_CONTAINED, contained_in
from registry.verifier.verification import Outcome, Verdict
from tests.securing.signers import method_of
from tests.verifier.documents import ABSENT, V2, credential, with_members
from tests.verifier.test_badges import transcript
from tests.verifier.world import HOLDER, LIST, SCHOOL, STRANGER, World, did_of, jws, proven, signed


def by_school(**members):
    return signed(credential(**{"issuer": did_of(SCHOOL), **members}))


def presentation(*credentials, **members):
    document = {
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "holder": did_of(HOLDER),
        "verifiableCredential": list(credentials),
    }
    return with_members(document, members)


def step(found, name):
    return next(one for one in found.steps if one.name == name)


@pytest.fixture
def world():
    return World()


async def test_a_presentation_of_valid_credentials_is_valid(world):
    found = await world.verify_presentation(proven(presentation(by_school(), by_school()), HOLDER))
    assert (found.verified, found.verdict) == (True, Verdict.VALID), list(found.problems)
    assert [one.pointer for one in found.contained] == ["/verifiableCredential/0", "/verifiableCredential/1"]
    assert did_of(HOLDER) in found.summary


async def test_a_presentation_by_another_than_its_holder_does_not_hold(world):
    found = await world.verify_presentation(proven(presentation(by_school()), STRANGER))
    assert not found.verified
    assert found.contained == (), "nothing inside is looked at for a stranger"


async def test_nobody_is_said_to_have_made_a_presentation_without_a_proof(world):
    found = await world.verify_presentation(presentation(by_school()), proofless=True)
    assert (found.verdict, "has no proof" in found.summary) == (Verdict.VALID, True)
    assert did_of(HOLDER) not in found.summary


async def test_a_presentation_by_a_compromised_key_does_not_hold_whatever_its_date(world):
    world.cut_offs[method_of(HOLDER)] = world.clock()
    assert not (await world.verify_presentation(proven(presentation(by_school()), HOLDER))).verified


async def test_a_presentation_needs_no_holder(world):
    found = await world.verify_presentation(proven(presentation(by_school(), holder=ABSENT), HOLDER))
    assert found.verdict is Verdict.VALID


@pytest.mark.parametrize("purpose", ["assertionMethod", "keyAgreement", None])
async def test_a_presentation_is_made_for_authentication_and_nothing_else(world, purpose):
    found = await world.verify_presentation(proven(presentation(by_school()), HOLDER, proofPurpose=purpose))
    assert not found.verified


@pytest.mark.parametrize(
    ("made_with", "asked", "type_"),
    [
        ({"challenge": "one"}, {"challenge": "one"}, None),
        ({"challenge": "one"}, {"challenge": "two"}, types.INVALID_CHALLENGE_ERROR),
        ({}, {"challenge": "one"}, types.INVALID_CHALLENGE_ERROR),
        ({"challenge": "one"}, {}, None),
        ({"domain": "a.example"}, {"domain": "a.example"}, None),
        ({"domain": "a.example"}, {"domain": "b.example"}, types.INVALID_DOMAIN_ERROR),
        ({}, {"domain": "a.example"}, types.INVALID_DOMAIN_ERROR),
    ],
)
async def test_a_presentation_answers_the_challenge_and_domain_that_are_asked(world, made_with, asked, type_):
    found = await world.verify_presentation(proven(presentation(by_school()), HOLDER, **made_with), **asked)
    assert found.verified is (type_ is None)
    assert (type_ in {problem.type for problem in found.problems}) is (type_ is not None)


@pytest.mark.parametrize(
    ("claims", "asked", "type_"),
    [
        ({"nonce": "one"}, {"challenge": "one"}, None),
        ({"nonce": "one"}, {"challenge": "two"}, types.INVALID_CHALLENGE_ERROR),
        ({"aud": ["a.example", "b.example"]}, {"domain": "b.example"}, None),
        ({"aud": "a.example"}, {"domain": "b.example"}, types.INVALID_DOMAIN_ERROR),
        ({"iss": did_of(STRANGER)}, {}, types.CRYPTOGRAPHIC_SECURITY_ERROR),
    ],
)
async def test_the_claims_of_a_presentation_in_a_jwt_count_the_same(world, claims, asked, type_):
    token = jws({**presentation(), **claims}, HOLDER, typ="vp+jwt")
    found = await world.verify_presentation(token, **asked)
    assert found.verified is (type_ is None)
    assert (type_ in {problem.type for problem in found.problems}) is (type_ is not None)


async def test_one_credential_that_does_not_hold_takes_the_presentation_along(world):
    broken = {**by_school(), "validFrom": "2024-01-01T00:00:00Z"}
    found = await world.verify_presentation(proven(presentation(by_school(), broken), HOLDER))
    assert (found.verified, found.verdict) == (False, Verdict.UNVERIFIABLE)
    assert [one.verification.verified for one in found.contained] == [True, False]
    assert step(found, "proof").outcome is Outcome.PASSED
    assert [problem.pointer for problem in step(found, "contained").problems] == ["/verifiableCredential/1"]


async def test_a_revoked_credential_leaves_the_presentation_verified_and_says_so(world):
    revoked = by_school(credentialStatus=world.published("revocation", 1))
    found = await world.verify_presentation(proven(presentation(by_school(), revoked), HOLDER))
    assert (found.verified, found.verdict) == (True, Verdict.REVOKED)
    assert "revoked" in found.summary


async def test_a_presentation_holds_jwt_credentials_in_envelopes(world):
    token = jws(credential(issuer=did_of(SCHOOL)), SCHOOL)
    inside = {"@context": [V2], "id": f"data:application/vc+jwt,{token}", "type": "EnvelopedVerifiableCredential"}
    found = await world.verify_presentation(proven(presentation(inside), HOLDER))
    assert found.verdict is Verdict.VALID, list(found.contained[0].verification.problems)


async def test_what_a_holder_says_of_himself_needs_no_proof_of_its_own(world):
    said = credential(issuer=did_of(HOLDER))
    found = await world.verify_presentation(proven(presentation(said), HOLDER))
    assert found.verdict is Verdict.VALID
    for stranger, holder in ((did_of(SCHOOL), did_of(HOLDER)), (did_of(HOLDER), ABSENT)):
        document = presentation(credential(issuer=stranger), holder=holder)
        assert not (await world.verify_presentation(proven(document, HOLDER))).verified
    found = await world.verify_presentation(presentation(said), proofless=True)
    assert not found.verified, "without the presentation's proof it is nobody's word"


async def test_what_is_inside_of_what_a_holder_says_of_himself_is_verified_like_anything_else(world):
    inner = by_school(credentialStatus=world.published("revocation", 1))
    said = credential(issuer=did_of(HOLDER), credentialSubject={"id": "urn:x:1", "verifiableCredential": [inner]})
    document = proven(presentation(said), HOLDER)
    [of_holder] = (await world.verify_presentation(document)).contained
    [of_school] = of_holder.verification.contained
    assert (of_holder.verification.verdict, of_school.verification.verdict) == (Verdict.REVOKED, Verdict.REVOKED)
    found = await world.verify_presentation(document, identifier="did:example:eve")
    assert not found.verified, "it is about somebody else than who was named"


async def test_a_presentation_without_a_proof_answers_no_challenge(world):
    document = presentation(by_school())
    assert (await world.verify_presentation(document, proofless=True)).verdict is Verdict.VALID
    assert not (await world.verify_presentation(document, proofless=True, challenge="one")).verified
    assert not (await world.verify_presentation(document)).verified


async def test_a_learner_record_in_a_presentation_is_verified_down_to_its_badges(world):
    inner = by_school(credentialStatus=world.published("revocation", 1, url=LIST))
    record = {**transcript(inner), "issuer": {"id": did_of(SCHOOL), "type": ["Profile"]}}
    found = await world.verify_presentation(proven(presentation(signed(record)), HOLDER))
    [of_record] = found.contained
    [of_badge] = of_record.verification.contained
    assert (of_record.verification.verdict, of_badge.verification.verdict) == (Verdict.VALID, Verdict.REVOKED)


async def test_more_credentials_than_one_request_may_hold_are_not_looked_at(world):
    token = jws(credential(issuer=did_of(SCHOOL)), SCHOOL)
    inside = {"@context": [V2], "id": f"data:application/vc+jwt,{token}", "type": "EnvelopedVerifiableCredential"}
    document = proven(presentation(*[inside] * (MAX_CONTAINED + 1)), HOLDER)
    found = await world.verify_presentation(document)
    assert not found.verified
    assert [one.verification.verified for one in found.contained].count(False) == 1


async def test_credentials_nested_without_end_are_not_followed(world):
    document = by_school()
    for _ in range(8):
        document = by_school(credentialSubject={"id": "urn:x:1", "verifiableCredential": [document]})
    found = await world.verify(document)
    depth, inside = 0, found
    while inside.contained:
        inside, depth = inside.contained[0].verification, depth + 1
    assert depth < 8
    assert not inside.verified


def test_what_is_inside_is_found_wherever_it_is_and_not_in_proofs_or_contexts():
    document = {
        "@context": [{"endorsement": "urn:x"}],
        "proof": {"endorsement": {}},
        "issuer": {"endorsement": {"a": 1}},
        "credentialSubject": [{"verifiableCredential": [{"endorsement": []}, "eyJ"]}],
    }
    assert [at for _, at in contained_in(document)] == [
        "/issuer/endorsement",
        "/credentialSubject/0/verifiableCredential/0",
        "/credentialSubject/0/verifiableCredential/1",
    ]


async def test_a_holder_cannot_wrap_what_does_not_count(world):
    def wrapped(inner):
        own = credential(issuer=did_of(HOLDER), verifiableCredential=inner)
        return proven(presentation(own), HOLDER)

    assert (await world.verify_presentation(wrapped(by_school()))).verdict is Verdict.VALID
    revoked = by_school(credentialStatus=world.published(value=1))
    found = await world.verify_presentation(wrapped(revoked))
    assert (found.verified, found.verdict) == (True, Verdict.REVOKED)
    found = await world.verify_presentation(wrapped({**by_school(), "name": "Doctorate"}))
    assert (found.verified, found.verdict) == (False, Verdict.UNVERIFIABLE)
