"""Every rule of the data model has a row: a document that breaks it, where, and which section says so."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.domain.problem import MALFORMED_VALUE_ERROR
from registry.verifier.structure import check as rules
from registry.verifier.structure.check import MAX_PROBLEMS, check_credential, check_presentation
from registry.verifier.structure.related import wrong_digests
from tests.verifier.documents import ABSENT, OB, V1, V2, credential, credential_v1, presentation

ENTRY = {
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "42",
    "statusListCredential": "https://school.example/status/1",
}
SRI = "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb"
RESOURCE = {"id": "https://school.example/logo.png", "digestSRI": SRI}
MESSAGES = [{"status": "0x0", "message": "pending"}, {"status": "0x1", "message": "done"}]


def entry(**members):
    return {**ENTRY, **members}


CONTEXT, IDENTIFIER, TYPE, TEXT = (f"VCDM 2.0, section {number}" for number in ("4.3", "4.4", "4.5", "4.6"))
ISSUER, SUBJECT, VALIDITY, STATUS = (f"VCDM 2.0, section {number}" for number in ("4.7", "4.8", "4.9", "4.10"))
SCHEMA, RELATED, REFRESH, TERMS = (f"VCDM 2.0, section {number}" for number in ("4.11", "5.3", "5.4", "5.5"))
EVIDENCE, LANGUAGE, PROTECTED = (f"VCDM 2.0, section {number}" for number in ("5.6", "11.1", "5.2.1"))
PRESENTATION, BITS, PROOF = (
    "VCDM 2.0, section 4.13",
    "Bitstring Status List 1.0, section 2.1",
    "VC Data Integrity 1.0, section 2.1",
)

BROKEN = [
    ({"context": ABSENT}, "/@context", CONTEXT),
    ({"context": V2}, "/@context", CONTEXT),
    ({"context": []}, "/@context", CONTEXT),
    ({"context": ["https://www.w3.org/ns/credentials/examples/v2", V2]}, "/@context", CONTEXT),
    ({"context": [V2, 7]}, "/@context/1", CONTEXT),
    ({"context": [V2, None]}, "/@context/1", CONTEXT),
    ({"context": [V2, "no url"]}, "/@context/1", CONTEXT),
    ({"context": [V2, {"name": "https://school.example/name"}]}, "/@context", PROTECTED),
    ({"context": [V2, {"@protected": True, "Degree": "urn:x"}, {"Degree": "urn:y"}]}, "/@context", PROTECTED),
    ({"context": [V2, OB, {"Achievement": "urn:x"}]}, "/@context", PROTECTED),
    ({"context": [V2, {"VerifiableCredential": "urn:x"}]}, "/@context", PROTECTED),
    (
        {"credentialSubject": {"@context": {"description": "urn:x"}, "id": "urn:x:1"}},
        "/credentialSubject/@context",
        PROTECTED,
    ),
    ({"id": "not a url"}, "/id", IDENTIFIER),
    ({"id": ["urn:x:1", "urn:x:2"]}, "/id", IDENTIFIER),
    ({"id": None}, "/id", IDENTIFIER),
    ({"credentialSubject": {"id": "ada"}}, "/credentialSubject/id", IDENTIFIER),
    ({"credentialSubject": [{"id": "urn:x:1"}, {"id": ["a"]}]}, "/credentialSubject/1/id", IDENTIFIER),
    ({"credentialSubject": {"degree": {"id": "/1~"}}}, "/credentialSubject/degree/id", IDENTIFIER),
    ({"credentialStatus": {"id": "x y", "type": "X"}}, "/credentialStatus/id", IDENTIFIER),
    ({"type": ABSENT}, "/type", TYPE),
    ({"type": []}, "/type", TYPE),
    ({"type": "Degree"}, "/type", TYPE),
    ({"type": ["VerifiableCredential", 1]}, "/type", TYPE),
    ({"credentialSubject": {"type": ""}}, "/credentialSubject/type", TYPE),
    ({"name": 5}, "/name", TEXT),
    ({"name": {"@language": "en"}}, "/name", TEXT),
    ({"name": ["Degree", 7]}, "/name/1", TEXT),
    ({"description": None}, "/description", TEXT),
    ({"issuer": {"id": "urn:x:1", "name": 1}}, "/issuer/name", TEXT),
    ({"issuer": {"id": "urn:x:1", "description": [[]]}}, "/issuer/description/0", TEXT),
    ({"name": {"@value": "Degree", "@language": "en", "url": "did:example:1"}}, "/name", LANGUAGE),
    ({"name": {"@value": 5, "@language": "en"}}, "/name/@value", LANGUAGE),
    ({"name": {"@value": "Degree", "@language": "english language"}}, "/name/@language", LANGUAGE),
    ({"name": {"@value": "Degree", "@language": 1}}, "/name/@language", LANGUAGE),
    ({"name": {"@value": "Degree", "@direction": "up"}}, "/name/@direction", LANGUAGE),
    ({"issuer": {"id": "urn:x:1", "name": [{"@value": "A", "x": 1}]}}, "/issuer/name/0", LANGUAGE),
    ({"issuer": ABSENT}, "/issuer", ISSUER),
    ({"issuer": "school"}, "/issuer", ISSUER),
    ({"issuer": None}, "/issuer", ISSUER),
    ({"issuer": ["did:example:1"]}, "/issuer", ISSUER),
    ({"issuer": {"name": "School"}}, "/issuer/id", ISSUER),
    ({"credentialSubject": ABSENT}, "/credentialSubject", SUBJECT),
    ({"credentialSubject": {}}, "/credentialSubject", SUBJECT),
    ({"credentialSubject": []}, "/credentialSubject", SUBJECT),
    ({"credentialSubject": [{"id": "urn:x:1"}, {}]}, "/credentialSubject/1", SUBJECT),
    ({"credentialSubject": "did:example:ada"}, "/credentialSubject", SUBJECT),
    ({"validFrom": "2025-01-01T00:00:00"}, "/validFrom", VALIDITY),
    ({"validFrom": "2025-01-01"}, "/validFrom", VALIDITY),
    ({"validFrom": 1735689600}, "/validFrom", VALIDITY),
    ({"validFrom": "2025-13-01T00:00:00Z"}, "/validFrom", VALIDITY),
    ({"validUntil": "tomorrow"}, "/validUntil", VALIDITY),
    ({"validUntil": ["2026-01-01T00:00:00Z"]}, "/validUntil", VALIDITY),
    ({"validUntil": "2024-12-31T23:59:59Z"}, "/validUntil", VALIDITY),
    ({"credentialStatus": {"id": "urn:x:1"}}, "/credentialStatus/type", STATUS),
    ({"credentialStatus": "https://school.example/status"}, "/credentialStatus", STATUS),
    ({"credentialStatus": []}, "/credentialStatus", STATUS),
    ({"credentialStatus": [ENTRY, {}]}, "/credentialStatus/1/type", STATUS),
    ({"credentialStatus": entry(statusListCredential="nowhere")}, "/credentialStatus/statusListCredential", BITS),
    ({"credentialStatus": entry(id="https://school.example/status/1")}, "/credentialStatus/id", BITS),
    ({"credentialStatus": entry(statusPurpose=["revocation"])}, "/credentialStatus/statusPurpose", BITS),
    ({"credentialStatus": entry(statusPurpose="")}, "/credentialStatus/statusPurpose", BITS),
    ({"credentialStatus": entry(statusListIndex=42)}, "/credentialStatus/statusListIndex", BITS),
    ({"credentialStatus": entry(statusListIndex="-1")}, "/credentialStatus/statusListIndex", BITS),
    ({"credentialStatus": entry(statusListIndex="4.2")}, "/credentialStatus/statusListIndex", BITS),
    ({"credentialStatus": entry(statusSize=0)}, "/credentialStatus/statusSize", BITS),
    ({"credentialStatus": entry(statusSize=True)}, "/credentialStatus/statusSize", BITS),
    ({"credentialStatus": entry(statusSize=2)}, "/credentialStatus/statusMessage", BITS),
    ({"credentialStatus": entry(statusSize=2, statusMessage=MESSAGES)}, "/credentialStatus/statusMessage", BITS),
    ({"credentialStatus": entry(statusMessage=[{"status": 0}])}, "/credentialStatus/statusMessage", BITS),
    ({"credentialStatus": entry(statusReference="a page")}, "/credentialStatus/statusReference", BITS),
    ({"credentialStatus": entry(statusReference=["urn:x:1", {}])}, "/credentialStatus/statusReference/1", BITS),
    ({"credentialSchema": {"id": "urn:x:1"}}, "/credentialSchema/type", SCHEMA),
    ({"credentialSchema": {"type": "JsonSchema"}}, "/credentialSchema/id", SCHEMA),
    ({"refreshService": {"id": "urn:x:1"}}, "/refreshService/type", REFRESH),
    ({"termsOfUse": {"id": "urn:x:1"}}, "/termsOfUse/type", TERMS),
    ({"evidence": [{"id": "urn:x:1"}]}, "/evidence/0/type", EVIDENCE),
    ({"evidence": "a photograph"}, "/evidence", EVIDENCE),
    ({"relatedResource": "https://school.example/logo.png"}, "/relatedResource", RELATED),
    ({"relatedResource": [{"digestSRI": SRI}]}, "/relatedResource/0/id", RELATED),
    ({"relatedResource": [RESOURCE, RESOURCE]}, "/relatedResource/1/id", RELATED),
    ({"relatedResource": [{"id": RESOURCE["id"]}]}, "/relatedResource/0", RELATED),
    ({"relatedResource": [{**RESOURCE, "digestSRI": "sha384-abc"}]}, "/relatedResource/0/digestSRI", RELATED),
    ({"relatedResource": [{**RESOURCE, "digestSRI": "md5-abcd"}]}, "/relatedResource/0/digestSRI", RELATED),
    ({"relatedResource": [{**RESOURCE, "digestMultibase": "zQm"}]}, "/relatedResource/0/digestMultibase", RELATED),
    ({"relatedResource": [{**RESOURCE, "mediaType": "png"}]}, "/relatedResource/0/mediaType", RELATED),
    ({"proof": []}, "/proof", PROOF),
    ({"proof": "signed"}, "/proof", PROOF),
    ({"proof": {"created": "2025-01-01T00:00:00Z"}}, "/proof", PROOF),
    ({"proof": [{"type": "DataIntegrityProof", "created": "2025-01-01T00:00:00"}]}, "/proof/0/created", PROOF),
    ({"proof": {"type": "DataIntegrityProof", "expires": "never"}}, "/proof/expires", PROOF),
]


def found(problems):
    return {(problem.pointer, problem.source) for problem in problems}


@pytest.mark.parametrize(("members", "pointer", "section"), BROKEN, ids=lambda value: str(value)[:70])
def test_what_the_data_model_forbids_is_named_where_it_is(members, pointer, section):
    problems = check_credential(credential(**members))
    assert (pointer, section) in found(problems)
    assert {problem.type for problem in problems} == {MALFORMED_VALUE_ERROR}


BROKEN_V1 = [
    ({"issuanceDate": ABSENT}, "/issuanceDate", "VCDM 1.1, section 4.6"),
    ({"issuanceDate": "yesterday"}, "/issuanceDate", "VCDM 1.1, section 4.6"),
    ({"expirationDate": "2024-01-01T00:00:00Z"}, "/expirationDate", "VCDM 1.1, section 4.8"),
    ({"context": [V1, {"VerifiableCredential": "urn:x"}]}, "/@context", "VCDM 1.1, section 5.3"),
    ({"context": [V1, 7]}, "/@context/1", "VCDM 1.1, section 4.1"),
    ({"credentialStatus": {"type": "X"}}, "/credentialStatus/id", "VCDM 1.1, section 4.9"),
    ({"credentialSchema": {"type": "X"}}, "/credentialSchema/id", "VCDM 1.1, section 5.4"),
    ({"refreshService": {"type": "X"}}, "/refreshService/id", "VCDM 1.1, section 5.5"),
    ({"termsOfUse": {"id": "urn:x:1"}}, "/termsOfUse/type", "VCDM 1.1, section 5.6"),
]


@pytest.mark.parametrize(("members", "pointer", "section"), BROKEN_V1, ids=lambda value: str(value)[:70])
def test_what_the_older_data_model_forbids_is_named_where_it_is(members, pointer, section):
    assert (pointer, section) in found(check_credential(credential_v1(**members)))


BROKEN_PRESENTATIONS = [
    ({"context": [V2, 1]}, "/@context/1", CONTEXT),
    ({"type": ["VerifiableCredential"]}, "/type", PRESENTATION),
    ({"id": "one"}, "/id", IDENTIFIER),
    ({"holder": "ada"}, "/holder", PRESENTATION),
    ({"holder": {"name": "Ada"}}, "/holder/id", PRESENTATION),
    ({"holder": {"id": "ada"}}, "/holder/id", IDENTIFIER),
    ({"verifiableCredential": ["eyJhbGciOi…"]}, "/verifiableCredential/0", PRESENTATION),
    ({"verifiableCredential": "urn:x:1"}, "/verifiableCredential", PRESENTATION),
    ({"verifiableCredential": [1]}, "/verifiableCredential/0", PRESENTATION),
    ({"termsOfUse": {}}, "/termsOfUse/type", TERMS),
    ({"proof": "signed"}, "/proof", PROOF),
]


@pytest.mark.parametrize(("members", "pointer", "section"), BROKEN_PRESENTATIONS, ids=lambda value: str(value)[:70])
def test_what_a_presentation_must_not_be_is_named_where_it_is(members, pointer, section):
    assert (pointer, section) in found(check_presentation(presentation(**members)))


@pytest.mark.parametrize("kind", ["credential", "presentation"])
def test_every_rule_has_a_row(kind):
    if kind == "credential":
        asked, documents = rules.CREDENTIAL, [credential(**members) for members, *_ in BROKEN]
    else:
        asked, documents = rules.PRESENTATION, [presentation(**members) for members, *_ in BROKEN_PRESENTATIONS]
    assert {rule.__name__ for rule in asked if not any(list(rule(one)) for one in documents)} == set()


WHOLE = [
    {},
    {"id": ABSENT, "validFrom": ABSENT},
    {"context": [V2, {"color": "https://schema.org/color"}]},
    {"context": [V2, {"name": "https://schema.org/name"}, "https://school.example/context.json"]},
    {"context": [V2, {"name": {"@id": "https://schema.org/name"}}, {"@protected": True, "a": "urn:x"}, {"a": "urn:x"}]},
    {"type": ["VerifiableCredential", "https://school.example/types#Degree"]},
    {"type": "VerifiableCredential"},
    {"name": {"@value": "Degree", "@language": "en", "@direction": "ltr"}},
    {"name": [{"@value": "Degree", "@language": "en"}, {"@value": "Diplôme", "@language": "fr-CA"}, "x"]},
    {"issuer": {"id": "did:example:1", "name": {"@value": "مدرسة", "@language": "ar", "@direction": "rtl"}}},
    {"credentialSubject": [{"id": "urn:x:1", "a": 1}, {"b": 2}]},
    {"validFrom": "2025-01-01T00:00:00.123456789-05:00", "validUntil": "2025-01-01T05:00:00.124Z"},
    {"validFrom": "2025-01-01T24:00:00Z", "validUntil": "2025-01-02T00:00:00Z"},
    {"validUntil": "12025-01-01T00:00:00Z"},
    {"credentialStatus": [ENTRY, entry(statusPurpose="message", statusSize=1, statusMessage=MESSAGES)]},
    {"credentialStatus": {"type": "BitstringStatusListEntry", **ENTRY, "id": "https://school.example/status/1#42"}},
    {"credentialSchema": {"id": "https://school.example/schema.json", "type": "JsonSchema"}},
    {"refreshService": [{"type": "Refresh"}], "termsOfUse": {"type": "Policy"}, "evidence": {"type": "Evidence"}},
    {"relatedResource": [{**RESOURCE, "mediaType": "image/png"}]},
    {"relatedResource": {"id": "urn:x:1", "digestMultibase": "uEiAs8k26X7CjDiboOyrFueKeGxYeXB-nQl5zBDNik4uYJA"}},
]


@pytest.mark.parametrize("members", WHOLE, ids=lambda value: str(value)[:70])
def test_what_the_data_model_allows_is_not_touched(members):
    assert check_credential(credential(**members)) == []


def test_each_data_model_protects_its_own_terms():
    assert check_credential(credential_v1(context=[V1, {"description": "https://school.example/about"}])) == []


def test_a_conforming_presentation_is_not_touched():
    assert check_presentation(presentation(holder={"id": "did:example:ada"}, id="urn:x:1")) == []
    assert check_presentation(presentation(verifiableCredential=ABSENT)) == []
    assert check_presentation(presentation(context=[V1], verifiableCredential=["eyJ.eyJ.x"])) == []


def test_a_document_of_neither_data_model_is_told_which_context_it_lacks():
    assert "/@context" in {problem.pointer for problem in check_credential({"type": "VerifiableCredential"})}


def test_a_hostile_document_is_not_answered_with_a_book():
    subject = [{"id": str(number)} for number in range(1000)]
    assert len(check_credential(credential(credentialSubject=subject))) == MAX_PROBLEMS


def test_a_resource_at_hand_must_have_the_digest_that_is_given():
    url = "https://school.example/logo.png"
    right = {"id": url, "digestSRI": "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="}
    document = credential(relatedResource=[right])
    assert list(wrong_digests(document, {url: b"hello"}.get)) == []
    [problem] = wrong_digests(document, {url: b"goodbye"}.get)
    assert problem.pointer == "/relatedResource/0"
    assert list(wrong_digests(document, {}.get)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "@context", "@value", "name"]) | st.text(max_size=4), inner)
    ),
    max_leaves=6,
)
MEMBERS = sorted(
    {name for members, *_ in BROKEN for name in members if name != "context"} | {"@context", "holder", "proof"}
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=6), JSON, max_size=8))
def test_any_document_is_judged_without_an_error(members):
    for check in (check_credential, check_presentation):
        for document in (members, {**credential(), **members}, {**credential_v1(), **members}):
            problems = check(document)
            assert all(problem.detail.endswith(".") for problem in problems)
            json.dumps([problem.json() for problem in problems])
