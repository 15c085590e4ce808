"""What others sign, we verify: proofs and envelopes by libraries of other authors, in every mechanism."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.domain.mechanisms import Mechanism
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, ED25519_2020_V1, PINNED
from registry.securing.data_integrity import CRYPTOSUITES
from registry.securing.enveloped import open_envelope
from registry.securing.moment import parse_date_time_stamp
from registry.securing.public_key import PublicKey
from registry.securing.status_token import JWT_TYPE
from tests.interop.judge import file_of
from tests.interop.real_credentials import NAMES, unsigned
from tests.securing.signers import SIGNERS
from tests.securing.verifying import embedded, verified

pytestmark = pytest.mark.slow

Ask = Callable[..., dict[str, Any]]

WAYS = [(suite.name, algorithm.value) for suite in CRYPTOSUITES.values() for algorithm in suite.algorithms]
SUBJECT = {
    "id": "urn:uuid:4f5a1a3e-0f0d-4a5e-9c58-0a3d1c3a7d11",
    "type": ["VerifiableCredential"],
    "issuer": "did:example:school",
    "credentialSubject": {"id": "did:example:ada"},
}
UNSIGNED: dict[str, dict[str, Any]] = {
    "2.0": {"@context": [CREDENTIALS_V2, ED25519_2020_V1], **SUBJECT, "validFrom": "2025-01-01T00:00:00Z"},
    "1.1": {
        "@context": [CREDENTIALS_V1, DATA_INTEGRITY_V2, ED25519_2020_V1],
        **SUBJECT,
        "issuanceDate": "2025-01-01T00:00:00Z",
    },
}


@pytest.fixture(scope="module")
def ask(node_project: Path) -> Iterator[Ask]:
    """Somebody else's signer."""
    with subprocess.Popen(
        ["node", "signer.mjs"], cwd=node_project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask(command: str, **request: Any) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"command": command, **request}) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        try:
            ask("configure", contexts={url: str(file_of(url)) for url in PINNED})
            yield ask
        finally:
            process.kill()


def later(document: dict[str, Any]) -> Any:
    """The moment after the newest of its proofs, which the signer's clock made."""
    proofs = document["proof"] if isinstance(document["proof"], list) else [document["proof"]]
    return max(parse_date_time_stamp(proof["created"]) for proof in proofs)


@pytest.mark.parametrize(("cryptosuite", "algorithm"), WAYS)
@pytest.mark.parametrize("version", UNSIGNED)
async def test_we_verify_the_proofs_of_others(ask: Ask, version: str, cryptosuite: str, algorithm: str) -> None:
    answer = ask("prove", document=UNSIGNED[version], cryptosuites=[[cryptosuite, algorithm]])
    assert "errors" not in answer, answer
    document = answer["document"]
    [result] = await verified(document, now=later(document))
    assert (result.verified, result.problem, result.mechanism) == (True, None, cryptosuite)
    document["credentialSubject"]["id"] = "did:example:eve"
    assert not (await verified(document, now=later(document)))[0].verified


@pytest.mark.parametrize("algorithm", ["P-256", "P-384"])
@pytest.mark.parametrize("name", NAMES)
async def test_we_verify_real_credentials_as_others_sign_them(
    ask: Ask, shared_dir: Path, name: str, algorithm: str
) -> None:
    """With blank nodes, whose labels must be the same on both sides."""
    document = unsigned(shared_dir / "fixtures", name)
    answer = ask("prove", document=document, cryptosuites=[["ecdsa-rdfc-2019", algorithm]])
    assert "errors" not in answer, answer
    [result] = await verified(answer["document"], now=later(answer["document"]))
    assert result.verified, result.problem


@pytest.mark.parametrize("cryptosuite", ["eddsa-rdfc-2022", "eddsa-jcs-2022"])
async def test_we_read_a_base_direction_as_others_do(ask: Ask, cryptosuite: str) -> None:
    name = {"@value": "اسم", "@language": "ar-EG", "@direction": "rtl"}
    answer = ask("prove", document=UNSIGNED["2.0"] | {"name": name}, cryptosuites=[[cryptosuite, "Ed25519"]])
    assert "errors" not in answer, answer
    document = answer["document"]
    assert (await verified(document, now=later(document)))[0].verified
    document["name"]["@direction"] = "ltr"
    assert not (await verified(document, now=later(document)))[0].verified


async def test_we_verify_a_set_of_proofs_of_others(ask: Ask) -> None:
    answer = ask("prove", document=UNSIGNED["2.0"], cryptosuites=WAYS)
    assert "errors" not in answer, answer
    results = await verified(answer["document"], now=later(answer["document"]))
    assert [(one.mechanism, one.problem) for one in results] == [(name, None) for name, _ in WAYS]


@pytest.mark.parametrize("version", UNSIGNED)
def test_others_accept_our_older_proof(ask: Ask, version: str) -> None:
    both = embedded(UNSIGNED[version], Mechanism.EDDSA_RDFC_2022, SIGNERS["Ed25519"], ed25519_2020=True)
    assert ask("accepts2020", document=both) == {"verified": True, "errors": []}
    both["credentialSubject"]["id"] = "did:example:eve"
    assert not ask("accepts2020", document=both)["verified"]


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "ES384"])
@pytest.mark.parametrize("form", ["vc+jwt", "vp+jwt", "vc+cose", "vp+cose"])
def test_we_open_the_envelopes_of_others(ask: Ask, form: str, algorithm: str) -> None:
    opened(ask, form, algorithm)


def test_we_open_an_rs256_envelope_of_others(ask: Ask) -> None:
    opened(ask, "vc+jwt", "RS256")


def opened(ask: Ask, form: str, algorithm: str) -> None:
    payload = json.dumps(UNSIGNED["2.0"], indent=1)
    answer = ask("envelop", payload=payload, form=form, algorithm=algorithm)
    assert "errors" not in answer, answer
    content = answer["content"] if form.endswith("jwt") else base64.b64decode(answer["content"])
    envelope = open_envelope(content, form)
    assert envelope.document == UNSIGNED["2.0"]
    assert envelope.key_id == "did:web:other.example#1"
    assert envelope.verify(PublicKey.from_jwk(answer["jwk"]))
    stranger = ask("envelop", payload=payload, form=form, algorithm=algorithm)["jwk"]
    assert not envelope.verify(PublicKey.from_jwk(stranger))


def test_we_open_the_tokens_of_others(ask: Ask) -> None:
    claims = {"sub": "https://other.example/1", "iat": 1, "status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}
    answer = ask("envelop", payload=json.dumps(claims), form=JWT_TYPE, algorithm="ES256")
    envelope = open_envelope(answer["content"], JWT_TYPE)
    assert envelope.document == claims
    assert envelope.verify(PublicKey.from_jwk(answer["jwk"]))
