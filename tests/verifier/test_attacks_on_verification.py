"""The corpus of attacks against POST /credentials/verify: nothing is asked, nothing is accepted, nothing breaks."""

from __future__ import annotations

import asyncio
import json
from time import perf_counter
from typing import Any

import pytest

from tests.verifier.attacks.bodies import BODIES
from tests.verifier.attacks.presented import NEVER_FETCHED, PRESENTED, RAW, credential, signed
from tests.verifier.attacks.urls import URLS
from tests.verifier.conftest import WORLD
from tests.verifier.foreign import LIST, bitstring, entry, put_list

JSON = {"Content-Type": "application/json"}
EXPECTED = {200, 400, 413}


async def verify(service: Any, presented: Any) -> tuple[int, dict[str, Any]]:
    body = presented if isinstance(presented, bytes) else json.dumps({"verifiableCredential": presented}).encode()
    async with service.session.post(f"{service.url}/credentials/verify", data=body, headers=JSON) as response:
        return response.status, await response.json(content_type=None)


def not_accepted(answer: dict[str, Any]) -> bool:
    return not (answer.get("verified") and answer.get("verdict") == "valid")


async def test_what_the_corpus_is_made_of_would_be_accepted_if_it_were_genuine(attacked: Any) -> None:
    status, answer = await verify(attacked, signed(credential()))
    assert (status, answer.get("verified"), answer.get("verdict")) == (200, True, "valid"), answer


@pytest.mark.parametrize("what", PRESENTED)
async def test_a_hostile_credential(attacked: Any, what: str) -> None:
    status, answer = await verify(attacked, PRESENTED[what]())
    assert status in EXPECTED, answer  # not 503, which it is when it takes long
    assert not_accepted(answer), answer
    assert [one for one in WORLD.asked if not one.startswith("lists.example/asked/")] == []
    assert len(WORLD.asked) <= 32


async def test_no_more_credentials_are_looked_at_than_one_request_may_cost(attacked: Any) -> None:
    inner = {"id": "did:example:x", "verifiableCredential": [signed(credential())] * 500}
    _, answer = await verify(attacked, signed(credential(credentialSubject=inner)))
    said = [one["verdict"] for one in answer["contained"]]
    assert (said.count("valid"), said.count("unverifiable")) == (200, 300)


@pytest.mark.slow
async def test_a_hostile_credential_in_a_presentation_and_as_one(attacked: Any) -> None:
    presentation = {"@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiablePresentation"}
    for what, make in PRESENTED.items():
        hostile = make()
        for body in (
            {"presentation": {**presentation, "verifiableCredential": [hostile]}},
            {"verifiablePresentation": {**presentation, "verifiableCredential": hostile, "proof": hostile}},
            {"verifiablePresentation": hostile},
        ):
            url = f"{attacked.url}/presentations/verify"
            async with attacked.session.post(url, data=json.dumps(body), headers=JSON) as response:
                answer = await response.json(content_type=None)
            assert response.status in EXPECTED, what
            assert not_accepted(answer), what
    assert [one for one in WORLD.asked if not one.startswith("lists.example/asked/")] == []


@pytest.mark.parametrize("what", RAW)
async def test_a_hostile_body(attacked: Any, what: str) -> None:
    status, _ = await verify(attacked, RAW[what])
    assert status in {400, 413}


@pytest.mark.parametrize("what", NEVER_FETCHED)
async def test_what_a_credential_names_beside_its_status_is_not_asked_for(attacked: Any, what: str) -> None:
    await verify(attacked, signed(credential(**NEVER_FETCHED[what])))
    assert WORLD.asked == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bitstring", "token", "revocations", "issuer"])
async def test_no_hostile_url_is_asked_wherever_it_stands(attacked: Any, kind: str) -> None:
    """The whole corpus of URLs, as a list, as a token's list, as a 1EdTech list, and as an issuer."""
    for url, why in URLS:
        if kind == "issuer" and "fragment" in why:
            continue  # a verification method's fragment is not asked for
        presented = {
            "bitstring": lambda url=url: signed(credential(credentialStatus=entry(url=url) | {"id": None})),
            "token": lambda url=url: signed(credential(status={"status_list": {"idx": 1, "uri": url}})),
            "revocations": lambda url=url: signed(
                credential(credentialStatus={"id": url, "type": "1EdTechRevocationList"})
            ),
            "issuer": lambda url=url: {**signed(credential()), "issuer": url},
        }[kind]()  # fmt: skip
        if kind == "issuer":
            presented["proof"]["verificationMethod"] = f"{url}#key"
        try:
            body = json.dumps({"verifiableCredential": presented}).encode()
        except UnicodeEncodeError:
            continue
        status, answer = await verify(attacked, body)
        assert status in EXPECTED, why
        assert not_accepted(answer), why
    assert WORLD.connections == 0


@pytest.mark.parametrize("what", ["a gzip bomb", "two harmless members", "silence", "a redirect", "a page", "endless"])
async def test_a_list_whose_host_means_harm_is_unverifiable(attacked: Any, what: str) -> None:
    url = f"https://lists.example/{what.replace(' ', '-')}"
    WORLD.answers[url.removeprefix("https://")] = BODIES[what]()
    status, answer = await verify(attacked, signed(credential(credentialStatus=entry(url=url))))
    assert (status, answer["verified"], answer["verdict"]) == (200, True, "unverifiable")
    assert any("STATUS_RETRIEVAL_ERROR" in problem["type"] for problem in answer["problemDetails"])


async def test_a_genuine_foreign_list_is_read(attacked: Any) -> None:
    document = bitstring({5: 1}, validUntil="2999-01-01T00:00:00Z", id=LIST)
    put_list(WORLD, document)
    said = {}
    for index in ("5", "6"):
        _, answer = await verify(attacked, signed(credential(credentialStatus=entry(index=index))))
        said[index] = answer["verdict"]
    assert said == {"5": "revoked", "6": "valid"}


@pytest.mark.slow
async def test_others_are_not_held_up(attacked: Any) -> None:
    """While the whole corpus is thrown at the verifier, /livez answers as before, give or take 250 ms."""
    bodies = [json.dumps({"verifiableCredential": make()}).encode() for make in PRESENTED.values()] + list(RAW.values())
    for number, made in enumerate(BODIES.values()):
        WORLD.answers[f"lists.example/hostile/{number}"] = made()
        url = f"https://lists.example/hostile/{number}"
        bodies.append(
            json.dumps({"verifiableCredential": signed(credential(credentialStatus=entry(url=url)))}).encode()
        )

    async def probe(until: asyncio.Future[Any]) -> list[float]:
        took = []
        while not until.done():
            began = perf_counter()
            async with attacked.session.get(f"{attacked.url}/livez") as response:
                await response.read()
            took.append(perf_counter() - began)
            await asyncio.sleep(0.01)
        return sorted(took)

    before = await probe(asyncio.ensure_future(asyncio.sleep(2)))
    gate = asyncio.Semaphore(8)

    async def attack(body: bytes) -> None:
        async with gate:
            await verify(attacked, body)

    meanwhile = await probe(asyncio.ensure_future(asyncio.gather(*(attack(body) for body in bodies * 2))))
    slower = meanwhile[int(len(meanwhile) * 0.95)] - before[int(len(before) * 0.95)]
    assert slower < 0.25, f"95 of 100 answers: {slower * 1000:.0f} ms slower, of {len(meanwhile)}"
