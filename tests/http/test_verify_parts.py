"""Documents of several parts over HTTP: sets and chains of proofs, learner records, what holders say themselves."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.test_life_of_a_credential import issued, path_of, unsigned
from tests.http.test_verify import becomes, presentation, presented, verified
from tests.securing.signers import SIGNERS
from tests.securing.test_proofs import proven
from tests.verifier.documents import OB, V2
from tests.verifier.world import HOLDER, STRANGER, did_of
from tests.verifier.world import proven as presenting

ISSUER = SIGNERS["Ed25519"]
DOCUMENT = unsigned(id="urn:uuid:7d6d5f3a-6b3b-4ad7-9f3a-0f5a0d3bd0a1", issuer=did_of(ISSUER))
CLR = "https://purl.imsglobal.org/spec/clr/v2p0/context-2.0.1.json"


@pytest.fixture(autouse=True)
async def _ready(service):
    """The read side is there; in the first moments of a registry it is being built."""
    for _ in range(100):
        if (await service.ask("GET", "/readyz", key=""))[0] == 200:
            break
        await asyncio.sleep(0.05)


def chain():
    """The issuer's proof, and a notary's that covers it."""
    first = proven(DOCUMENT, ISSUER, id="urn:proof:1")
    return [first, proven(DOCUMENT, STRANGER, previousProof="urn:proof:1", covering=[first])]


async def test_every_proof_of_a_set_must_hold_and_one_be_the_issuers(service):
    proofs = [proven(DOCUMENT, ISSUER), proven(DOCUMENT, STRANGER)]
    status, answer = await verified(service, {**DOCUMENT, "proof": proofs})
    assert (status, answer["verdict"]) == (200, "valid"), answer
    assert [one["verified"] for one in answer["results"]["proof"]] == [True, True]
    assert [one["input"] for one in answer["results"]["proof"]] == proofs
    status, answer = await verified(service, {**DOCUMENT, "proof": proofs[1:]})
    assert (status, answer["verified"]) == (400, False), "nobody but a stranger signed it"
    spoiled = {**proofs[1], "created": "2025-06-02T00:00:00Z"}
    status, answer = await verified(service, {**DOCUMENT, "proof": [proofs[0], spoiled]})
    assert (status, answer["verified"]) == (400, False)
    assert [one["verified"] for one in answer["results"]["proof"]] == [True, False]


async def test_a_chain_holds_only_whole(service):
    first, second = chain()
    status, answer = await verified(service, {**DOCUMENT, "proof": [second, first]})
    assert (status, answer["verdict"]) == (200, "valid"), "the order in the document says nothing"
    for proofs in (
        [second],
        [first, {**second, "previousProof": "urn:proof:2"}],
        [first, {name: value for name, value in second.items() if name != "previousProof"}],
        [{**first, "created": "2025-06-02T00:00:00Z"}, second],
    ):
        status, answer = await verified(service, {**DOCUMENT, "proof": proofs})
        assert (status, answer["verified"], answer["verdict"]) == (400, False, "unverifiable"), proofs


def record(*credentials, **members):
    """An unsigned learner record."""
    return unsigned(
        **{
            "@context": [V2, CLR, OB],
            "type": ["VerifiableCredential", "ClrCredential"],
            "name": "Transcript",
            "credentialSubject": {
                "id": "did:example:ada",
                "type": ["ClrSubject"],
                "verifiableCredential": list(credentials),
            },
            **members,
        }
    )


async def test_a_learner_record_and_each_credential_in_it_get_a_verdict_of_their_own(service):
    slug, key = await service.issuer(mechanisms=["vc+jwt"])
    status, answer = await service.ask(
        "POST", f"/issuers/{slug}/credentials/issue", key=key, json={"credential": unsigned()}
    )
    assert status == 201, answer
    good, revoked = await issued(service), await issued(service)
    enveloped = answer["verifiableCredential"]
    forged = {**good, "credentialSubject": {"id": "did:example:eve"}}
    await service.ask("PUT", path_of(service.issuer_slug, revoked["id"], "revocation"), json={})
    for one, verdict in ((good, "valid"), (revoked, "revoked"), (enveloped, "valid")):
        await becomes(service, one, verdict)
    answer = await becomes(service, await issued(service, **record(good, revoked, enveloped, forged)), "valid")
    assert [(one["pointer"][-2:], one["verdict"], one["verified"]) for one in answer["contained"]] == [
        ("/0", "valid", True),
        ("/1", "revoked", True),
        ("/2", "valid", True),
        ("/3", "unverifiable", False),
    ]
    assert answer["contained"][1]["pointer"] == "/credentialSubject/verifiableCredential/1"
    assert [step["outcome"] for step in answer["steps"] if step["step"] == "contained"] == ["warned"]
    again = await issued(service, **record(good))
    await service.ask("PUT", path_of(service.issuer_slug, again["id"], "revocation"), json={})
    answer = await becomes(service, again, "revoked")
    assert [one["verdict"] for one in answer["contained"]] == ["valid"]


def said(**members):
    """What a holder says of himself: the proof of the presentation covers it."""
    return unsigned(id="urn:uuid:1", issuer=did_of(HOLDER), **members)


def shown(*credentials, **members):
    return presenting(presentation(*credentials, **members), HOLDER, challenge="c", domain="d")


@pytest.mark.parametrize(
    ("members", "issuer"), [({"holder": did_of(STRANGER)}, HOLDER), ({"holder": None}, HOLDER), ({}, STRANGER)]
)
async def test_only_the_holder_of_a_presentation_speaks_in_it_without_a_proof(service, members, issuer):
    status, answer = await presented(service, shown(said()), challenge="c", domain="d")
    assert (status, answer["verdict"]) == (200, "valid"), answer
    credential = {**said(), "issuer": did_of(issuer)}
    document = {name: value for name, value in presentation(credential, **members).items() if value is not None}
    document = presenting(document, HOLDER, challenge="c", domain="d")
    status, answer = await presented(service, document, challenge="c", domain="d")
    assert (status, answer["verified"]) == (400, False)


async def test_what_a_holder_says_of_himself_is_not_valid_while_its_list_cannot_be_had(service):
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://127.0.0.1/status/1",
    }
    status, answer = await presented(service, shown(said(credentialStatus=entry)), challenge="c", domain="d")
    assert (status, answer["verified"], answer["verdict"]) == (200, True, "unverifiable")
    [inside] = answer["results"]["credentials"]
    assert inside["problemDetails"][0]["type"].endswith("#STATUS_RETRIEVAL_ERROR")


# ── a claim beside the entries ───────────────────────────────────────────────────────────────────────────────


async def test_the_status_claim_of_a_jwt_is_read_beside_its_entries(service):
    slug, key = await service.issuer(mechanisms=["vc+jwt"])
    assert (await service.ask("PUT", f"/issuers/{slug}/status-lists/token", key=key, json={}))[0] == 200
    path = f"/issuers/{slug}/credentials/issue"
    status, answer = await service.ask("POST", path, key=key, json={"credential": unsigned(id="urn:uuid:1")})
    assert status == 201, answer
    credential = answer["verifiableCredential"]
    await becomes(service, credential, "valid")
    await service.ask("PUT", path_of(slug, "urn:uuid:1", "suspension"), key=key, json={})
    answer = await becomes_published(service, credential, [0, 1, 2])
    assert answer["verdict"] == "suspended"
    assert answer["results"]["credentialStatus"][2]["input"].keys() == {"status_list"}
    await service.ask("PUT", path_of(slug, "urn:uuid:1", "revocation"), key=key, json={})
    assert (await becomes_published(service, credential, [1, 1, 1]))["verdict"] == "revoked"


async def becomes_published(service, credential, values):
    """The answer, as soon as the published lists say *values*."""
    for _ in range(100):
        _, answer = await verified(service, credential)
        if [one["value"] for one in answer["results"]["credentialStatus"]] == values:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(answer["results"])
