"""From a credential to a verdict, against published status, keys and directories of a test's own."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from registry.domain import problem as types
from registry.domain.mechanisms import Mechanism
from registry.verifier.sources import CredentialStanding, IssuerStanding
from registry.verifier.verification import Outcome, StatusFinding, Verdict
from tests.securing.signers import SIGNERS, method_of
from tests.verifier.documents import ABSENT, OB, V2, badge, credential, credential_v1
from tests.verifier.world import HOLDER, LIST, SCHOOL, SIGNED, STRANGER, World, did_of, jws, proven, signed


def by_school(**members):
    return credential(**{"issuer": did_of(SCHOOL), "validFrom": "2025-01-01T00:00:00Z", "name": "Degree", **members})


CLAIMLESS = {"credentialSubject": {"id": "did:example:ada"}}


@pytest.fixture
def world():
    return World()


def step(verification, name):
    return next(one for one in verification.steps if one.name == name)


def types_of(verification):
    return [problem.type for problem in verification.problems]


MECHANISMS = [
    (Mechanism.EDDSA_RDFC_2022, "Ed25519"),
    (Mechanism.EDDSA_JCS_2022, "Ed25519"),
    (Mechanism.ECDSA_RDFC_2019, "P-256"),
    (Mechanism.ECDSA_RDFC_2019, "P-384"),
    (Mechanism.ECDSA_JCS_2019, "P-256"),
    (Mechanism.VC_JWT, "Ed25519"),
    (Mechanism.VC_JWT, "P-256"),
    (Mechanism.VC_COSE, "Ed25519"),
]


@pytest.mark.parametrize(("mechanism", "key"), MECHANISMS)
async def test_a_credential_that_is_secured_in_any_mechanism_is_valid(world, mechanism, key):
    signer = SIGNERS[key]
    found = await world.verify(signed(by_school(issuer=did_of(signer), **CLAIMLESS), signer, mechanism))
    assert (found.verified, found.verdict) == (True, Verdict.VALID), list(found.problems)
    assert [one.name for one in found.steps] == ["structure", "contexts", "proof", "validity", "status", "issuer"]
    assert did_of(signer) in found.summary
    assert found.results["proof"][0]["verified"] is True


@pytest.mark.parametrize(("mechanism", "key"), MECHANISMS)
async def test_a_credential_that_was_changed_does_not_hold(world, mechanism, key):
    signer = SIGNERS[key]
    presented = signed(by_school(issuer=did_of(signer), **CLAIMLESS), signer, mechanism)
    found = await world.verify(tampered(presented))
    assert (found.verified, found.verdict) == (False, Verdict.UNVERIFIABLE)
    assert types.CRYPTOGRAPHIC_SECURITY_ERROR in types_of(found)


def tampered(presented):
    if isinstance(presented, dict):
        return {**presented, "credentialSubject": {"id": "did:example:eve"}}
    if isinstance(presented, bytes):
        return presented.replace(b"example:ada", b"example:eve")
    head, payload, signature = presented.split(".")
    changed = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).replace(b"example:ada", b"example:eve")
    return ".".join((head, base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), signature))


async def test_an_older_credential_is_verified_by_the_older_rules(world):
    document = credential_v1(
        issuer=did_of(SCHOOL),
        context=["https://www.w3.org/2018/credentials/v1", "https://w3id.org/security/data-integrity/v2"],
    )
    found = await world.verify(proven(document, SCHOOL, proofPurpose="assertionMethod"))
    assert found.verdict is Verdict.VALID, list(found.problems)
    assert found.results["issuanceDate"]["verified"] is True


# ── envelopes ────────────────────────────────────────────────────────────────────────────────────────────────


def enveloped(url, **members):
    return {"@context": [V2], "id": url, "type": "EnvelopedVerifiableCredential", **members}


@pytest.mark.parametrize("head", ["data:application/vc+jwt,", "data:application/jwt,"])
async def test_an_enveloped_credential_is_taken_out_of_its_data_url(world, head):
    found = await world.verify(enveloped(head + signed(by_school(), mechanism=Mechanism.VC_JWT)))
    assert found.verdict is Verdict.VALID, list(found.problems)
    assert found.document["issuer"] == did_of(SCHOOL)


async def test_a_cose_credential_is_taken_out_of_its_data_url(world):
    text = base64.b64encode(signed(by_school(), mechanism=Mechanism.VC_COSE)).decode()
    found = await world.verify(enveloped(f"data:application/vc+cose;base64,{text}"))
    assert found.verdict is Verdict.VALID, list(found.problems)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"@context": []}, "/@context"),
        ({"@context": "https://www.w3.org/ns/credentials/examples/v2"}, "/@context"),
        ({"type": ["EnvelopedVerifiableCredential", "VerifiableCredential"]}, "/type"),
        ({"id": "eyJhbGciOiJFZERTQSJ9.e30.AA"}, "/id"),
        ({"id": "data:text/plain,hello"}, ""),
        ({"id": "data:application/vp+jwt,eyJ.eyJ.x"}, ""),
        ({"id": "data:application/vc+jwt,no jws"}, ""),
        ({"id": "data:application/vc+cose;base64,AAAA"}, ""),
        ({"id": None}, "/id"),
    ],
)
async def test_an_envelope_that_is_none_says_why(world, members, pointer):
    presented = {**enveloped("data:application/vc+jwt," + signed(by_school(), mechanism=Mechanism.VC_JWT)), **members}
    found = await world.verify(presented)
    assert not found.verified
    assert pointer in {problem.pointer for problem in found.problems}


async def test_the_jwt_of_an_open_badge_may_call_itself_just_that(world):
    assert (await world.verify(jws(by_school(), SCHOOL, typ="JWT"))).verdict is Verdict.VALID
    assert not (await world.verify(jws(by_school(), SCHOOL, typ="at+jwt"))).verified


@pytest.mark.parametrize(
    ("claims", "pointer"),
    [
        ({"iss": "did:example:other"}, "/iss"),
        ({"jti": "urn:uuid:other"}, "/jti"),
        ({"sub": "did:example:eve"}, "/sub"),
        ({"iat": 4_000_000_000}, "/iat"),
        ({"nbf": 4_000_000_000}, "/nbf"),
        ({"exp": 1_000_000_000}, "/exp"),
        ({"vc": {"credentialSubject": {"id": "did:example:eve"}}}, "/vc"),
        ({"vp": {}}, "/vp"),
        ({"exp": "1000000000"}, "/exp"),
        ({"exp": -1}, "/exp"),
        ({"exp": None}, "/exp"),
        ({"nbf": 1e300}, "/nbf"),
    ],
)
async def test_claims_that_contradict_the_document_break_it(world, claims, pointer):
    found = await world.verify(jws({**by_school(), **claims}, SCHOOL))
    assert not found.verified
    assert pointer in {problem.pointer for problem in found.problems}


async def test_claims_that_agree_with_the_document_are_no_matter(world):
    document = by_school(validUntil="2026-06-01T00:00:00Z")
    claims = {"iss": did_of(SCHOOL), "jti": document["id"], "sub": "did:example:ada", "iat": 1_748_736_000}
    assert (await world.verify(jws({**document, **claims, "exp": 253_402_300_799}, SCHOOL))).verdict is Verdict.VALID
    until = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
    found = await world.verify(jws({**document, **claims, "exp": until}, SCHOOL))
    assert found.verdict is Verdict.VALID, list(found.problems)
    world.clock.now = datetime(2026, 7, 1, tzinfo=UTC)
    found = await world.verify(jws({**document, **claims, "exp": until}, SCHOOL))
    assert (found.verified, found.verdict) == (True, Verdict.EXPIRED)


# ── whose proof it is ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_proof_by_another_issuers_key_shows_nothing(world):
    for mechanism in (Mechanism.EDDSA_JCS_2022, Mechanism.VC_JWT):
        found = await world.verify(signed(by_school(), STRANGER, mechanism))
        assert not found.verified
        assert did_of(STRANGER) in " ".join(problem.detail for problem in found.problems)


async def test_a_second_proof_by_a_witness_does_not_hurt(world):
    document = by_school()
    own = proven(document, SCHOOL, proofPurpose="assertionMethod")["proof"]
    witness = proven(document, STRANGER, proofPurpose="assertionMethod")["proof"]
    assert (await world.verify({**document, "proof": [own, witness]})).verdict is Verdict.VALID
    broken = {**witness, "proofValue": own["proofValue"]}
    assert not (await world.verify({**document, "proof": [own, broken]})).verified


async def test_a_proof_of_a_kind_not_known_here_is_told_beside_one_that_holds(world):
    document = signed(by_school())
    unknown = {"type": "SomeProofType", "created": "2025-06-01T00:00:00Z", "proofPurpose": "assertionMethod"}
    found = await world.verify({**document, "proof": [unknown, document["proof"]]})
    assert (found.verdict, step(found, "proof").outcome) == (Verdict.VALID, Outcome.WARNED)
    assert not (await world.verify({**document, "proof": unknown})).verified


async def test_a_credential_without_a_proof_is_nobodys(world):
    found = await world.verify(by_school())
    assert not found.verified
    assert "/proof" in {problem.pointer for problem in found.problems}


async def test_a_proof_for_another_purpose_does_not_count(world):
    assert not (await world.verify(proven(by_school(), SCHOOL, proofPurpose="authentication"))).verified


async def test_a_key_that_is_not_listed_for_assertions_does_not_count(world):
    controller, key = "https://school.example/issuer", did_of(SCHOOL).removeprefix("did:key:")
    world.publish_keys(controller, key)
    document = by_school(issuer=controller)
    presented = proven(document, SCHOOL, proofPurpose="assertionMethod", verificationMethod=f"{controller}#{key}")
    assert (await world.verify(presented)).verdict is Verdict.VALID
    world.documents[controller] = {**world.documents[controller], "assertionMethod": []}
    found = await world.verify(presented)
    assert types.INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD in types_of(found)


@pytest.mark.parametrize("member", ["revoked", "expires"])
async def test_a_key_past_its_life_does_not_count(world, member):
    controller, key = "https://school.example/issuer", did_of(SCHOOL).removeprefix("did:key:")
    world.publish_keys(controller, key, **{member: "2025-07-01T00:00:00Z"})
    url = f"{controller}#{key}"
    document = by_school(issuer=controller)
    presented = proven(document, SCHOOL, proofPurpose="assertionMethod", verificationMethod=url)
    assert types.INVALID_VERIFICATION_METHOD in types_of(await world.verify(presented))


async def test_a_key_that_cannot_be_had_is_told_in_the_specifications_words(world):
    url = "did:example:nowhere#key"
    presented = proven(by_school(), SCHOOL, proofPurpose="assertionMethod", verificationMethod=url)
    found = await world.verify(presented)
    assert not found.verified
    assert types.INVALID_CONTROLLED_IDENTIFIER_DOCUMENT in types_of(found)


@pytest.mark.parametrize("mechanism", [Mechanism.EDDSA_JCS_2022, Mechanism.VC_JWT])
async def test_a_key_that_was_compromised_counts_for_what_was_issued_before_and_is_on_record(world, mechanism):
    presented = signed(by_school(), mechanism=mechanism)
    world.issuers[did_of(SCHOOL)] = REGISTERED
    world.cut_offs[method_of(SCHOOL)] = SIGNED + timedelta(days=1)
    content = presented.encode() if isinstance(presented, str) else orjson.dumps(presented)
    identifier = by_school()["id"]
    world.standings[identifier] = CredentialStanding("active", SIGNED, hashlib.sha256(content).hexdigest())
    assert (await world.verify(presented)).verdict is Verdict.VALID

    other = signed(by_school(name="Doctorate"), mechanism=mechanism)
    found = await world.verify(other)
    assert (found.verified, types_of(found)) == (False, [types.INVALID_VERIFICATION_METHOD]), "a forgery with its date"
    world.cut_offs[method_of(SCHOOL)] = SIGNED - timedelta(days=200)
    assert not (await world.verify(presented)).verified
    world.issuers.clear()
    world.cut_offs[method_of(SCHOOL)] = SIGNED + timedelta(days=1)
    assert not (await world.verify(presented)).verified
    world.is_database_away = True
    assert not (await world.verify(presented)).verified


# ── contexts ─────────────────────────────────────────────────────────────────────────────────────────────────

FOREIGN_CONTEXT = [V2, "https://school.example/context.json"]


async def test_an_unknown_context_says_how_to_add_it(world):
    document = signed(by_school(context=FOREIGN_CONTEXT))
    proof = {**document["proof"], "cryptosuite": "eddsa-rdfc-2022"}
    found = await world.verify({**document, "proof": proof})
    assert not found.verified
    [problem] = step(found, "contexts").problems
    assert problem.pointer == "/@context/1"
    assert "REGISTRY_CONTEXTS" in problem.detail
    assert world.canonicalised == 0


async def test_what_is_signed_as_text_holds_with_an_unknown_context_and_says_so(world):
    for mechanism in (Mechanism.EDDSA_JCS_2022, Mechanism.VC_JWT):
        found = await world.verify(signed(by_school(context=FOREIGN_CONTEXT), mechanism=mechanism))
        assert found.verdict is Verdict.VALID
        assert step(found, "contexts").outcome is Outcome.WARNED


@pytest.mark.parametrize(
    ("context", "types", "undefined"),
    [
        ([V2], ["VerifiableCredential", "Degree"], ["/type/1"]),
        ([V2, {"Degree": "urn:x:Degree"}], ["Degree", "Diploma", "VerifiableCredential"], ["/type/1"]),
        ([V2, {"Degree": "urn:x:Degree"}], ["VerifiableCredential", "Degree", "https://school.example/#D"], []),
        ([V2, OB], ["VerifiableCredential", "OpenBadgeCredential"], []),
        ([V2, {"@vocab": "https://school.example/#"}], ["VerifiableCredential", "Degree"], []),
    ],
)
async def test_a_type_that_no_context_defines_is_told_where_the_signature_is_over_the_text(
    world, context, types, undefined
):
    for presented in (
        signed(by_school(context=context, type=types)),
        jws(by_school(context=context, type=types), SCHOOL),
    ):
        found = await world.verify(presented)
        assert [problem.pointer for problem in step(found, "contexts").problems] == undefined
        assert step(found, "contexts").outcome is (Outcome.WARNED if undefined else Outcome.PASSED)


async def test_a_context_that_is_known_must_have_the_digest_that_the_issuer_gave(world):
    wrong = {"id": V2, "digestMultibase": "uEiAs8k26X7CjDiboOyrFueKeGxYeXB-nQl5zBDNik4uYJA"}
    found = await world.verify(signed(by_school(relatedResource=[wrong])))
    assert not found.verified
    assert step(found, "contexts").outcome is Outcome.FAILED


# ── validity ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("members", "verdict", "pointer"),
    [
        ({"validUntil": "2025-12-31T23:59:59Z"}, Verdict.EXPIRED, "/validUntil"),
        ({"validUntil": "2026-01-01T00:00:00Z"}, Verdict.EXPIRED, "/validUntil"),
        ({"validUntil": "2026-01-01T00:00:01Z"}, Verdict.VALID, None),
        ({"validFrom": "2026-01-01T00:00:01Z"}, Verdict.NOT_YET_VALID, "/validFrom"),
        ({"validFrom": "2026-01-01T00:00:00Z"}, Verdict.VALID, None),
        ({"validFrom": ABSENT}, Verdict.VALID, None),
    ],
)
async def test_validity_is_from_its_first_moment_until_before_its_last(world, members, verdict, pointer):
    found = await world.verify(signed(by_school(**members)))
    assert (True, verdict) == (found.verified, found.verdict)
    assert [problem.pointer for problem in found.problems] == ([pointer] if pointer else [])


async def test_a_credential_can_be_verified_for_a_past_moment(world):
    document = signed(by_school(validUntil="2025-12-31T00:00:00Z"))
    assert (await world.verify(document)).verdict is Verdict.EXPIRED
    past = await world.verify(document, at=datetime(2025, 7, 1, tzinfo=UTC))
    assert (Verdict.VALID, datetime(2025, 7, 1, tzinfo=UTC)) == (past.verdict, past.verified_at)


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("purpose", "value", "verdict", "type_"),
    [
        ("revocation", 0, Verdict.VALID, None),
        ("revocation", 1, Verdict.REVOKED, types.CREDENTIAL_REVOKED),
        ("suspension", 0, Verdict.VALID, None),
        ("suspension", 1, Verdict.SUSPENDED, types.CREDENTIAL_SUSPENDED),
        ("refresh", 1, Verdict.SUPERSEDED, types.CREDENTIAL_SUPERSEDED),
        ("message", 1, Verdict.VALID, None),
    ],
)
async def test_a_bit_of_our_own_list_decides(world, purpose, value, verdict, type_):
    entry = world.published(purpose, value)
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert (True, verdict) == (found.verified, found.verdict)
    assert types_of(found) == ([type_] if type_ else [])
    [result] = found.results["credentialStatus"]
    assert (value, verdict is Verdict.VALID) == (result["value"], result["verified"])
    assert world.asked_foreign == []


@pytest.mark.parametrize(
    ("changes", "type_"),
    [
        ({"purpose": "suspension"}, types.STATUS_VERIFICATION_ERROR),
        ({"issuer": "did:example:other"}, types.STATUS_VERIFICATION_ERROR),
        ({"valid_until": datetime(2025, 12, 31, tzinfo=UTC)}, types.STATUS_VERIFICATION_ERROR),
        ({"valid_from": datetime(2026, 1, 2, tzinfo=UTC)}, types.STATUS_VERIFICATION_ERROR),
    ],
)
async def test_a_list_that_does_not_speak_of_the_credential_leaves_it_unverifiable(world, changes, type_):
    entry = world.published()
    world.entries[LIST, 7] = replace(world.entries[LIST, 7], **changes)
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert (found.verified, found.verdict) == (True, Verdict.UNVERIFIABLE)
    assert types_of(found) == [type_]


async def test_an_index_outside_of_the_list_is_out_of_range(world):
    entry = {**world.published(), "statusListIndex": "131072"}
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert (found.verdict, types_of(found)) == (Verdict.UNVERIFIABLE, [types.RANGE_ERROR])


async def test_an_entry_of_two_kinds_at_once_is_malformed(world):
    entry = {**world.published(), "type": ["BitstringStatusListEntry", "StatusList2021Entry"]}
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert (found.verdict, types_of(found)) == (Verdict.UNVERIFIABLE, [types.MALFORMED_VALUE_ERROR])


async def test_entries_that_were_swapped_are_noticed(world):
    revocation = world.published("revocation", url=LIST)
    suspension = world.published("suspension", 1, url=f"{LIST}2")
    swapped = [
        {**revocation, "statusListCredential": suspension["statusListCredential"]},
        {**suspension, "statusListCredential": revocation["statusListCredential"]},
    ]
    found = await world.verify(signed(by_school(credentialStatus=swapped)))
    assert found.verdict is Verdict.UNVERIFIABLE
    assert {problem.pointer for problem in found.problems} == {"/credentialStatus/0", "/credentialStatus/1"}


async def test_a_list_that_cannot_be_had_is_never_valid(world):
    entry = world.published()
    world.is_database_away = True
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert (found.verdict, types_of(found)) == (Verdict.UNVERIFIABLE, [types.STATUS_RETRIEVAL_ERROR])
    elsewhere = {**entry, "statusListCredential": "https://elsewhere.example/list"}
    world.is_database_away = False
    found = await world.verify(signed(by_school(credentialStatus=elsewhere)))
    assert (found.verdict, types_of(found)) == (Verdict.UNVERIFIABLE, [types.STATUS_RETRIEVAL_ERROR])


async def test_revocation_decides_though_another_list_cannot_be_had(world):
    entries = [
        {**world.published(), "statusListCredential": "https://elsewhere.example/list", "statusPurpose": "suspension"},
        world.published("revocation", 1),
    ]
    assert (await world.verify(signed(by_school(credentialStatus=entries)))).verdict is Verdict.REVOKED


async def test_an_expired_credential_whose_list_cannot_be_had_may_as_well_be_revoked(world):
    entry = {**world.published(), "statusListCredential": "https://elsewhere.example/list"}
    document = signed(by_school(credentialStatus=entry, validUntil="2025-12-31T00:00:00Z"))
    assert (await world.verify(document)).verdict is Verdict.UNVERIFIABLE


async def test_the_status_of_others_is_asked_of_the_lists_of_others(world):
    url = "https://elsewhere.example/list"
    entry = {"type": "1EdTechRevocationList", "id": url}
    read_at = datetime(2025, 12, 31, tzinfo=UTC)
    world.foreign[url] = StatusFinding("revocation", 1, "lost", Verdict.REVOKED, None, url, read_at)
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert found.verdict is Verdict.REVOKED
    assert step(found, "status").checked_at == read_at


@pytest.mark.parametrize("listed", [{"idx": 1, "uri": "https://elsewhere.example/list"}, "elsewhere", None])
async def test_the_status_claim_of_a_jwt_counts_beside_its_entries(world, listed):
    claim, entry = {"status_list": listed}, world.published()
    for document in (by_school(status=claim), by_school(status=claim, credentialStatus=entry)):
        world.asked_foreign.clear()
        found = await world.verify(jws(document, SCHOOL))
        assert world.asked_foreign == ([claim] if isinstance(listed, dict) else [])
        assert found.verdict is Verdict.UNVERIFIABLE


async def test_nobody_is_asked_for_a_document_that_nobody_signed(world):
    entry = {"type": "1EdTechRevocationList", "id": "https://elsewhere.example/list"}
    await world.verify(by_school(credentialStatus=entry))
    await world.verify(signed(by_school(credentialStatus=entry), STRANGER))
    assert world.asked_foreign == []


# ── what the registry knows ──────────────────────────────────────────────────────────────────────────────────

REGISTERED = IssuerStanding("school", "The School", "active", SIGNED)


async def test_an_unknown_issuer_is_said_and_no_fault(world):
    found = await world.verify(signed(by_school()))
    assert (found.verdict, step(found, "issuer").outcome) == (Verdict.VALID, Outcome.SKIPPED)


@pytest.mark.parametrize("status", ["suspended", "withdrawn"])
async def test_what_an_issuer_issued_before_it_was_stopped_stays_what_it_is(world, status):
    world.issuers[did_of(SCHOOL)] = replace(REGISTERED, status=status)
    document = signed(by_school())
    world.standings[document["id"]] = CredentialStanding("active", SIGNED)
    found = await world.verify(document)
    assert (found.verdict, types_of(found)) == (Verdict.VALID, [types.ISSUER_NOT_ACTIVE])
    assert status in step(found, "issuer").detail


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("active", Verdict.VALID),
        ("suspended", Verdict.SUSPENDED),
        ("revoked", Verdict.REVOKED),
        ("superseded", Verdict.SUPERSEDED),
    ],
)
async def test_where_the_registry_has_the_credential_counts(world, status, verdict):
    world.issuers[did_of(SCHOOL)] = REGISTERED
    document = signed(by_school())
    world.standings[document["id"]] = CredentialStanding(status, SIGNED)
    found = await world.verify(document)
    assert (True, verdict) == (found.verified, found.verdict)
    assert "The School" in found.summary


async def test_a_credential_that_its_registered_issuer_never_registered_is_told_apart(world):
    world.issuers[did_of(SCHOOL)] = REGISTERED
    found = await world.verify(signed(by_school()))
    assert (found.verdict, types_of(found)) == (Verdict.VALID, [types.CREDENTIAL_UNREGISTERED])
    assert "ask the issuer" in found.summary


async def test_while_the_read_side_is_behind_nothing_newer_is_denied(world):
    world.issuers[did_of(SCHOOL)] = REGISTERED
    document = signed(by_school())
    world.recorded_until = world.clock() - timedelta(minutes=1)
    found = await world.verify(document)
    assert (found.verdict, types_of(found)) == (Verdict.VALID, [])
    assert f"recorded here after {world.recorded_until:%Y-%m-%dT%H:%M:%SZ} cannot be read yet" in found.summary
    assert step(found, "registration").checked_at == world.recorded_until
    world.standings[document["id"]] = CredentialStanding("active", SIGNED)
    assert "up to then the credential was active" in (await world.verify(document)).summary
    world.standings[document["id"]] = CredentialStanding("revoked", SIGNED)
    found = await world.verify(document)
    assert (found.verdict, types_of(found)) == (Verdict.REVOKED, [types.CREDENTIAL_REVOKED])


async def test_the_past_is_known_however_far_behind_the_read_side_is(world):
    world.issuers[did_of(SCHOOL)] = REGISTERED
    world.recorded_until = world.clock() - timedelta(minutes=1)
    found = await world.verify(signed(by_school()), at=world.clock() - timedelta(minutes=2))
    assert types_of(found) == [types.CREDENTIAL_UNREGISTERED]


async def test_a_key_that_cannot_be_had_is_no_verdict_on_the_document_whatever_other_proofs_there_are(world):
    document = signed(by_school(issuer="did:web:away.example"))
    document["proof"] = [{"type": "Unheard"}, {**document["proof"], "verificationMethod": "did:web:away.example#key"}]
    found = await world.verify(document)
    assert (found.verdict, found.verified) == (Verdict.UNVERIFIABLE, False)
    assert found.summary.startswith("This credential could not be checked: "), found.summary


async def test_a_directory_that_does_not_answer_is_said(world):
    world.is_database_away = True
    found = await world.verify(signed(by_school()))
    assert (found.verdict, step(found, "issuer").outcome) == (Verdict.VALID, Outcome.SKIPPED)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_every_verdict_is_a_sentence(world):
    world.issuers[did_of(SCHOOL)] = REGISTERED
    said = set()
    for status in ("active", "suspended", "revoked", "superseded"):
        document = signed(by_school())
        world.standings[document["id"]] = CredentialStanding(status, SIGNED)
        said.add((await world.verify(document)).summary)
    for members in ({"validUntil": "2025-12-01T00:00:00Z"}, {"validFrom": "2027-01-01T00:00:00Z"}, {"id": "x y"}):
        said.add((await world.verify(signed(by_school(**{"id": "urn:x:1", **members})))).summary)
    assert len(said) == 7
    assert all(sentence.startswith("This credential ") and sentence.endswith(".") for sentence in said)


async def test_what_a_person_should_consider_is_part_of_the_sentence(world):
    document = signed(by_school())
    assert "not registered here" in (await world.verify(document)).summary
    world.issuers[did_of(SCHOOL)] = REGISTERED
    world.standings[document["id"]] = CredentialStanding("active", SIGNED)
    assert (await world.verify(document)).summary.endswith("nothing is said against it.")


@pytest.mark.parametrize(
    "presented", [{}, "", "x", "data:", b"", b"\xd2\x84", {"type": "EnvelopedVerifiableCredential"}]
)
async def test_what_is_no_credential_is_refused_and_raises_nothing(world, presented):
    found = await world.verify(presented)
    assert (found.verified, found.verdict) == (False, Verdict.UNVERIFIABLE)
    json.dumps([problem.json() for problem in found.problems])


async def test_times_are_told_when_they_were(world):
    world.clock.now = datetime(2026, 3, 1, tzinfo=UTC)
    entry = world.published()
    world.clock.advance(seconds=60)
    found = await world.verify(signed(by_school(credentialStatus=entry)))
    assert step(found, "status").checked_at == datetime(2026, 3, 1, tzinfo=UTC), "when the list was published"
    assert step(found, "proof").checked_at == world.clock() == found.verified_at
    assert timedelta(0) == world.clock() - found.verified_at


# ── contained ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_endorsement_inside_has_a_verdict_of_its_own(world):
    endorsement = signed(
        badge(
            id="urn:uuid:1",
            issuer={"id": did_of(HOLDER), "type": "Profile"},
            type=["VerifiableCredential", "EndorsementCredential"],
            credentialSubject={"id": did_of(SCHOOL), "type": ["EndorsementSubject"]},
            validUntil="2025-12-01T00:00:00Z",
        ),
        HOLDER,
    )
    issuer = {"id": did_of(SCHOOL), "type": ["Profile"], "endorsement": [endorsement]}
    document = signed(badge(issuer=issuer, endorsementJwt=["no.such.jwt"]))
    found = await world.verify(document)
    assert found.verdict is Verdict.VALID
    assert {one.pointer: one.verification.verdict for one in found.contained} == {
        "/issuer/endorsement/0": Verdict.EXPIRED,
        "/endorsementJwt/0": Verdict.UNVERIFIABLE,
    }
    assert step(found, "contained").outcome is Outcome.WARNED
