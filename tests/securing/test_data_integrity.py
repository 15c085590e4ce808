"""Data Integrity against the W3C's vectors: signed byte for byte where the algorithm allows, verified always."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.domain.mechanisms import KeyAlgorithm
from registry.errors import Refused
from registry.securing import base58
from registry.securing.contexts import (
    Contexts,
)
from registry.securing.data_integrity import CRYPTOSUITES, hash_data, prove
from registry.securing.did import method_here
from registry.securing.proofs import ProofResult, verify_proofs
from registry.securing.rdf import Processor, canonicalise_here
from registry.securing.rdfc import Digest
from registry.securing.verification_method import VerificationMethodFound
from tests.securing.signers import AnySigner, ecdsa, ed25519

CREATED = datetime(2025, 6, 1, 12, 30, 15, 999_999, tzinfo=UTC)
NOW = datetime(2025, 7, 1, tzinfo=UTC)

CanonicalOf = Callable[[Sequence[Any]], Awaitable[list[str | Refused]]]

SUITES = [(suite.name, algorithm.value) for suite in CRYPTOSUITES.values() for algorithm in suite.algorithms]


@pytest.fixture
def canonical_of(contexts: Contexts) -> CanonicalOf:
    processor = Processor(contexts)

    def form(document: Any, digest: Digest) -> str | Refused:
        try:
            return canonicalise_here(document, processor, digest)
        except Refused as error:
            return error

    async def canonicalise(documents: Sequence[Any], digest: Digest = "sha256", /) -> list[str | Refused]:
        return [form(document, digest) for document in documents]

    return canonicalise


async def did_key_method(url: str, purpose: str) -> VerificationMethodFound:
    return method_here(url, purpose)


async def verified(document: Any, canonical_of: CanonicalOf, **expected: Any) -> list[ProofResult]:
    wanted = {"purpose": "assertionMethod", "now": NOW} | expected
    return await verify_proofs(document, canonical_of=canonical_of, key_of=did_key_method, **wanted)


@pytest.fixture
def ecdsa_vectors(shared_dir: Path) -> dict[str, Any]:
    files: dict[str, Any] = json.loads((shared_dir / "vectors" / "di_ecdsa.json").read_text())["files"]
    return files


def secret_of(text: str) -> bytes:
    return base58.decode(text[1:])[2:]


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


@pytest.mark.parametrize(
    ("suite", "names", "algorithm"), VECTORS, ids=[f"{suite}-{algorithm}" for suite, _, algorithm in VECTORS]
)
async def test_the_w3c_vectors_come_out(
    vectors: dict[str, Any],
    ecdsa_vectors: dict[str, Any],
    contexts: Contexts,
    canonical_of: CanonicalOf,
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
    [result] = await verified(signed, canonical_of)
    assert result.verified, result.problem
    assert proof.keys() == signed["proof"].keys()
    assert {**proof, "proofValue": ""} == {**signed["proof"], "proofValue": ""}
    if algorithm == "Ed25519":
        assert proof == signed["proof"]
    [ours] = await verified({**unsecured, "proof": proof}, canonical_of)
    assert ours.verified, ours.problem
