"""Credentials of both data models in every securing mechanism, judged by libraries that others wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry.domain.mechanisms import ALGORITHMS, EMBEDDED, KeyAlgorithm, Mechanism
from registry.securing.contexts import STATUS_V1
from registry.securing.enveloped import open_data_url
from tests.interop.client import Client, eventually
from tests.interop.judge import CLEAR, Judge, Judgement, file_of
from tests.interop.real_credentials import NAMES, unsigned

pytestmark = pytest.mark.slow

SUBJECT = {"type": ["VerifiableCredential"], "credentialSubject": {"id": "did:example:ada"}}
UNSIGNED: dict[str, dict[str, Any]] = {
    "2.0": {"@context": ["https://www.w3.org/ns/credentials/v2"], **SUBJECT, "validUntil": "2099-01-01T00:00:00Z"},
    "1.1": {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        **SUBJECT,
        "issuanceDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2099-01-01T00:00:00Z",
    },
}
WAYS = [
    (version, mechanism, algorithm)
    for version in UNSIGNED
    for mechanism in Mechanism
    for algorithm in ALGORITHMS[mechanism]
    if version == "2.0" or mechanism in EMBEDDED
]
JOSE_NAMES = {KeyAlgorithm.ED25519: "EdDSA", KeyAlgorithm.P256: "ES256", KeyAlgorithm.P384: "ES384"}
COSE_NUMBERS = {KeyAlgorithm.ED25519: -8, KeyAlgorithm.P256: -7, KeyAlgorithm.P384: -35}


async def issued(service: Any, version: str, mechanism: Mechanism, algorithm: KeyAlgorithm) -> tuple[Client, Any]:
    client = await Client.registered(service, mechanisms=[mechanism], keyAlgorithms=[algorithm])
    return client, await client.issue(UNSIGNED[version])


@pytest.mark.parametrize(("version", "mechanism", "algorithm"), [way for way in WAYS if way[1] in EMBEDDED])
async def test_others_accept_an_embedded_proof_and_see_the_status(
    judge: Judge, service: Any, version: str, mechanism: Mechanism, algorithm: KeyAlgorithm
) -> None:
    client, credential = await issued(service, version, mechanism, algorithm)
    assert credential["proof"]["cryptosuite"] == mechanism
    assert judge.verify(credential) == Judgement(verified=True, statuses=CLEAR)
    assert not judge.verify({**credential, "credentialSubject": {"id": "did:example:eve"}}).verified
    await client.revoke(credential["id"])
    revoked = {"revocation": True, "suspension": False}
    seen = await eventually(lambda: judge.verify(credential), lambda found: found.statuses == revoked)
    assert seen.statuses == revoked


@pytest.mark.parametrize("algorithm", ALGORITHMS[Mechanism.ECDSA_RDFC_2019])
@pytest.mark.parametrize("name", NAMES)
async def test_others_label_the_blank_nodes_of_a_real_credential_likewise(
    name: str, algorithm: KeyAlgorithm, judge: Judge, service: Any, shared_dir: Path
) -> None:
    client = await Client.registered(service, mechanisms=["ecdsa-rdfc-2019"], keyAlgorithms=[algorithm])
    credential = await client.issue(unsigned(shared_dir / "fixtures", name))
    assert judge.verify(credential) == Judgement(verified=True, statuses=CLEAR)


@pytest.mark.parametrize(("version", "mechanism", "algorithm"), [way for way in WAYS if way[1] not in EMBEDDED])
async def test_others_open_an_envelope(
    judge: Judge, service: Any, version: str, mechanism: Mechanism, algorithm: KeyAlgorithm
) -> None:
    _, credential = await issued(service, version, mechanism, algorithm)
    method = open_data_url(credential["id"]).key_id
    assert method is not None
    opened = judge.open(credential, method)
    assert (opened["verified"], opened["errors"]) == (True, [])
    header, document = opened["header"], opened["document"]
    if mechanism is Mechanism.VC_JWT:
        assert header == {"alg": JOSE_NAMES[algorithm], "kid": method, "typ": "vc+jwt", "cty": "vc"}
    else:
        assert header["1"] == COSE_NUMBERS[algorithm]
    assert document["issuer"] == method.partition("#")[0]
    assert {name: document[name] for name in UNSIGNED[version]} == UNSIGNED[version]
    assert judge.check_status(document) == Judgement(verified=True, statuses=CLEAR)
    other, _ = await issued(service, version, mechanism, algorithm)
    stranger = open_data_url((await other.issue(UNSIGNED[version]))["id"]).key_id
    assert stranger is not None
    assert not judge.open(credential, stranger)["verified"]


def test_the_context_we_carry_is_the_one_its_authors_publish(judge: Judge) -> None:
    assert judge.ask("load", url=STATUS_V1)["document"] == json.loads(file_of(STATUS_V1).read_bytes())
