"""Credentials in every securing mechanism, over HTTP: did:key and did:web, both data models, replays, choices."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from registry.domain.mechanisms import EMBEDDED, KeyAlgorithm, Mechanism
from registry.errors import Refused
from registry.http.answers import IssuedAnswer
from registry.securing.contexts import DATA_INTEGRITY_V2, STATUS_V1, Contexts, load_contexts
from registry.securing.did import resolve_here
from registry.securing.enveloped import open_data_url
from registry.securing.proofs import verify_proofs
from registry.securing.rdf import Processor, canonicalise_here
from registry.securing.verification_method import VerificationMethodFound, controller_of, method_in
from tests.servers import fresh_database
from tests.service import Service, running_service, service_in_a_thread, service_settings

V2, V1 = "https://www.w3.org/ns/credentials/v2", "https://www.w3.org/2018/credentials/v1"
SUBJECT = {"type": ["VerifiableCredential"], "credentialSubject": {"id": "did:example:ada"}}
UNSIGNED = {
    "2.0": {"@context": [V2], **SUBJECT, "validFrom": "2026-01-01T00:00:00Z"},
    "1.1": {"@context": [V1], **SUBJECT, "issuanceDate": "2026-01-01T00:00:00Z"},
}  # fmt: skip
ALL = [str(one) for one in Mechanism]
ED25519, P256, P384 = map(str, KeyAlgorithm)


@pytest.fixture(scope="module")
def contexts() -> Contexts:
    return load_contexts()


@pytest.fixture(scope="module")
def _public(postgres: Any, _migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Service]:
        settings = service_settings(tmp_path_factory.mktemp("public"), logs="main=https://registry.example")
        async with fresh_database(postgres, _migrated_template) as fresh, running_service(fresh, settings) as service:
            yield service

    with service_in_a_thread(opening()) as service:
        yield service


@pytest.fixture
async def public(_public: Service) -> AsyncIterator[Service]:
    """A service whose public origin can carry did:web."""
    async with aiohttp.ClientSession() as session:
        mine = copy.copy(_public)
        mine.session = session
        yield mine


@dataclass
class Issuer:
    """One issuer of a service, and what it is asked for."""

    service: Service
    slug: str
    key: str

    @classmethod
    async def of(cls, service: Service, **fields: Any) -> Issuer:
        return cls(service, *await service.issuer(**fields))

    async def ask(self, unsigned: Any, options: Any = None, **headers: str) -> tuple[int, Any]:
        body = {"credential": unsigned, **({} if options is None else {"options": options})}
        path = f"/issuers/{self.slug}/credentials/issue"
        return await self.service.ask("POST", path, key=self.key, json=body, headers=headers)

    async def issue(self, unsigned: Any, options: Any = None, **headers: str) -> dict[str, Any]:
        status, answer = await self.ask(unsigned, options, **headers)
        assert status == 201, answer
        IssuedAnswer.model_validate(answer)
        credential: dict[str, Any] = answer["verifiableCredential"]
        return credential

    async def change(self, **settings: Any) -> dict[str, Any]:
        status, answer = await self.service.ask(
            "PATCH", f"/issuers/{self.slug}", key=self.service.operator_key, json=settings
        )
        assert status == 200, answer
        changed: dict[str, Any] = answer
        return changed

    async def controller_document(self) -> dict[str, Any]:
        status, answer = await self.service.ask("GET", f"/issuers/{self.slug}/did.json", key="")
        assert status == 200, answer
        document: dict[str, Any] = answer
        return document


class Verifier:
    """Somebody who resolves what a credential names, and believes nothing else."""

    def __init__(self, issuer: Issuer, contexts: Contexts) -> None:
        self._issuer = issuer
        self._processor = Processor(contexts)

    async def key_of(self, method: str, purpose: str) -> VerificationMethodFound:
        did = controller_of(method)
        document = resolve_here(did) if did.startswith("did:key:") else await self._issuer.controller_document()
        return method_in(document, method, purpose)

    async def canonical_of(self, documents: Sequence[Any], digest: Any) -> list[str | Refused]:
        return [canonicalise_here(dict(one), self._processor, digest) for one in documents]

    async def holds(self, credential: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return what secures *credential*, and what it says; whatever is changed about it is noticed."""
        if credential["type"] == "EnvelopedVerifiableCredential":
            return await self._opens(credential)
        [result] = await self._proofs(credential)
        assert result.problem is None
        assert result.controller == credential["issuer"]
        tampered = {**credential, "credentialSubject": {"id": "did:example:eve"}}
        assert not (await self._proofs(tampered))[0].verified
        return str(result.mechanism), {name: value for name, value in credential.items() if name != "proof"}

    async def _proofs(self, credential: dict[str, Any]) -> Any:
        return await verify_proofs(
            credential, canonical_of=self.canonical_of, key_of=self.key_of, purpose="assertionMethod",
            now=datetime.now(UTC),
        )  # fmt: skip

    async def _opens(self, credential: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert credential["@context"] == V2
        envelope = open_data_url(credential["id"])
        assert envelope.key_id is not None
        found = await self.key_of(envelope.key_id, "assertionMethod")
        assert found.controller == envelope.document["issuer"]
        assert envelope.verify(found.key)
        return envelope.mechanism, envelope.document


# ── every mechanism ──────────────────────────────────────────────────────────────────────────────────────────

ENVELOPES = ["vc+jwt", "vc+cose"]
KEYS = {
    ED25519: ["eddsa-rdfc-2022", "eddsa-jcs-2022", *ENVELOPES],
    P256: ["ecdsa-rdfc-2019", "ecdsa-jcs-2019", *ENVELOPES],
    P384: ["ecdsa-rdfc-2019", "ecdsa-jcs-2019", *ENVELOPES],
}
"""What a did:key of each algorithm can do."""


async def check(issuer: Issuer, contexts: Contexts, mechanisms: Sequence[str]) -> None:
    """Issue in each of *mechanisms* and both data models, and verify."""
    verifier = Verifier(issuer, contexts)
    for version, unsigned in UNSIGNED.items():
        for mechanism in mechanisms:
            if version == "1.1" and mechanism not in EMBEDDED:
                continue
            credential = await issuer.issue(unsigned, {"mechanism": mechanism})
            secured_by, said = await verifier.holds(credential)
            assert secured_by == mechanism
            assert await verdict(issuer.service, credential) == "valid"
            assert [entry["type"] for entry in said["credentialStatus"]] == ["BitstringStatusListEntry"] * 2
            assert {name: said[name] for name in unsigned if name != "@context"} | {
                "@context": said["@context"][:1]
            } == unsigned
            assert said["@context"][1:] == ([] if version == "2.0" else [STATUS_V1, DATA_INTEGRITY_V2])


async def verdict(service: Service, credential: dict[str, Any]) -> Any:
    """What our own verifier says, to anybody."""
    body = {"verifiableCredential": credential}
    status, answer = await service.ask("POST", "/credentials/verify", key="", json=body)
    assert status == 200, answer
    return answer["verdict"]


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_did_key_issues_in_every_mechanism_of_its_key(
    service: Service, contexts: Contexts, algorithm: str
) -> None:
    issuer = await Issuer.of(service, mechanisms=KEYS[algorithm], keyAlgorithms=[algorithm])
    await check(issuer, contexts, KEYS[algorithm])


@pytest.mark.parametrize("preferred", [[], [P384]])
async def test_a_did_web_issues_in_every_mechanism_there_is(
    public: Service, contexts: Contexts, preferred: list[str]
) -> None:
    issuer = await Issuer.of(public, did="web", mechanisms=ALL, keyAlgorithms=preferred)
    await check(issuer, contexts, ALL)
    starts = {method["publicKeyMultibase"][:3] for method in (await issuer.controller_document())["verificationMethod"]}
    assert starts == {"z6M", "z82" if preferred else "zDn"}


async def test_the_first_mechanism_is_the_default_and_under_1_1_the_first_that_can(
    service: Service, contexts: Contexts
) -> None:
    issuer = await Issuer.of(service, mechanisms=["vc+jwt", "eddsa-jcs-2022"])
    verifier = Verifier(issuer, contexts)
    assert (await verifier.holds(await issuer.issue(UNSIGNED["2.0"])))[0] == "vc+jwt"
    assert (await verifier.holds(await issuer.issue(UNSIGNED["1.1"])))[0] == "eddsa-jcs-2022"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "eddsa-rdfc-2022"),
        ({"mechanism": None}, "eddsa-rdfc-2022"),
        ({"mechanism": "application/vc+jwt"}, "vc+jwt"),
        ({"cryptosuite": "eddsa-jcs-2022"}, "eddsa-jcs-2022"),
        ({"mediaType": "application/vc+cose"}, "vc+cose"),
        ({"mediaType": "application/vc"}, "eddsa-rdfc-2022"),
        ({"mediaType": "application/vc", "mechanism": "eddsa-jcs-2022"}, "eddsa-jcs-2022"),
        ({"mandatoryPointers": ["/issuer"], "credentialId": "x", "created": 7}, "eddsa-rdfc-2022"),
    ],
)
async def test_options_choose_among_what_the_issuer_allows(
    every: Issuer, contexts: Contexts, options: Any, expected: str
) -> None:
    credential = await every.issue(UNSIGNED["2.0"], options)
    assert (await Verifier(every, contexts).holds(credential))[0] == expected


@pytest.fixture(scope="module")
def _made() -> dict[str, tuple[str, str]]:
    return {}


@pytest.fixture
async def every(service: Service, _made: dict[str, tuple[str, str]]) -> Issuer:
    """An issuer that allows every mechanism of its Ed25519 key."""
    if not _made:
        _made["every"] = await service.issuer(mechanisms=KEYS[ED25519])
    return Issuer(service, *_made["every"])


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"mechanism": "ecdsa-rdfc-2019"}, "/options"),
        ({"mechanism": "none"}, "/options"),
        ({"mechanism": ""}, "/options"),
        ({"mechanism": "eddsa-rdfc-2022\u0000"}, None),
        ({"mechanism": "vc+jwt", "cryptosuite": "eddsa-jcs-2022"}, "/options"),
        ({"mediaType": "application/vc", "mechanism": "vc+jwt"}, "/options"),
        ({"mediaType": "application/eddsa-rdfc-2022"}, "/options"),
        ({"mediaType": "vc+jwt"}, "/options"),
        ({"mechanism": "application/eddsa-jcs-2022"}, "/options"),
        ({"mechanism": "EDDSA-RDFC-2022"}, "/options"),
        ({"cryptosuite": "vc+jwt"}, "/options"),
        ({"mediaType": "application/vc+sd-jwt"}, "/options"),
        ({"cryptosuite": ["eddsa-jcs-2022"]}, None),
        ({"mechanism": {"toString": "vc+jwt"}}, None),
        ([], None),
        ("vc+jwt", None),
        (None, None),
    ],
)
async def test_options_that_ask_for_anything_else_are_refused_with_what_is_allowed(
    every: Issuer, options: Any, pointer: str | None
) -> None:
    identifier = "urn:uuid:00000000-0000-4000-8000-000000000bad"
    body = {"credential": {**UNSIGNED["2.0"], "id": identifier}, "options": options}
    path = f"/issuers/{every.slug}/credentials/issue"
    status, problem = await every.service.ask("POST", path, key=every.key, json=body)
    assert status == 400, problem
    if pointer:
        assert problem["pointer"] == pointer
        assert problem["allowed"] == KEYS[ED25519]
    own = f"/issuers/{every.slug}/credentials/{quote(identifier, safe='')}"
    assert (await every.service.ask("GET", own, key=every.key))[0] == 404, "nothing was recorded"


async def test_an_envelope_holds_no_credential_of_the_data_model_1_1(every: Issuer) -> None:
    status, problem = await every.ask(UNSIGNED["1.1"], {"mechanism": "vc+jwt"})
    assert (status, problem["pointer"]) == (400, "/options")
    assert problem["allowed"] == ["eddsa-rdfc-2022", "eddsa-jcs-2022"]


async def test_an_issuer_of_envelopes_alone_issues_nothing_in_the_data_model_1_1(service: Service) -> None:
    issuer = await Issuer.of(service, mechanisms=["vc+cose"])
    status, problem = await issuer.ask(UNSIGNED["1.1"])
    assert (status, problem["pointer"]) == (400, "/credential/@context")


@pytest.mark.parametrize(
    "own", [["https://w3id.org/security/suites/ed25519-2020/v1"], [STATUS_V1], [DATA_INTEGRITY_V2, STATUS_V1]]
)
async def test_under_1_1_the_contexts_of_other_proofs_do_no_harm(
    every: Issuer, contexts: Contexts, own: list[str]
) -> None:
    credential = await every.issue({**UNSIGNED["1.1"], "@context": [V1, *own]})
    assert (await Verifier(every, contexts).holds(credential))[0] == "eddsa-rdfc-2022"


@pytest.mark.parametrize(
    "own",
    [
        [{"BitstringStatusListEntry": "https://evil.example/#Entry"}],
        [STATUS_V1, {"BitstringStatusListEntry": "https://evil.example/#Entry"}],
        [{"statusListIndex": "https://evil.example/#index"}],
        [V2],
    ],
)
async def test_under_1_1_no_context_of_the_callers_changes_what_a_status_entry_says(
    every: Issuer, own: list[Any]
) -> None:
    status, answer = await every.ask({**UNSIGNED["1.1"], "@context": [V1, *own]})
    if status == 201:
        canonical = canonicalise_here(
            {name: value for name, value in answer["verifiableCredential"].items() if name != "proof"}, load_contexts()
        )
        assert "evil.example" not in canonical
        assert canonical.count("<https://www.w3.org/ns/credentials/status#statusListIndex>") == 2
    else:
        assert status == 400


@pytest.mark.parametrize("mechanism", ["eddsa-jcs-2022", "vc+jwt", "vc+cose"])
async def test_a_document_that_would_lose_terms_in_json_ld_is_refused_in_every_mechanism(
    every: Issuer, mechanism: str
) -> None:
    status, problem = await every.ask({**UNSIGNED["2.0"], "grade": "A"}, {"mechanism": mechanism})
    assert (status, problem["terms"]) == (400, ["grade"])


@pytest.mark.parametrize("claim", ["status", "vp", "vc"])
async def test_a_member_that_would_be_a_claim_is_refused_in_an_envelope_alone(every: Issuer, claim: str) -> None:
    unsigned = {**UNSIGNED["2.0"], "@context": [V2, {claim: "https://a.example/#x"}], claim: "mine"}
    status, problem = await every.ask(unsigned, {"mechanism": "vc+cose"})
    assert (status, problem["pointer"]) == (400, f"/credential/{claim}")
    assert (await every.issue(unsigned, {"mechanism": "eddsa-jcs-2022"}))[claim] == "mine"


async def test_an_envelope_carries_the_status_claim_where_the_set_has_a_token_list(
    service: Service, contexts: Contexts
) -> None:
    issuer = await Issuer.of(service, mechanisms=KEYS[ED25519])
    early = {**UNSIGNED["2.0"], "id": "urn:example:early"}
    before = await issuer.issue(early, {"mechanism": "vc+jwt"})
    path = f"/issuers/{issuer.slug}/status-lists/token"
    status, added = await service.ask("PUT", path, key=issuer.key, json={})
    assert status == 200, added
    for mechanism in KEYS[ED25519]:
        credential = await issuer.issue(UNSIGNED["2.0"], {"mechanism": mechanism})
        _, said = await Verifier(issuer, contexts).holds(credential)
        if mechanism in EMBEDDED:
            assert "status" not in said
            continue
        assert await verdict(service, credential) == "valid"
        claim = said["status"]["status_list"]
        assert str(claim["idx"]) == said["credentialStatus"][0]["statusListIndex"]
        async with service.session.get(claim["uri"], headers={"Accept": "application/statuslist+jwt"}) as response:
            assert response.status == 200
    assert await issuer.issue(early, {"mechanism": "vc+jwt"}) == before, "a replay has what it had"


# ── replays ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_repeated_request_gets_the_same_bytes_whatever_the_settings_are_now(public: Service) -> None:
    """The keys, the default and the profile change in between; what was issued is answered as it was."""
    issuer = await Issuer.of(public, did="web", mechanisms=ALL)
    asked = [
        ({**UNSIGNED[version], "id": f"urn:example:{version}:{mechanism}"}, {"mechanism": mechanism})
        for version in UNSIGNED
        for mechanism in ALL
        if version == "2.0" or mechanism in EMBEDDED
    ]
    before = await asyncio.gather(*(issuer.issue(*one) for one in asked))
    for settings in (
        {"mechanisms": ["vc+jwt"], "keyAlgorithms": [P384], "statusProfile": "ob3"},
        {"mechanisms": ["ecdsa-jcs-2019", "vc+cose"], "keyAlgorithms": [P256]},
        {"mechanisms": ["eddsa-jcs-2022"], "statusProfile": "vc2", "name": "Another name"},
    ):
        await issuer.change(**settings)
        again = await asyncio.gather(*(issuer.issue(*one) for one in asked))
        assert before == again
        assert before == [await issuer.issue(credential) for credential, _ in asked], "nor need it say how again"


async def test_a_replay_is_answered_though_todays_settings_would_refuse_it(service: Service) -> None:
    issuer = await Issuer.of(service, mechanisms=["eddsa-rdfc-2022", "vc+jwt"])
    foreign = {**UNSIGNED["2.0"], "credentialStatus": {"id": "https://other.example/1", "type": "Other"}}
    foreign["@context"] = [V2, {"Other": "https://other.example/#Other"}]
    headers = {"Idempotency-Key": "first"}
    before = await issuer.issue(foreign, {"mechanism": "vc+jwt"}, **headers)
    named = await issuer.issue({**foreign, "id": "urn:example:named"}, {"mechanism": "vc+jwt"})
    await issuer.change(statusProfile="ob3", mechanisms=["eddsa-jcs-2022"])
    assert await issuer.issue(foreign, {"mechanism": "vc+jwt"}, **headers) == before
    assert await issuer.issue({**foreign, "id": "urn:example:named"}, {"mechanism": "vc+jwt"}) == named
    status, problem = await issuer.ask(foreign, {"mechanism": "vc+jwt"}, **{"Idempotency-Key": "second"})
    assert (status, problem["pointer"]) == (400, "/credential/credentialStatus")


@pytest.mark.parametrize("did", ["key", "web"])
async def test_a_replay_outlives_the_rotation_of_its_key(public: Service, contexts: Contexts, did: str) -> None:
    issuer = await Issuer.of(public, did=did, mechanisms=KEYS[P256])
    first = await issuer.issue({**UNSIGNED["2.0"], "id": "urn:example:first"})
    asked = [
        ({**UNSIGNED["2.0"], "id": "urn:example:silent"}, {"mechanism": "vc+jwt"}),
        ({**UNSIGNED["2.0"], "id": "urn:example:named", "issuer": first["issuer"]}, {"mechanism": "ecdsa-jcs-2019"}),
        ({**UNSIGNED["2.0"], "id": "urn:example:object", "issuer": {"id": first["issuer"]}}, {}),
    ]
    before = [await issuer.issue(*one) for one in asked]
    path = f"/issuers/{issuer.slug}/keys/rotation"
    status, answer = await public.ask("POST", path, key=public.operator_key, json={})
    assert status == 200, answer
    assert before == [await issuer.issue(*one) for one in asked]
    later = await issuer.issue(UNSIGNED["2.0"])
    await Verifier(issuer, contexts).holds(later)
    assert (later["issuer"] == first["issuer"]) is (did == "web")
    assert later["proof"]["verificationMethod"] != first["proof"]["verificationMethod"]


async def test_a_credential_of_an_earlier_did_is_not_taken_over(service: Service) -> None:
    issuer = await Issuer.of(service)
    await issuer.issue({**UNSIGNED["2.0"], "id": "urn:example:early"})
    path = f"/issuers/{issuer.slug}/keys/rotation"
    status, answer = await service.ask("POST", path, key=service.operator_key, json={})
    assert status == 200, answer
    taken = {**UNSIGNED["2.0"], "id": "urn:example:early", "issuer": answer["id"]}
    status, problem = await issuer.ask(taken)
    assert (status, problem["type"].rpartition("/")[2]) == (409, "already-registered"), problem


async def test_repetitions_that_race_with_a_change_of_settings_get_one_answer(service: Service) -> None:
    issuer = await Issuer.of(service, mechanisms=KEYS[ED25519])
    for number, first in enumerate(KEYS[ED25519]):
        unsigned = {**UNSIGNED["2.0"], "id": f"urn:example:raced:{number}"}
        others = [one for one in KEYS[ED25519] if one != first]
        *answers, _ = await asyncio.gather(
            *(issuer.issue(unsigned) for _ in range(5)), issuer.change(mechanisms=[first, *others])
        )
        assert all(answer == answers[0] for answer in answers)


async def test_a_registration_is_repeated_under_the_terms_it_was_made_under(service: Service) -> None:
    issuer = await Issuer.of(service)
    foreign = {**UNSIGNED["2.0"], "credentialStatus": {"id": "https://other.example/1", "type": "Other"}}
    path, body = f"/issuers/{issuer.slug}/credentials", {"credential": foreign}

    async def register(key: str) -> tuple[int, Any]:
        return await service.ask("POST", path, key=issuer.key, json=body, headers={"Idempotency-Key": key})

    status, before = await register("first")
    assert status == 201, before
    await issuer.change(statusProfile="ob3")
    assert await register("first") == (201, before)
    assert (await register("second"))[0] == 400


async def test_what_was_issued_in_one_mechanism_is_not_issued_again_in_another(every: Issuer) -> None:
    unsigned = {**UNSIGNED["2.0"], "id": "urn:example:once"}
    await every.issue(unsigned, {"mechanism": "vc+jwt"})
    status, problem = await every.ask(unsigned, {"mechanism": "vc+cose"})
    assert (status, problem["type"].rpartition("/")[2]) == (409, "already-registered")
    assert "vc+jwt" in problem["detail"]


async def test_a_key_is_not_lent_to_another_request(every: Issuer) -> None:
    headers = {"Idempotency-Key": "lent"}
    await every.issue(UNSIGNED["2.0"], None, **headers)
    assert (await every.ask(UNSIGNED["2.0"], {"mechanism": "none"}, **headers))[0] == 422


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_mechanism_gets_its_key_recorded_and_published_before_it_signs(
    public: Service, contexts: Contexts
) -> None:
    issuer = await Issuer.of(public, did="web")
    await issuer.issue(UNSIGNED["2.0"])
    changed = await issuer.change(mechanisms=["ecdsa-jcs-2019", "eddsa-rdfc-2022"])
    assert (changed["mechanisms"], changed["keyAlgorithms"]) == (["ecdsa-jcs-2019", "eddsa-rdfc-2022"], [])
    credential = await issuer.issue(UNSIGNED["2.0"])
    listed = {method["id"] for method in (await issuer.controller_document())["verificationMethod"]}
    assert len(listed) == 2
    assert credential["proof"]["verificationMethod"] in listed
    await Verifier(issuer, contexts).holds(credential)
    again = await issuer.change(mechanisms=["ecdsa-jcs-2019", "eddsa-rdfc-2022"])
    assert again["position"] == changed["position"], "it is so already, and no further key is made"


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"mechanisms": ["ecdsa-rdfc-2019"]}, "/mechanisms"),
        ({"mechanisms": ["vc+jwt"], "keyAlgorithms": ["P-256"]}, "/mechanisms"),
        ({"mechanisms": []}, None),
        ({"mechanisms": ["vc+jwt", "vc+jwt"]}, None),
        ({"mechanisms": ["rot13"]}, None),
        ({"mechanisms": "vc+jwt"}, None),
        ({"mechanisms": None}, None),
        ({"mechanisms": [None]}, None),
        ({"mechanisms": {"vc+jwt": 1}}, None),
        ({"keyAlgorithms": ["RSA"]}, None),
        ({"keyAlgorithms": ["P-256", "P-256"]}, None),
        ({"keyAlgorithms": None}, None),
    ],
)
async def test_a_choice_that_cannot_be_is_refused(every: Issuer, settings: Any, pointer: str | None) -> None:
    service = every.service
    status, problem = await service.ask("PATCH", f"/issuers/{every.slug}", key=service.operator_key, json=settings)
    assert status == 400, problem
    if pointer:
        assert problem["pointer"] == pointer


async def test_a_did_key_of_two_algorithms_is_not_registered(service: Service) -> None:
    body = {
        "slug": "two-keys",
        "name": "Two",
        "kind": "school",
        "jurisdiction": "US-CO",
        "did": "key",
        "mechanisms": ALL,
    }
    status, problem = await service.ask("POST", "/issuers", key=service.operator_key, json=body)
    assert (status, problem["pointer"]) == (400, "/mechanisms")
    assert (await service.ask("GET", "/issuers/two-keys", key=""))[0] == 404
