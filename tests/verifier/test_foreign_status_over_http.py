"""Foreign lists of every kind, and each way in which one proves nothing, as whoever asks the registry sees it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from registry.domain.mechanisms import Mechanism
from registry.securing.did import did_key
from registry.securing.status_token import cwt, jwt
from tests.securing.signers import key_of, method_of
from tests.verifier.attacks.presented import credential
from tests.verifier.attacks.presented import signed as presented
from tests.verifier.conftest import WORLD
from tests.verifier.foreign import (
    LIST_2021_V1,
    METHOD,
    OTHER,
    SIGNER,
    V2,
    bitstring,
    encoded,
    entries,
    entry,
    put_list,
    signed,
    token,
)
from tests.verifier.test_attacks_on_verification import verify

NEVER, LONG_AGO, SOON = "2999-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2998-01-01T00:00:00Z"
FAR = 32_472_144_000  # NEVER, in seconds
STATUS, DATA_MODEL = "https://www.w3.org/ns/credentials/status-list#", "https://www.w3.org/TR/vc-data-model#"
_numbers: Iterator[int] = count(1)


def fresh_url() -> str:
    """An address that nothing was remembered of."""
    return f"https://lists.example/kinds/{next(_numbers)}"


async def told(service: Any, **members: Any) -> dict[str, Any]:
    status, answer = await verify(service, presented(credential(**members)))
    assert (status, answer["verified"]) == (200, True), answer
    return answer


@pytest.mark.parametrize(("index", "verdict"), [("5", "revoked"), ("6", "valid")])
async def test_every_kind_of_list_is_understood(attacked: Any, index: str, verdict: str) -> None:
    url = fresh_url()
    put_list(WORLD, bitstring({5: 1}, id=url, validUntil=NEVER), url=url)
    assert (await told(attacked, credentialStatus=entry(index=index, url=url)))["verdict"] == verdict

    url = fresh_url()
    subject = {"id": f"{url}#list", "type": "StatusList2021"}
    types = ["VerifiableCredential", "StatusList2021Credential"]
    older = bitstring({5: 1}, id=url, validUntil=NEVER, type=types, subject=subject, **{"@context": [V2, LIST_2021_V1]})
    put_list(WORLD, older, url=url)
    of = {**entry(index=index, url=url), "type": "StatusList2021Entry"}
    assert (await told(attacked, credentialStatus=of))["verdict"] == verdict

    for form in ("jwt", "cwt"):
        url = fresh_url()
        made = token({5: 1}, sub=url, exp=FAR)
        put_token_at(url, made, form)
        claim = {"status_list": {"idx": int(index), "uri": url}}
        assert (await told(attacked, status=claim))["verdict"] == verdict

    url = fresh_url()
    identifier = credential()["id"] if verdict == "revoked" else "urn:uuid:another"
    WORLD.put(url, {"id": url, "revokedCredential": [{"id": identifier, "revoked": True}]})
    of = {"id": url, "type": "1EdTechRevocationList"}
    assert (await told(attacked, credentialStatus=of))["verdict"] == verdict


def put_token_at(url: str, made: Any, form: str) -> None:
    content = (jwt if form == "jwt" else cwt)(made, signer=SIGNER, key_id=METHOD)
    WORLD.put(url, content, f"application/statuslist+{form}")


@pytest.mark.parametrize(
    ("changes", "type_"),
    [
        (None, f"{STATUS}STATUS_RETRIEVAL_ERROR"),
        ({"validUntil": LONG_AGO}, f"{STATUS}STATUS_VERIFICATION_ERROR"),
        ({"validFrom": SOON}, f"{STATUS}STATUS_VERIFICATION_ERROR"),
        ({"subject": {"statusPurpose": "suspension"}}, f"{STATUS}STATUS_VERIFICATION_ERROR"),
        ({"issuer": did_key(key_of(OTHER))}, f"{STATUS}STATUS_VERIFICATION_ERROR"),
        ({"subject": {"encodedList": encoded(entries({}, count=8 * 1024))}}, f"{STATUS}STATUS_LIST_LENGTH_ERROR"),
        ({"subject": {"encodedList": "z" + encoded(entries({}))[1:]}}, f"{DATA_MODEL}MALFORMED_VALUE_ERROR"),
        ({"type": ["VerifiableCredential"]}, f"{DATA_MODEL}MALFORMED_VALUE_ERROR"),
    ],
    ids=str,
)
async def test_a_list_that_proves_nothing_is_never_valid(
    attacked: Any, changes: dict[str, Any] | None, type_: str
) -> None:
    url = fresh_url()
    if changes is not None:
        put_list(WORLD, bitstring({}, **{"id": url, "validUntil": NEVER, **changes}), url=url)
    await is_unverifiable(attacked, entry(url=url), type_)


async def test_a_list_signed_by_somebody_else_or_changed_since_is_never_valid(attacked: Any) -> None:
    for spoil in (
        lambda document: signed(document, signer=OTHER, method=method_of(OTHER), mechanism=Mechanism.ECDSA_JCS_2019)[0],
        lambda document: signed(document)[0].replace(b'"ttl":1', b'"ttl":2'),
    ):
        url = fresh_url()
        document = bitstring({}, id=url, validUntil=NEVER, subject={"ttl": 1})
        WORLD.put(url, spoil(document), "application/vc")
        await is_unverifiable(attacked, entry(url=url), f"{STATUS}STATUS_VERIFICATION_ERROR")


async def test_an_index_beyond_the_list_is_out_of_range(attacked: Any) -> None:
    url = fresh_url()
    put_list(WORLD, bitstring({}, id=url, validUntil=NEVER), url=url)
    await is_unverifiable(attacked, entry(index="131072", url=url), f"{DATA_MODEL}RANGE_ERROR")


async def is_unverifiable(service: Any, of: dict[str, Any], type_: str) -> None:
    answer = await told(service, credentialStatus=of)
    assert answer["verdict"] == "unverifiable"
    assert [one["type"] for one in answer["problemDetails"] if one["pointer"] == "/credentialStatus"] == [type_]
    [result] = answer["results"]["credentialStatus"]
    assert (result["verified"], "value" in result) == (False, False)
