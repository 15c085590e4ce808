"""Controller documents of all kinds, and what of them counts."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Malformed, UnknownVerificationMethod
from registry.securing.did import resolve_here
from registry.securing.problem import (
    INVALID_DOCUMENT,
    INVALID_DOCUMENT_ID,
    INVALID_RELATIONSHIP,
    INVALID_VERIFICATION_METHOD,
    INVALID_VERIFICATION_METHOD_URL,
    ProblemType,
)
from registry.securing.verification_method import MAX_METHODS, controller_of, method_in, verification_methods
from tests.securing.signers import SIGNERS, key_of, method_of

DID = "did:web:school.example"
KEYS = {name: key_of(signer) for name, signer in SIGNERS.items()}


def entry(name: str = "key", **members: Any) -> dict[str, Any]:
    standard = {
        "id": f"{DID}#{name}",
        "type": "Multikey",
        "controller": DID,
        "publicKeyMultibase": KEYS["Ed25519"].multikey(),
    }
    return {key: value for key, value in (standard | members).items() if value is not None}


def document(*methods: Any, **members: Any) -> dict[str, Any]:
    return {"id": DID, "verificationMethod": list(methods), **members}


@pytest.mark.parametrize(
    ("members", "algorithm"),
    [
        ({}, "Ed25519"),
        ({"type": "Ed25519VerificationKey2020"}, "Ed25519"),
        ({"publicKeyMultibase": KEYS["P-256"].multikey()}, "P-256"),
        ({"publicKeyMultibase": KEYS["P-384"].multikey()}, "P-384"),
        ({"type": "JsonWebKey", "publicKeyJwk": KEYS["P-256"].jwk()}, "P-256"),
        ({"type": "JsonWebKey2020", "publicKeyJwk": KEYS["Ed25519"].jwk()}, "Ed25519"),
        ({"id": "#key"}, "Ed25519"),
    ],
)
@pytest.mark.parametrize("reference", [f"{DID}#key", "#key"])
def test_a_method_of_each_type_is_read(members: dict[str, Any], algorithm: str, reference: str) -> None:
    found = method_in(document(entry(**members), assertionMethod=[reference]), f"{DID}#key", "assertionMethod")
    assert found.key == KEYS[algorithm]
    assert (found.id, found.controller, found.purposes) == (f"{DID}#key", DID, {"assertionMethod"})


def test_a_method_may_stand_in_the_relationship_itself() -> None:
    whole = {"id": DID, "authentication": entry("a"), "assertionMethod": [entry("b")]}
    assert {method.id: method.purposes for method in verification_methods(whole)} == {
        f"{DID}#a": {"authentication"},
        f"{DID}#b": {"assertionMethod"},
    }


def test_the_moments_of_a_method_are_read() -> None:
    moments = entry(expires="2026-01-01T00:00:00Z", revoked="2025-01-01T02:00:00+02:00")
    (found,) = verification_methods(document(moments))
    assert found.expires == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.revoked == datetime(2025, 1, 1, tzinfo=UTC)


UNUSABLE = [
    entry(type="X25519KeyAgreementKey2020"),
    entry(type=["Multikey"]),
    entry(type=None),
    entry(controller="did:web:other.example"),
    entry(controller=None),
    entry(publicKeyMultibase=None),
    entry(publicKeyMultibase="z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc"),
    entry(type="Ed25519VerificationKey2020", publicKeyMultibase=KEYS["P-256"].multikey()),
    entry(type="JsonWebKey"),
    entry(type="JsonWebKey", publicKeyJwk={**KEYS["Ed25519"].jwk(), "d": "AAAA"}),
    entry(expires="soon"),
    entry(revoked=7),
]


@pytest.mark.parametrize("unusable", UNUSABLE)
def test_a_method_that_cannot_be_used_spoils_no_other(unusable: dict[str, Any]) -> None:
    whole = document(unusable, entry("good"), "text", assertionMethod=[f"{DID}#key", f"{DID}#good", 7])
    assert [method.id for method in verification_methods(whole)] == [f"{DID}#good"]
    assert method_in(whole, f"{DID}#good", "assertionMethod").key == KEYS["Ed25519"]
    with pytest.raises(UnknownVerificationMethod) as refused:
        method_in(whole, f"{DID}#key", "assertionMethod")
    assert refused.value.problem_type == INVALID_VERIFICATION_METHOD.type


@pytest.mark.parametrize(
    ("whole", "url", "problem"),
    [
        (document(entry()), f"{DID}#key", INVALID_RELATIONSHIP),
        (document(entry(), authentication=["#key"]), f"{DID}#key", INVALID_RELATIONSHIP),
        (document(assertionMethod=["#key"]), f"{DID}#key", INVALID_VERIFICATION_METHOD),
        (document(entry(), entry(), assertionMethod=["#key"]), f"{DID}#key", INVALID_VERIFICATION_METHOD),
        (document(entry()), "did:web:other.example#key", INVALID_DOCUMENT_ID),
        ({}, f"{DID}#key", INVALID_DOCUMENT_ID),
        (document(*[entry()] * (MAX_METHODS + 1)), f"{DID}#key", INVALID_DOCUMENT),
        (document(entry()), DID, INVALID_VERIFICATION_METHOD_URL),
        (document(entry()), "#key", INVALID_VERIFICATION_METHOD_URL),
        (document(entry()), "http://school.example#key", INVALID_VERIFICATION_METHOD_URL),
        (document(entry()), f"{DID}#", INVALID_VERIFICATION_METHOD_URL),
        (document(entry()), f"{DID}#a b", INVALID_VERIFICATION_METHOD_URL),
    ],
)
def test_what_is_wrong_is_told_in_the_specifications_words(
    whole: dict[str, Any], url: str, problem: ProblemType
) -> None:
    with pytest.raises(UnknownVerificationMethod) as refused:
        method_in(whole, url, "assertionMethod")
    assert refused.value.problem_type == problem.type


def test_a_bare_did_key_names_its_one_method() -> None:
    bare = method_of(SIGNERS["P-256"]).partition("#")[0]
    found = method_in(resolve_here(bare), bare, "assertionMethod")
    assert controller_of(bare) == found.id == found.controller == bare
    assert found.key == KEYS["P-256"]


def test_a_did_key_is_not_for_key_agreement() -> None:
    url = method_of(SIGNERS["Ed25519"])
    with pytest.raises(UnknownVerificationMethod) as refused:
        method_in(resolve_here(controller_of(url)), url, "keyAgreement")
    assert refused.value.problem_type == INVALID_RELATIONSHIP.type


@pytest.mark.parametrize("url", ["did:web:a.example#b", "did:key:z#z", "did:jwk:e30#0", "did:jwk:e30#1", "did:jwk:!#0"])
def test_what_is_not_its_own_key_is_not_resolved_here(url: str) -> None:
    with pytest.raises(Malformed):
        resolve_here(controller_of(url))


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.sampled_from([DID, f"{DID}#key", "#key", "Multikey"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "controller", "publicKeyMultibase", "publicKeyJwk", "expires", "x"]),
            inner,
            max_size=5,
        )
    ),
)


@given(st.dictionaries(st.sampled_from(["id", "verificationMethod", "assertionMethod", "authentication"]), JSON))
def test_hostile_documents_are_refused_in_our_words(whole: dict[str, Any]) -> None:
    with suppress(Malformed):
        assert verification_methods(whole) == []
    with pytest.raises(UnknownVerificationMethod):
        method_in(whole, f"{DID}#key", "assertionMethod")
