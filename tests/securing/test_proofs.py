"""What holds and what does not: sets, chains, purposes, moments, other keys; and nothing but results for any input."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.domain.mechanisms import ALGORITHMS, EMBEDDED, KeyAlgorithm, Mechanism
from registry.errors import Malformed, Unavailable, UnknownVerificationMethod
from registry.securing import base58
from registry.securing.canonicalise import Canonicaliser
from registry.securing.contexts import CREDENTIALS_V2, ED25519_2020_V1, Contexts
from registry.securing.data_integrity import digest_of, hash_data
from registry.securing.jcs import canonical_json
from registry.securing.problem import (
    INVALID_CHALLENGE,
    INVALID_DOMAIN,
    INVALID_RELATIONSHIP,
    INVALID_VERIFICATION_METHOD,
    INVALID_VERIFICATION_METHOD_URL,
    PROOF_TRANSFORMATION,
    PROOF_VERIFICATION,
    ProblemType,
)
from registry.securing.proof_reading import MAX_PROOFS
from registry.securing.proofs import Expected, verify_all
from registry.securing.public_key import PublicKey
from registry.securing.rdf import canonicalise_here
from registry.securing.verification_method import VerificationMethodFound
from registry.strict_json import loads
from tests.securing.signers import SIGNERS, AnySigner, ed25519, key_of, method_of
from tests.securing.test_rdf import KNOWN_FIXTURES
from tests.securing.verifying import NOW, canonical_with, did_key_method, embedded, processor, verified

ED25519, OTHER = SIGNERS["Ed25519"], ed25519(bytes([9]) * 32)
WAYS = [(mechanism, algorithm) for mechanism in sorted(EMBEDDED) for algorithm in ALGORITHMS[mechanism]]
JCS = Mechanism.EDDSA_JCS_2022


def proven(
    document: dict[str, Any], signer: AnySigner = ED25519, *, covering: list[Any] | None = None, **members: Any
) -> dict[str, Any]:
    """An eddsa-jcs-2022 proof with any members, made without the code that is tested."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2025-06-01T00:00:00Z",
        "verificationMethod": method_of(signer),
        "proofPurpose": "assertionMethod",
        "@context": document["@context"],
        **members,
    }
    proof = {name: value for name, value in proof.items() if value is not None}
    covered = {**document, "@context": proof.get("@context", document["@context"])}
    if covering is not None:
        covered["proof"] = covering
    data = hash_data(canonical_json(proof), canonical_json(covered), "Ed25519")
    return {**proof, "proofValue": "z" + base58.encode(signer.sign(data))}


async def problem_of(document: Any, **expected: Any) -> str | None:
    [result] = await verified(document, **expected)
    assert result.verified is (result.problem is None)
    return result.problem and result.problem.type


# ── sets and chains ──────────────────────────────────────────────────────────────────────────────────────────

CHAIN = "proof-set-chain/{}.json"


@pytest.mark.parametrize(
    ("name", "proofs"),
    [("signedProofSet1", 1), ("signedProofSet2", 2), ("signedProofChain1", 3), ("signedProofChain2", 4)],
)
async def test_the_w3cs_sets_and_chains_verify(
    vectors: dict[str, Any], contexts: Contexts, name: str, proofs: int
) -> None:
    results = await verified(vectors[CHAIN.format(name)], canonical_with(contexts))
    assert [result.problem for result in results] == [None] * proofs


@pytest.mark.parametrize("spoiled", range(4))
async def test_a_chain_holds_as_far_as_what_it_follows(
    vectors: dict[str, Any], contexts: Contexts, spoiled: int
) -> None:
    document = json.loads(json.dumps(vectors[CHAIN.format("signedProofChain2")]))
    document["proof"][spoiled]["created"] = "2023-02-24T23:36:39Z"
    results = await verified(document, canonical_with(contexts))
    first, second, third, fourth = (result.verified for result in results)
    assert [first, second, third, fourth][spoiled] is False
    assert (first, second) == (spoiled != 0, spoiled != 1)
    assert third is (spoiled == 3)
    assert fourth is False
    assert [result.problem is None for result in results] == [first, second, third, fourth]


@pytest.mark.parametrize("missing", range(3))
async def test_a_chain_with_a_link_taken_out_does_not_hold(
    vectors: dict[str, Any], contexts: Contexts, missing: int
) -> None:
    document = json.loads(json.dumps(vectors[CHAIN.format("signedProofChain2")]))
    del document["proof"][missing]
    assert not (await verified(document, canonical_with(contexts)))[-1].verified


async def test_a_chain_over_json_covers_the_proofs_before_it(credential: dict[str, Any]) -> None:
    first = proven(credential, id="urn:proof:1")
    second = proven(credential, OTHER, previousProof="urn:proof:1", covering=[first])
    results = await verified({**credential, "proof": [first, second]})
    assert [result.problem for result in results] == [None, None]
    loose = proven(credential, OTHER, previousProof="urn:proof:1")
    assert [one.verified for one in await verified({**credential, "proof": [first, loose]})] == [True, False]


@pytest.mark.parametrize(
    "previous", ["urn:proof:9", ["urn:proof:1", "urn:proof:9"], "urn:proof:2", 7, [7], {"id": "urn:proof:1"}, None]
)
async def test_a_previous_proof_that_is_none_is_a_problem(credential: dict[str, Any], previous: Any) -> None:
    """Unknown ids, itself, no ids; `null` is none of them either."""
    first, second = proven(credential, id="urn:proof:1"), proven(credential, OTHER, id="urn:proof:2")
    results = await verified({**credential, "proof": [first, {**second, "previousProof": previous}]})
    assert [result.verified for result in results] == [True, False]


async def test_two_proofs_of_one_id_are_followed_by_none(credential: dict[str, Any]) -> None:
    first, second = proven(credential, id="urn:proof:1"), proven(credential, OTHER, id="urn:proof:1")
    third = proven(credential, previousProof="urn:proof:1", covering=[first, second])
    results = await verified({**credential, "proof": [first, second, third]})
    assert [result.verified for result in results] == [True, True, False]


async def test_proofs_that_follow_each_other_hold_nothing(credential: dict[str, Any]) -> None:
    proofs = [proven(credential, id=f"urn:proof:{n}", previousProof=f"urn:proof:{1 - n}") for n in range(2)]
    assert not any(result.verified for result in await verified({**credential, "proof": proofs}))


async def test_no_proof_gives_no_result_and_too_many_are_not_read(credential: dict[str, Any]) -> None:
    assert await verified(credential) == []
    assert await problem_of({**credential, "proof": [proven(credential)] * (MAX_PROOFS + 1)}) == PROOF_VERIFICATION.type


# ── what others signed ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", KNOWN_FIXTURES)
async def test_credentials_that_others_signed_verify(shared_dir: Path, name: str) -> None:
    """Each method is named after its key; the complete badge holds embedded proofs in blank graphs."""
    document = json.loads((shared_dir / "fixtures" / f"{name}.json").read_text())

    async def key_in_the_name(url: str, _: str) -> VerificationMethodFound:
        key = PublicKey.from_multikey(url[url.rindex("z6Mk") :])
        return VerificationMethodFound(url, url.partition("#")[0], key, frozenset({"assertionMethod"}))

    *others, ours = await verified(document, key_of=key_in_the_name)
    assert ours.verified, ours.problem
    assert [one.mechanism for one in others] == [None] * len(others)  # a proof type that nobody knows
    document["name"] = document.get("name", "") + "!"
    assert not (await verified(document, key_of=key_in_the_name))[-1].verified


async def test_a_bare_did_key_is_the_name_of_its_one_key(shared_dir: Path) -> None:
    document = json.loads((shared_dir / "fixtures" / "1edtech-ob30-simple-did-key-method.json").read_text())
    [result] = await verified(document)
    assert result.verified, result.problem
    assert result.controller == result.verification_method


async def test_a_transcript_and_what_is_in_it_are_canonicalised_in_one_call(shared_dir: Path) -> None:
    document = json.loads((shared_dir / "fixtures" / "1edtech-clr20-simple.json").read_text())
    inner = document["credentialSubject"]["verifiableCredential"]
    calls = []

    async def canonical_of(documents: Any, *digest: Any) -> Any:
        calls.append(len(documents))
        return await canonical_with(processor())(documents, *digest)

    async def key_in_the_name(url: str, _: str) -> VerificationMethodFound:
        key = PublicKey.from_multikey(url[url.rindex("z6Mk") :])
        return VerificationMethodFound(url, "", key, frozenset({"assertionMethod"}))

    found = await verify_all(
        [document, *inner],
        canonical_of=canonical_of,
        key_of=key_in_the_name,
        expected=Expected("assertionMethod", NOW),
    )
    assert [[result.problem for result in results] for results in found] == [[None]] * (1 + len(inner))
    assert calls == [1 + len(inner)]


# ── what a proof says of itself ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("members", "expected", "problem"),
    [
        ({}, {}, None),
        ({"created": None}, {}, None),
        ({"expires": "2025-07-01T00:00:01Z"}, {}, None),
        ({"expires": "2025-07-01T00:00:00Z"}, {}, PROOF_VERIFICATION),
        ({"expires": "2025-07-01T00:00:01+01:00"}, {}, PROOF_VERIFICATION),
        ({"created": "2025-07-01T00:05:00Z"}, {}, None),
        ({"created": "2025-07-01T00:05:01Z"}, {}, PROOF_VERIFICATION),
        ({"created": "2025-06-01T00:00:00"}, {}, PROOF_VERIFICATION),
        ({"created": "yesterday"}, {}, PROOF_VERIFICATION),
        ({"expires": 7}, {}, PROOF_VERIFICATION),
        ({"proofPurpose": "authentication"}, {}, PROOF_VERIFICATION),
        ({"proofPurpose": "authentication"}, {"purpose": "authentication"}, None),
        ({}, {"purpose": "authentication"}, PROOF_VERIFICATION),
        ({"proofPurpose": ["assertionMethod"]}, {}, PROOF_VERIFICATION),
        ({"domain": "a.example", "challenge": "1"}, {}, None),
        ({"domain": "a.example"}, {"domain": "a.example"}, None),
        ({"domain": ["b.example", "a.example"]}, {"domain": ["a.example", "b.example"]}, None),
        ({"domain": "a.example"}, {"domain": ["a.example", "b.example"]}, INVALID_DOMAIN),
        ({"domain": ["a.example", "b.example"]}, {"domain": "a.example"}, INVALID_DOMAIN),
        ({"domain": 7}, {}, PROOF_VERIFICATION),
        ({}, {"domain": "a.example"}, INVALID_DOMAIN),
        ({"challenge": "1", "nonce": "x"}, {"challenge": "1"}, None),
        ({"challenge": "1"}, {"challenge": "2"}, INVALID_CHALLENGE),
        ({"challenge": ["1"]}, {"challenge": "1"}, PROOF_VERIFICATION),
        ({"nonce": {"@value": "1"}}, {}, PROOF_VERIFICATION),
        ({"id": 7}, {}, PROOF_VERIFICATION),
        ({"anything": []}, {}, PROOF_VERIFICATION),
        ({}, {"challenge": "1"}, INVALID_CHALLENGE),
        ({"@context": None}, {}, None),
        ({"@context": [CREDENTIALS_V2]}, {}, None),
        ({"@context": ["https://example.org/other"]}, {}, PROOF_VERIFICATION),
        ({"verificationMethod": "did:web:registry.example#key"}, {}, None),
        ({"verificationMethod": "#key"}, {}, INVALID_VERIFICATION_METHOD_URL),
        ({"verificationMethod": f"{method_of(ED25519)}x"}, {}, INVALID_VERIFICATION_METHOD),
        ({"verificationMethod": method_of(OTHER)}, {}, PROOF_VERIFICATION),
        ({"verificationMethod": method_of(SIGNERS["P-256"])}, {}, PROOF_VERIFICATION),
        ({"verificationMethod": {"id": method_of(ED25519)}}, {}, PROOF_VERIFICATION),
        ({"cryptosuite": "eddsa-2022"}, {}, PROOF_VERIFICATION),
        ({"cryptosuite": ["eddsa-jcs-2022"]}, {}, PROOF_VERIFICATION),
        ({"type": "eddsa-jcs-2022"}, {}, PROOF_VERIFICATION),
        ({"type": ["DataIntegrityProof"]}, {}, PROOF_VERIFICATION),
        ({"type": "Ed25519Signature2020"}, {}, PROOF_TRANSFORMATION),
    ],
)
async def test_a_proof_is_held_to_what_it_says(
    credential: dict[str, Any], members: dict[str, Any], expected: dict[str, Any], problem: ProblemType | None
) -> None:
    """All of these are signed as they stand, so that nothing but the rule can refuse them."""

    async def key(url: str, purpose: str) -> VerificationMethodFound:
        if url.startswith("did:web:registry.example"):
            return VerificationMethodFound(url, "did:web:registry.example", key_of(ED25519), frozenset({purpose}))
        return await did_key_method(url, purpose)

    document = {**credential, "proof": proven(credential, **members)}
    assert await problem_of(document, key_of=key, **expected) == (problem and problem.type)


async def test_an_older_proof_with_todays_members_is_none(credential: dict[str, Any]) -> None:
    """The suite's context has no term `cryptosuite`, so its signature does not cover it."""
    older = credential | {"@context": [*credential["@context"], ED25519_2020_V1]}
    document = embedded(older, Mechanism.EDDSA_RDFC_2022, ED25519, ed25519_2020=True)
    document["proof"] = document["proof"][1]
    assert await problem_of(document) is None
    document["proof"]["cryptosuite"] = "Ed25519Signature2020"
    assert await problem_of(document) == PROOF_TRANSFORMATION.type


@pytest.mark.parametrize("proof", [None, "z", 7, [], ["z"], [[]], {}, {"type": "DataIntegrityProof"}])
async def test_a_proof_that_is_none_holds_nothing(credential: dict[str, Any], proof: Any) -> None:
    assert not any(result.verified for result in await verified({**credential, "proof": proof}))


@pytest.mark.parametrize("value", [None, 7, "", "z", "u" + "A" * 86, "z0OIl", "z" * 9999, "z" + "1" * 64])
@pytest.mark.parametrize(("mechanism", "algorithm"), WAYS)
async def test_a_proof_value_that_is_no_signature_is_a_problem(
    credential: dict[str, Any], mechanism: Mechanism, algorithm: KeyAlgorithm, value: Any
) -> None:
    document = embedded(credential, mechanism, SIGNERS[algorithm])
    document["proof"]["proofValue"] = value
    assert await problem_of(document) == PROOF_VERIFICATION.type


# ── the key ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"purposes": frozenset({"authentication"})}, INVALID_VERIFICATION_METHOD),
        ({"id": "did:web:other.example#key"}, INVALID_VERIFICATION_METHOD),
        ({"key": key_of(OTHER)}, PROOF_VERIFICATION),
        ({"key": key_of(SIGNERS["P-256"])}, PROOF_VERIFICATION),
        ({"expires": NOW + timedelta(seconds=1)}, None),
        ({"expires": NOW}, INVALID_VERIFICATION_METHOD),
        ({"revoked": NOW + timedelta(seconds=1)}, None),
        ({"revoked": NOW}, INVALID_VERIFICATION_METHOD),
    ],
)
async def test_a_key_counts_only_for_its_purpose_and_in_its_time(
    credential: dict[str, Any], changes: dict[str, Any], problem: ProblemType | None
) -> None:
    async def key(url: str, purpose: str) -> VerificationMethodFound:
        found = {"id": url, "controller": "did:x:y", "key": key_of(ED25519), "purposes": frozenset({purpose})}
        return VerificationMethodFound(**(found | changes))

    document = embedded(credential, JCS, ED25519)
    assert await problem_of(document, key_of=key) == (problem and problem.type)


async def test_a_key_that_cannot_be_had_is_told_in_the_resolvers_words(credential: dict[str, Any]) -> None:
    async def nobody(url: str, purpose: str) -> VerificationMethodFound:
        problem = INVALID_RELATIONSHIP("no")
        raise UnknownVerificationMethod("no", problem_type=problem.type, title=problem.title)

    assert await problem_of(embedded(credential, JCS, ED25519), key_of=nobody) == INVALID_RELATIONSHIP.type


async def test_what_is_true_again_in_a_moment_is_no_verdict(credential: dict[str, Any]) -> None:
    async def later(*_: Any) -> Any:
        raise Unavailable("later")

    with pytest.raises(Unavailable):
        await verified(embedded(credential, JCS, ED25519), key_of=later)
    with pytest.raises(Unavailable):
        await verified(embedded(credential, Mechanism.EDDSA_RDFC_2022, ED25519), later)


# ── changed by one bit, or by anything ───────────────────────────────────────────────────────────────────────


def with_bit_flipped(content: bytes, bit: int) -> bytes:
    place = bit % (8 * len(content))
    changed = bytearray(content)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


SMALL = {
    "@context": [CREDENTIALS_V2],
    "id": "urn:uuid:4f5a1a3e-0f0d-4a5e-9c58-0a3d1c3a7d11",
    "type": ["VerifiableCredential"],
    "issuer": {"id": "did:example:school", "name": "A school"},
    "validFrom": "2025-01-01T00:00:00Z",
    "credentialSubject": [{"id": "did:example:learner"}],
}
SIGNED = {way: orjson.dumps(embedded(SMALL, way[0], SIGNERS[way[1]])) for way in WAYS}


@settings(max_examples=150, deadline=None)
@given(way=st.sampled_from(WAYS), bit=st.integers(0, 2**20))
async def test_a_bit_flipped_anywhere_in_a_secured_document_is_noticed(
    way: tuple[Mechanism, KeyAlgorithm], bit: int
) -> None:
    try:
        document = loads(with_bit_flipped(SIGNED[way], bit))
        results = await verified(document) if isinstance(document, dict) else []
    except Malformed:
        return
    assert not any(result.verified for result in results)


@settings(max_examples=100, deadline=None)
@given(way=st.sampled_from(WAYS), bit=st.integers(0, 2**20))
async def test_a_bit_flipped_in_the_key_is_noticed(way: tuple[Mechanism, KeyAlgorithm], bit: int) -> None:
    signer = SIGNERS[way[1]]
    try:
        other = PublicKey(signer.algorithm.value, with_bit_flipped(signer.public_key, bit))
    except Malformed:
        return

    async def key(url: str, purpose: str) -> VerificationMethodFound:
        return VerificationMethodFound(url, "did:x:y", other, frozenset({purpose}))

    assert not any(result.verified for result in await verified(loads(SIGNED[way]), key_of=key))


@pytest.mark.parametrize(("mechanism", "algorithm"), WAYS)
@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(name="more"),
        lambda document: document.pop("validFrom"),
        lambda document: document["proof"].update(nonce="more"),
        lambda document: document["proof"].update({"@context": [CREDENTIALS_V2, ED25519_2020_V1]}),
        lambda document: document["proof"].update({"@context": []}),
        lambda document: document["proof"].pop("created"),
        lambda document: document.update({"@context": [CREDENTIALS_V2, {"name": "https://evil.example/name"}]}),
    ],
)
async def test_nothing_may_be_added_or_taken_away(
    mechanism: Mechanism, algorithm: KeyAlgorithm, change: Callable[[Any], Any]
) -> None:
    document = json.loads(SIGNED[mechanism, algorithm])
    change(document)
    is_signed_no_more = "-jcs-" in mechanism and document["@context"] != SMALL["@context"]
    [result] = await verified(document)
    assert result.verified is is_signed_no_more  # contexts that came later are allowed to documents signed as JSON


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([CREDENTIALS_V2]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "type": JSON | st.sampled_from(["DataIntegrityProof", "Ed25519Signature2020"]),
        "cryptosuite": JSON | st.sampled_from(["eddsa-rdfc-2022", "ecdsa-jcs-2019"]),
        "created": JSON,
        "expires": JSON | st.sampled_from(["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]),
        "verificationMethod": JSON | st.sampled_from(["did:key:z6Mk#z", "did:jwk:e30#0", "#", "did:key:"]),
        "proofPurpose": JSON,
        "proofValue": JSON,
        "previousProof": JSON,
        "domain": JSON,
        "challenge": JSON,
        "@context": JSON,
    },
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(way=st.sampled_from(WAYS), members=MEMBERS, others=st.dictionaries(st.text(max_size=8), JSON, max_size=3))
async def test_hostile_proofs_get_a_result_and_raise_nothing(
    way: tuple[Mechanism, KeyAlgorithm], members: dict[str, Any], others: dict[str, Any]
) -> None:
    document = json.loads(SIGNED[way])
    original = dict(document["proof"])
    document["proof"].update(members)
    document.update(others)
    for result in await verified(document, domain="a.example" if "domain" in members else None):
        assert result.verified is (result.problem is None)
        assert not result.verified or document["proof"] == original


# ── the workers do the same ──────────────────────────────────────────────────────────────────────────────────


def test_p384_keys_canonicalise_with_sha384(shared_dir: Path) -> None:
    """Blank nodes get other labels (vc-di-ecdsa, section 3.2.3): a document with several tells the two apart."""
    document = json.loads((shared_dir / "fixtures" / "1edtech-ob30-complete.json").read_text())
    del document["proof"]
    small, large = (canonicalise_here(document, processor(), digest_of(name)) for name in ("P-256", "P-384"))
    assert small != large
    assert small.count("\n") == large.count("\n")


async def test_the_workers_take_documents_together_and_refuse_each_by_itself(contexts: Contexts) -> None:
    canonicaliser = Canonicaliser(contexts, workers=1)
    await canonicaliser.start()
    try:
        good, bad = SMALL, {**SMALL, "colour": "red"}
        first, refused, again = await canonicaliser.canonicalise_all([good, bad, good], "sha384")
        assert first == again == canonicalise_here(SMALL, contexts, "sha384")
        assert isinstance(refused, Malformed)
        for way, content in SIGNED.items():
            [result] = await verified(loads(content), canonicaliser.canonicalise_all)
            assert result.verified, way
    finally:
        await canonicaliser.close()
