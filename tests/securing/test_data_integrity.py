"""Data Integrity against the W3C's vectors, and the template against the general way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.domain.mechanisms import ALGORITHMS, EMBEDDED, KeyAlgorithm, Mechanism
from registry.errors import Malformed
from registry.securing import base58
from registry.securing.contexts import (
    CREDENTIALS_V1,
    CREDENTIALS_V2,
    DATA_INTEGRITY_V2,
    ED25519_2020_V1,
    PINNED,
    Contexts,
)
from registry.securing.data_integrity import (
    CRYPTOSUITES,
    ED25519_SIGNATURE_2020,
    configuration_by_template,
    hash_data,
    prove,
)
from registry.securing.moment import date_time_stamp
from registry.securing.rdf import canonicalise_here
from tests.securing.conftest import EXAMPLES_V2
from tests.securing.signers import SIGNERS, AnySigner, ecdsa, ed25519, method_of
from tests.securing.verifying import CREATED, canonical_with, embedded, secured, verified

RDFC, JCS, ECDSA = Mechanism.EDDSA_RDFC_2022, Mechanism.EDDSA_JCS_2022, Mechanism.ECDSA_RDFC_2019
ED25519 = SIGNERS["Ed25519"]
WAYS = [(mechanism, algorithm) for mechanism in sorted(EMBEDDED) for algorithm in ALGORITHMS[mechanism]]


def secret_of(text: str) -> bytes:
    return base58.decode(text[1:])[2:]


@pytest.fixture
def ecdsa_vectors(shared_dir: Path) -> dict[str, Any]:
    files: dict[str, Any] = json.loads((shared_dir / "vectors" / "di_ecdsa.json").read_text())["files"]
    return files


VECTORS = [
    ("eddsa-rdfc-2022", "eddsa-rdfc-2022/{}DataInt.{}", "Ed25519"),
    ("eddsa-jcs-2022", "eddsa-jcs-2022/{}JCS.{}", "Ed25519"),
    ("Ed25519Signature2020", "Ed25519Signature2020/{}EdSig.{}", "Ed25519"),
    ("ecdsa-rdfc-2019", "ecdsa-rdfc-2019-p256/{}ECDSAP256.{}", "P-256"),
    ("ecdsa-rdfc-2019", "ecdsa-rdfc-2019-p384/{}ECDSAP384.{}", "P-384"),
    ("ecdsa-jcs-2019", "ecdsa-jcs-2019-p256/{}JCSECDSAP256.{}", "P-256"),
    ("ecdsa-jcs-2019", "ecdsa-jcs-2019-p384/{}JCSECDSAP384.{}", "P-384"),
]


def vector_signer(files: dict[str, Any], algorithm: str) -> AnySigner:
    if algorithm == "Ed25519":
        return ed25519(secret_of(files["keyPair.json"]["privateKeyMultibase"]))
    pair = files[f"{algorithm.lower().replace('-', '')}KeyPair.json"]
    return ecdsa(KeyAlgorithm(algorithm), int.from_bytes(secret_of(pair["secretKeyMultibase"])))


@pytest.mark.parametrize(("suite", "names", "algorithm"), VECTORS, ids=lambda value: value.partition("/")[0])
async def test_the_w3c_vectors_come_out(
    vectors: dict[str, Any],
    ecdsa_vectors: dict[str, Any],
    contexts: Contexts,
    suite: str,
    names: str,
    algorithm: str,
) -> None:
    """Every intermediate value; the proof itself where its signature is deterministic; and that it verifies."""
    files = vectors if algorithm == "Ed25519" else ecdsa_vectors
    signed = files[names.format("signed", "json")]
    unsecured = {name: value for name, value in signed.items() if name != "proof"}
    canonical = canonicalise_here(unsecured, contexts) if CRYPTOSUITES[suite].is_rdf else None
    if canonical is not None:
        assert canonical == files[names.format("canonDoc", "txt")]
    proof = prove(
        unsecured,
        CRYPTOSUITES[suite],
        signer=vector_signer(files, algorithm),
        verification_method=signed["proof"]["verificationMethod"],
        created=datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC),
        canonical=canonical,
    )
    configuration, document = files[names.format("proofCanon", "txt")], files[names.format("canonDoc", "txt")]
    hashed = hash_data(configuration.encode(), document.encode(), algorithm)
    assert hashed.hex() == files[names.format("combinedHash", "txt")].strip()
    [theirs] = await verified(signed, canonical_with(contexts))
    assert theirs.verified, theirs.problem
    assert {**proof, "proofValue": ""} == {**signed["proof"], "proofValue": ""}
    if algorithm == "Ed25519":
        assert orjson.dumps({**unsecured, "proof": proof}, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            signed, option=orjson.OPT_SORT_KEYS
        )
    [ours] = await verified({**unsecured, "proof": proof}, canonical_with(contexts))
    assert ours.verified, ours.problem


@pytest.mark.parametrize(("mechanism", "algorithm"), WAYS)
def test_the_same_input_gives_the_same_bytes(
    credential: dict[str, Any], mechanism: Mechanism, algorithm: KeyAlgorithm
) -> None:
    once, again = (secured(credential, mechanism, SIGNERS[algorithm]) for _ in range(2))
    assert once == again
    assert "proof" not in credential


def old_credential(*contexts: str) -> dict[str, Any]:
    return {
        "@context": [CREDENTIALS_V1, *contexts],
        "id": "urn:uuid:4f5a1a3e-0f0d-4a5e-9c58-0a3d1c3a7d11",
        "type": ["VerifiableCredential"],
        "issuer": "did:example:school",
        "issuanceDate": "2025-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:learner"},
    }


@pytest.mark.parametrize(("mechanism", "algorithm"), WAYS)
async def test_a_credential_of_the_data_model_1_1_is_secured_too(mechanism: Mechanism, algorithm: KeyAlgorithm) -> None:
    document = embedded(old_credential(DATA_INTEGRITY_V2), mechanism, SIGNERS[algorithm])
    [result] = await verified(document)
    assert result.verified, result.problem
    [result] = await verified({**document, "issuanceDate": "2025-01-01T00:00:01Z"})
    assert not result.verified


async def test_an_older_proof_may_stand_beside_todays(credential: dict[str, Any]) -> None:
    document = credential | {"@context": [*credential["@context"], ED25519_2020_V1]}
    both = embedded(document, RDFC, ED25519, ed25519_2020=True)
    results = await verified(both)
    assert [(one.mechanism, one.verified) for one in results] == [(RDFC, True), (ED25519_SIGNATURE_2020, True)]


@pytest.mark.parametrize("contexts", [None, [], "x", [EXAMPLES_V2, CREDENTIALS_V2], [CREDENTIALS_V1]])
def test_without_the_terms_of_a_proof_nothing_is_signed_over_rdf(credential: dict[str, Any], contexts: object) -> None:
    """The proof's template relies on the meaning that these contexts protect."""
    with pytest.raises(Malformed, match="first context"):
        prove(
            credential | {"@context": contexts},
            CRYPTOSUITES[RDFC],
            signer=ED25519,
            verification_method=method_of(ED25519),
            created=CREATED,
            canonical="",
        )


@pytest.mark.parametrize(
    "method", ["", "key-1", "#key", 'did:web:a#"', "did:web:a#\n", "did:web:é#k", "did:web:a#b>", "ftp://a", "data:x,y"]
)
def test_a_verification_method_that_needs_escaping_is_refused(credential: dict[str, Any], method: str) -> None:
    with pytest.raises(Malformed):
        prove(
            credential,
            CRYPTOSUITES[RDFC],
            signer=ED25519,
            verification_method=method,
            created=CREATED,
            canonical="",
        )


def test_what_is_secured_already_or_by_another_kind_of_key_is_refused(credential: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="proof already"):
        secured(credential | {"proof": {}}, JCS, ED25519)
    with pytest.raises(Malformed, match="does not sign with P-256 keys"):
        secured(credential, JCS, SIGNERS["P-256"])
    with pytest.raises(Malformed, match="canonical form"):
        prove(credential, CRYPTOSUITES[RDFC], signer=ED25519, verification_method=method_of(ED25519), created=CREATED)


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
OTHERS = st.lists(st.sampled_from(sorted(PINNED.keys() - {CREDENTIALS_V2, CREDENTIALS_V1})), max_size=3, unique=True)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.sampled_from([CREDENTIALS_V1, CREDENTIALS_V2]),
    pinned=OTHERS,
    inline=INLINE,
    created=st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)),  # noqa: DTZ001
    method=st.sampled_from(
        [method_of(ED25519), "did:web:a.example%3A8443:issuers:b#z6Mk1", "https://a.example/keys/1#key"]
    ),
    purpose=st.sampled_from(["assertionMethod", "authentication"]),
    name=st.sampled_from([name for name, suite in CRYPTOSUITES.items() if suite.is_rdf]),
)
def test_the_template_is_the_canonical_configuration_under_every_context(
    contexts: Contexts,
    first: str,
    pinned: list[str],
    inline: list[dict[str, Any]],
    created: datetime,
    method: str,
    purpose: str,
    name: str,
) -> None:
    """Either the template is not used, or the contexts cannot be combined, or it is exact."""
    suite = CRYPTOSUITES[name]
    proof = {
        "type": suite.proof_type,
        **({"cryptosuite": name} if suite.proof_type != name else {}),
        "created": date_time_stamp(created),
        "verificationMethod": method,
        "proofPurpose": purpose,
    }
    document = {"@context": [first, *pinned, *inline]}
    template = configuration_by_template(document, proof, suite)
    if template is None:
        return
    try:
        general = canonicalise_here({**document, **proof}, contexts)
    except Malformed:
        return
    assert template == general
