"""Status lists in every form, read and verified by libraries that others wrote, and by an outsider of our own."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from registry.domain.mechanisms import KeyAlgorithm
from tests.envelopes import jws, sign1, token_of_cwt, token_of_jwt, w3c_bits
from tests.interop.client import Client, eventually
from tests.interop.judge import Judge, Judgement

pytestmark = pytest.mark.slow

EMBEDDED, VC_JWT, VC_COSE = "application/vc", "application/vc+jwt", "application/vc+cose"
STATUSLIST_JWT, STATUSLIST_CWT = "application/statuslist+jwt", "application/statuslist+cwt"
UNSIGNED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:holder"},
}
NAMES = {KeyAlgorithm.ED25519: "EdDSA", KeyAlgorithm.P256: "ES256"}
COSE_NUMBERS = {KeyAlgorithm.ED25519: -8, KeyAlgorithm.P256: -7}


async def fetched(client: Client, url: str, form: str) -> bytes:
    async with client.service.session.get(url, headers={"Accept": form}) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, form)
        content: bytes = await response.read()
        return content


def data_url(form: str, content: bytes) -> str:
    """As the judge takes envelopes."""
    if form.endswith("+jwt"):
        return f"data:{form},{content.decode('ascii')}"
    return f"data:{form};base64,{base64.b64encode(content).decode('ascii')}"


def method_of(form: str, content: bytes) -> str:
    if form.endswith("+jwt"):
        return str(jws(content).header["kid"])
    kid: bytes = sign1(content).header[4]
    return kid.decode()


@pytest.mark.parametrize("algorithm", NAMES)
async def test_others_read_every_form_of_a_list(judge: Judge, service: Any, algorithm: KeyAlgorithm) -> None:
    mechanism = {KeyAlgorithm.ED25519: "eddsa-rdfc-2022", KeyAlgorithm.P256: "ecdsa-rdfc-2019"}[algorithm]
    client = await Client.registered(service, mechanisms=[mechanism])
    gone, good = [await client.issue(UNSIGNED) for _ in range(2)]
    await client.revoke(gone["id"])
    [url], indices = (
        {one["credentialStatus"][0]["statusListCredential"] for one in (gone, good)},
        [int(one["credentialStatus"][0]["statusListIndex"]) for one in (gone, good)],
    )

    async def embedded() -> Any:
        return json.loads(await fetched(client, url, EMBEDDED))

    document = await eventually(embedded, w3c_bits)
    assert w3c_bits(document) == {indices[0]}
    assert judge.verify_list(document) == Judgement(verified=True, statuses={})
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    for form in (VC_JWT, VC_COSE):
        content = await fetched(client, url, form)
        opened = judge.ask("open", url=data_url(form, content), method=method_of(form, content))
        assert (opened["verified"], opened["errors"], opened["document"]) == (True, [], unsecured)
    for form in (STATUSLIST_JWT, STATUSLIST_CWT):
        content = await fetched(client, url, form)
        await seen_by_all(judge, form, content, dict(zip(indices, [1, 0], strict=True)), algorithm)


async def seen_by_all(
    judge: Judge, form: str, content: bytes, expected: dict[int, int], algorithm: KeyAlgorithm
) -> None:
    """Assert that the libraries verify a Token Status List and read these entries in it, and that the outsider does."""
    method = method_of(form, content)
    found = judge.ask("tokenList", url=data_url(form, content), method=method, indices=list(expected))
    assert (found["verified"], found["errors"]) == (True, [])
    assert found["statuses"] == list(expected.values())
    if form == STATUSLIST_JWT:
        assert found["header"] == {"alg": NAMES[algorithm], "typ": "statuslist+jwt", "kid": method}
        assert found["claims"].keys() == {"sub", "iat", "exp", "ttl", "status_list"}
    else:
        assert found["header"]["1"] == COSE_NUMBERS[algorithm]
        assert found["header"]["16"] == STATUSLIST_CWT
        assert found["claims"].keys() == {"2", "4", "6", "65533", "65534"}
        assert found["claims"]["65533"] == ["aggregation_uri", "bits", "lst"]
    _, listed = token_of_jwt(content) if form == STATUSLIST_JWT else token_of_cwt(content)
    assert {index: listed.value(index) for index in expected} == expected
    forged = bytes([*content[:-2], content[-2] ^ 1, content[-1]])
    assert not judge.ask("tokenList", url=data_url(form, forged), method=method, indices=[0])["verified"]


@pytest.mark.parametrize("bits", [2, 4, 8])
async def test_others_find_a_credential_in_its_token_list(judge: Judge, service: Any, bits: int) -> None:
    """From the `status` claim of a credential in a JWT to its value: valid, suspended, invalid."""
    client = await Client.registered(service, mechanisms=["vc+jwt"], keyAlgorithms=["P-256"])
    await client.add_token_list(bits)
    credentials = [await client.issue(UNSIGNED) for _ in range(3)]
    named = [judge.ask("tokenEntry", jwt=one["id"].partition(",")[2]) for one in credentials]
    [uri], indices = {one["uri"] for one in named}, [one["idx"] for one in named]
    ids = [json.loads(jws(one["id"].partition(",")[2].encode()).payload)["id"] for one in credentials]
    await client.suspend(ids[1])
    await client.revoke(ids[2])

    async def values() -> list[int]:
        _, listed = token_of_jwt(await fetched(client, uri, STATUSLIST_JWT))
        return [listed.value(index) for index in indices]

    assert await eventually(values, lambda found: found == [0, 2, 1]) == [0, 2, 1]
    for form in (STATUSLIST_JWT, STATUSLIST_CWT):
        content = await fetched(client, uri, form)
        await seen_by_all(judge, form, content, dict(zip(indices, [0, 2, 1], strict=True)), KeyAlgorithm.P256)
