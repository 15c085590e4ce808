"""eddsa-rdfc-2022: the W3C's vectors, byte for byte; templates equal to the general path; what is not proved."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import base58
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.errors import Malformed
from registry.securing import data_integrity
from registry.securing.contexts import PINNED, Contexts
from registry.securing.data_integrity import date_time_stamp, hash_data, secure, verify
from registry.securing.did import key_method, public_key_of
from registry.securing.rdf import Processor, canonicalise_here
from tests.securing.conftest import CREDENTIALS_V2, EXAMPLES_V2
from tests.securing.test_rdf import KNOWN_FIXTURES

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
METHOD = key_method(KEY.public_key().public_bytes_raw()).id
CREATED = datetime(2025, 6, 1, 12, 30, 15, 999_999, tzinfo=UTC)

CanonicalOf = Callable[[dict[str, Any]], Awaitable[str]]


@pytest.fixture
def canonical_of(contexts: Contexts) -> CanonicalOf:
    processor = Processor(contexts)

    async def canonicalise(document: dict[str, Any]) -> str:
        return canonicalise_here(document, processor)

    return canonicalise


def secured(document: dict[str, Any], contexts: Contexts) -> dict[str, Any]:
    canonical = canonicalise_here(document, contexts)
    return secure(document, canonical, sign=KEY.sign, verification_method=METHOD, created=CREATED)


def test_the_w3c_vector_is_secured_byte_for_byte(vectors: dict[str, Any], contexts: Contexts) -> None:
    secret = base58.b58decode(vectors["keyPair.json"]["privateKeyMultibase"][1:])[2:]
    unsigned, expected = vectors["unsigned.json"], vectors["eddsa-rdfc-2022/signedDataInt.json"]
    document = secure(
        unsigned,
        canonicalise_here(unsigned, contexts),
        sign=Ed25519PrivateKey.from_private_bytes(secret).sign,
        verification_method=expected["proof"]["verificationMethod"],
        created=datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC),
    )
    assert document == expected
    assert orjson.dumps(document) == orjson.dumps(expected)


def test_the_w3c_vectors_hash_data_comes_out(vectors: dict[str, Any]) -> None:
    data = hash_data(vectors["eddsa-rdfc-2022/proofCanonDataInt.txt"], vectors["eddsa-rdfc-2022/canonDocDataInt.txt"])
    assert data.hex() == vectors["eddsa-rdfc-2022/combinedHashDataInt.txt"].strip()


@pytest.mark.parametrize("name", ["eddsa-rdfc-2022/signedDataInt.json", "proof-set-chain/signedProofSet2.json"])
async def test_the_w3c_vectors_verify(vectors: dict[str, Any], canonical_of: CanonicalOf, name: str) -> None:
    assert await verify(vectors[name], canonical_of=canonical_of)


async def test_a_proof_chain_is_not_judged(vectors: dict[str, Any], canonical_of: CanonicalOf) -> None:
    with pytest.raises(Malformed, match="stands alone"):
        await verify(vectors["proof-set-chain/signedProofChain1.json"], canonical_of=canonical_of)


@pytest.mark.parametrize("suite", ["eddsa-jcs-2022/signedJCS.json", "Ed25519Signature2020/signedEdSig.json"])
async def test_other_cryptosuites_are_not_judged(
    vectors: dict[str, Any], canonical_of: CanonicalOf, suite: str
) -> None:
    with pytest.raises(Malformed, match="no eddsa-rdfc-2022 proof"):
        await verify(vectors[suite], canonical_of=canonical_of)


@pytest.mark.parametrize("name", KNOWN_FIXTURES)
async def test_credentials_that_others_signed_verify(shared_dir: Path, canonical_of: CanonicalOf, name: str) -> None:
    """Each method is named after its key; the complete badge holds embedded proofs in blank graphs."""
    document = json.loads((shared_dir / "fixtures" / f"{name}.json").read_text())

    def key_in_the_name(method: str) -> bytes:
        return public_key_of(method[method.rindex("z6Mk") :])

    assert await verify(document, canonical_of=canonical_of, key_of=key_in_the_name)
    document["name"] = document.get("name", "") + "!"
    assert not await verify(document, canonical_of=canonical_of, key_of=key_in_the_name)


async def test_our_own_credential_verifies(
    credential: dict[str, Any], contexts: Contexts, canonical_of: CanonicalOf
) -> None:
    document = secured(credential, contexts)
    assert await verify(orjson.loads(orjson.dumps(document)), canonical_of=canonical_of)
    assert document["proof"] == {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2025-06-01T12:30:15Z",
        "verificationMethod": METHOD,
        "proofPurpose": "assertionMethod",
        "proofValue": document["proof"]["proofValue"],
    }


def test_the_same_input_gives_the_same_bytes(credential: dict[str, Any], contexts: Contexts) -> None:
    assert orjson.dumps(secured(credential, contexts)) == orjson.dumps(
        secured(credential, Contexts(contexts.documents))
    )


TAMPERINGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a claim": lambda document: document["credentialSubject"]["achievement"].update(name="Absence"),
    "the issuer": lambda document: document["issuer"].update(id="did:example:other"),
    "the moment of the proof": lambda document: document["proof"].update(created="2025-06-01T12:30:16Z"),
    "the purpose of the proof": lambda document: document["proof"].update(proofPurpose="authentication"),
    "an expiry added to the proof": lambda document: document["proof"].update(expires="2035-06-01T12:30:16Z"),
    "the key": lambda document: document["proof"].update(verificationMethod=key_method(bytes([7]) * 32).id),
    "a dropped member": lambda document: document.pop("validFrom"),
    "a letter of the signature": lambda document: document["proof"].update(
        proofValue=document["proof"]["proofValue"][:-1] + ("1" if document["proof"]["proofValue"][-1] != "1" else "2")
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_a_tampered_credential_does_not_verify(
    credential: dict[str, Any], contexts: Contexts, canonical_of: CanonicalOf, tampering: str
) -> None:
    document = secured(credential, contexts)
    TAMPERINGS[tampering](document)
    assert not await verify(document, canonical_of=canonical_of)


@pytest.mark.parametrize(
    "proof",
    [
        None,
        "z",
        [],
        ["z"],
        {"proofValue": 7},
        {"proofValue": "u" + "A" * 86},
        {"proofValue": "z0OIl"},
        {"proofValue": "z" * 9999},
        {"verificationMethod": "did:web:example.org#key"},
        {"verificationMethod": METHOD + "x"},
        {"verificationMethod": 7},
        {"type": "SomeProof"},
        {"colour": "red"},
    ],
)
async def test_a_proof_that_is_none_is_refused(
    credential: dict[str, Any], contexts: Contexts, canonical_of: CanonicalOf, proof: Any
) -> None:
    document = secured(credential, contexts)
    document["proof"] = document["proof"] | proof if isinstance(proof, dict) else proof
    with pytest.raises(Malformed):
        await verify(document, canonical_of=canonical_of)


async def test_keys_of_other_methods_come_from_the_caller(
    credential: dict[str, Any], contexts: Contexts, canonical_of: CanonicalOf
) -> None:
    method = "did:web:registry.example#z6Mk1"
    canonical = canonicalise_here(credential, contexts)
    document = secure(credential, canonical, sign=KEY.sign, verification_method=method, created=CREATED)
    keys = {method: KEY.public_key().public_bytes_raw()}
    assert await verify(document, canonical_of=canonical_of, key_of=keys.__getitem__)


def test_securing_leaves_the_input_alone_and_refuses_a_second_proof(
    credential: dict[str, Any], contexts: Contexts
) -> None:
    document = secured(credential, contexts)
    assert "proof" not in credential
    with pytest.raises(Malformed, match="proof already"):
        secure(document, "", sign=KEY.sign, verification_method=METHOD, created=CREATED)


@pytest.mark.parametrize("context", [None, [], "https://www.w3.org/2018/credentials/v1", [EXAMPLES_V2, CREDENTIALS_V2]])
def test_credentials_v2_must_be_the_first_context(credential: dict[str, Any], context: object) -> None:
    """The proof's template relies on the meaning that this context protects."""
    with pytest.raises(Malformed, match="first context"):
        secure(credential | {"@context": context}, "", sign=KEY.sign, verification_method=METHOD, created=CREATED)


@pytest.mark.parametrize(
    "method", ["", "key-1", "#key", 'did:web:a#"', "did:web:a#\n", "did:web:é#k", "did:web:a#b>", "ftp://a", "data:x,y"]
)
def test_a_verification_method_that_needs_escaping_is_refused(credential: dict[str, Any], method: str) -> None:
    with pytest.raises(Malformed):
        secure(credential, "", sign=KEY.sign, verification_method=method, created=CREATED)


PINNED_AFTER_V2 = st.lists(st.sampled_from(sorted(PINNED.keys() - {CREDENTIALS_V2})), max_size=3, unique=True)
INLINE = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "@vocab": st.just("https://evil.example/"),
            "@base": st.just("https://evil.example/"),
            "@language": st.just("en"),
            "@direction": st.just("rtl"),
            "assertionMethod": st.just("https://evil.example/assertion"),
            "created": st.just("https://evil.example/created"),
            "cryptosuite": st.just({"@id": "urn:x:c", "@type": "@id"}),
            "https": st.just("urn:x:https"),
            "key": st.just("urn:x:key"),
        },
    ),
    max_size=2,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pinned=PINNED_AFTER_V2,
    inline=INLINE,
    created=st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)),  # noqa: DTZ001
    method=st.sampled_from([METHOD, "did:web:a.example%3A8443:issuers:b#z6Mk1", "https://a.example/keys/1#key"]),
)
def test_the_proofs_template_is_its_canonical_form_under_every_context(
    contexts: Contexts, pinned: list[str], inline: list[dict[str, Any]], created: datetime, method: str
) -> None:
    """Whatever stands after credentials/v2: either the contexts cannot be combined, or the template is exact."""
    configuration = {
        "@context": [CREDENTIALS_V2, *pinned, *inline],
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": date_time_stamp(created),
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
    }
    try:
        general = canonicalise_here(configuration, contexts)
    except Malformed:
        return
    template = data_integrity._PROOF_CONFIGURATION
    assert general == template.format(created=date_time_stamp(created), verification_method=f"<{method}>")


def test_a_moment_is_written_in_utc_with_whole_seconds() -> None:
    zurich = timezone(timedelta(hours=2))
    assert date_time_stamp(datetime(2025, 6, 1, 1, 0, 0, 999_999, tzinfo=zurich)) == "2025-05-31T23:00:00Z"
    assert date_time_stamp(datetime(33, 4, 3, tzinfo=UTC)) == "0033-04-03T00:00:00Z"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        date_time_stamp(datetime(2025, 6, 1))  # noqa: DTZ001
