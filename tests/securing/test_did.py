"""did:key, did:jwk and did:web, against their specifications' examples."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Malformed
from registry.securing import base64url
from registry.securing.contexts import Contexts
from registry.securing.did import (
    Method,
    controller_document,
    did_key,
    did_web,
    did_web_url,
    key_method,
    parse_did_jwk,
    parse_did_key,
    resolve_here,
    web_method,
)
from registry.securing.public_key import PublicKey
from registry.securing.rdf import canonicalise_here
from registry.securing.verification_method import method_in, verification_methods
from tests.securing.signers import SIGNERS, key_of

KEYS = st.binary(min_size=32, max_size=32).filter(lambda raw: any(raw[1:31])).map(lambda raw: PublicKey("Ed25519", raw))
OLD, NEW = PublicKey("Ed25519", bytes([2]) * 32), PublicKey("Ed25519", bytes([7]) * 32)
SLUGS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


def test_the_key_of_the_w3c_vectors_comes_out_as_its_did(vectors: dict[str, Any]) -> None:
    text = vectors["keyPair.json"]["publicKeyMultibase"]
    key = PublicKey.from_multikey(text)
    assert did_key(key) == f"did:key:{text}"
    assert key_method(key).id == vectors["eddsa-rdfc-2022/proofConfigDataInt.json"]["verificationMethod"]


@given(KEYS)
def test_a_did_key_is_its_key(key: PublicKey) -> None:
    assert did_key(key).startswith("did:key:z6Mk")
    assert parse_did_key(did_key(key)) == key


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_the_document_of_a_did_key_lists_it_for_all_that_is_done_by_signing(algorithm: str) -> None:
    key = key_of(SIGNERS[algorithm])
    document = resolve_here(did_key(key))
    [method] = verification_methods(document)
    assert method.key == key
    assert method.id == key_method(key).id
    assert method.purposes == {"assertionMethod", "authentication", "capabilityDelegation", "capabilityInvocation"}
    assert method_in(document, method.id, "authentication") == method


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_did_jwk_is_its_key(algorithm: str) -> None:
    key = key_of(SIGNERS[algorithm])
    did = f"did:jwk:{base64url.encode(json.dumps(key.jwk()).encode())}"
    assert parse_did_jwk(did) == key
    assert method_in(resolve_here(did), f"{did}#0", "assertionMethod").key == key


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did:key:",
        "did:key:z",
        "did:web:example.org",
        "did:key:z6Mk0OIl",
        "did:key:u7QEAAAAA",
        "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",  # an X25519 key
        "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ",  # a character short
        "did:key:z" + "1" * 5000,
        "did:key:zé",
    ],
)
def test_other_texts_are_no_did_key(did: str) -> None:
    with pytest.raises(Malformed):
        parse_did_key(did)


@pytest.mark.parametrize(
    ("origin", "path", "did", "url"),
    [
        # The examples of the did:web specification, section 3.2.
        (
            "https://w3c-ccg.github.io",
            "",
            "did:web:w3c-ccg.github.io",
            "https://w3c-ccg.github.io/.well-known/did.json",
        ),
        (
            "https://w3c-ccg.github.io",
            "/user/alice",
            "did:web:w3c-ccg.github.io:user:alice",
            "https://w3c-ccg.github.io/user/alice/did.json",
        ),
        (
            "https://example.com:3000",
            "/user/alice",
            "did:web:example.com%3A3000:user:alice",
            "https://example.com:3000/user/alice/did.json",
        ),
        (
            "https://registry.example:443/",
            "/issuers/acme",
            "did:web:registry.example:issuers:acme",
            "https://registry.example/issuers/acme/did.json",
        ),
    ],
)
def test_did_web_names_the_document_at_its_address(origin: str, path: str, did: str, url: str) -> None:
    assert did_web(origin, path) == did
    assert did_web_url(did) == url


@given(SLUGS, st.none() | st.integers(1, 65535))
def test_did_web_and_back_is_the_issuers_document(slug: str, port: int | None) -> None:
    origin = "https://registry.example" + (f":{port}" if port not in {None, 443} else "")
    assert did_web_url(did_web(origin, f"/issuers/{slug}")) == f"{origin}/issuers/{slug}/did.json"


@pytest.mark.parametrize(
    ("origin", "path"),
    [
        ("http://registry.example", ""),
        ("https://", ""),
        ("https://127.0.0.1", ""),
        ("https://[::1]", ""),
        ("https://user@registry.example", ""),
        ("https://registry.example/path", ""),
        ("https://registry.example?q", ""),
        ("https://régistry.example", ""),
        ("https://registry.example", "/a:b"),
        ("https://registry.example", "/../x"),
        ("https://registry.example", "/a b"),
        ("https://registry.example:70000", ""),
    ],
)
def test_what_did_web_cannot_name_is_refused(origin: str, path: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # urlsplit says some of these in its own words
        did_web(origin, path)


@pytest.mark.parametrize(
    "did",
    [
        "did:web:",
        "did:key:z6Mk",
        "did:web:127.0.0.1",
        "did:web:EXAMPLE.org",
        "did:web:example.org/x",
        "did:web:example.org%2Fx",
        "did:web:example.org%3A",
        "did:web:example.org%3A99999",
        "did:web:example.org%3A80%3A80",
        "did:web:example.org:",
        "did:web:example.org:..",
        "did:web:example.org:a/b",
        "did:web:user@example.org",
        "did:web:example.org:a#b",
    ],
)
def test_other_texts_are_no_did_web(did: str) -> None:
    with pytest.raises(Malformed):
        did_web_url(did)


def test_a_controller_document_lists_every_method_for_assertions() -> None:
    did = "did:web:registry.example:issuers:acme"
    old, new = web_method(did, OLD), web_method(did, NEW)
    document = controller_document(did, [old, new])
    assert document == {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [
            {"id": old.id, "type": "Multikey", "controller": did, "publicKeyMultibase": OLD.multikey()},
            {"id": new.id, "type": "Multikey", "controller": did, "publicKeyMultibase": NEW.multikey()},
        ],
        "assertionMethod": [old.id, new.id],
    }


def test_a_controller_document_is_json_ld_that_loses_nothing(contexts: Contexts) -> None:
    did = "did:web:registry.example"
    canonical = canonicalise_here(controller_document(did, [web_method(did, OLD)]), contexts)
    assert f'<https://w3id.org/security#publicKeyMultibase> "{OLD.multikey()}"' in canonical
    assert "<https://w3id.org/security#assertionMethod>" in canonical


def test_a_method_of_another_did_has_no_place_in_a_controller_document() -> None:
    with pytest.raises(ValueError, match="not a verification method of"):
        controller_document("did:web:a.example", [Method("did:web:b.example#z6Mk", OLD)])
