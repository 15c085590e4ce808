"""Whatever comes as a list, damaged anywhere, is read or refused in our own words; it never breaks anything."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.mechanisms import Mechanism
from registry.errors import RegistryError
from registry.securing.status_token import cwt, jwt
from registry.verifier.list_signatures import ListSignatures, Proving
from registry.verifier.remote_lists import bitstring_list, revocation_list, token_list
from registry.verifier.status_entry import Kind, entry_of
from tests.securing.verifying import did_key_method
from tests.verifier.foreign import LIST, METHOD, NOW, SIGNER, TOKENS, bitstring, signed, token


async def no_canonical_form(_: Sequence[Any], __: Any = "sha256") -> list[str]:
    return [""]


SIGNATURES = ListSignatures(Proving(no_canonical_form, did_key_method), ThreadPoolExecutor(1))
GENUINE = {
    "application/vc": signed(bitstring({5: 1}))[0],
    "application/vc+jwt": signed(bitstring({5: 1}), Mechanism.VC_JWT)[0],
    "application/vc+cose": signed(bitstring({5: 1}), Mechanism.VC_COSE)[0],
    "application/statuslist+jwt": jwt(token({5: 1}), signer=SIGNER, key_id=METHOD).encode(),
    "application/statuslist+cwt": cwt(token({5: 1}), signer=SIGNER, key_id=METHOD),
}
CBOR_BOMBS = [
    b"\x81" * 100_000,
    b"\xd2" * 50_000,
    b"\xd2\x84\x5b" + b"\xff" * 8,
    b"\xbf" * 50_000,
    b"\xc2\x5b" + b"\x7f" * 9,
]


async def read(media_type: str, content: bytes) -> None:
    if "statuslist" in media_type:
        made = await SIGNATURES.token(content, media_type, NOW)
        token_list(made.document, TOKENS, made.issuer, made.methods)
    else:
        made = await SIGNATURES.credential(content, media_type, NOW)
        bitstring_list(made.document, Kind.BITSTRING, made.methods)


@pytest.mark.parametrize("media_type", GENUINE)
async def test_they_are_read_as_they_are(media_type: str) -> None:
    await read(media_type, GENUINE[media_type])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(GENUINE)), st.binary(min_size=1, max_size=12), st.integers(0, 2**31), st.booleans())
async def test_a_damaged_list_is_refused(media_type: str, noise: bytes, at: int, is_cut: bool) -> None:
    content = GENUINE[media_type]
    at %= len(content)
    with suppress(RegistryError):
        await read(media_type, content[:at] + noise + (b"" if is_cut else content[at + len(noise) :]))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(GENUINE)), st.binary(max_size=200))
async def test_noise_is_refused(media_type: str, noise: bytes) -> None:
    with pytest.raises(RegistryError):
        await read(media_type, noise)


@pytest.mark.parametrize("bomb", CBOR_BOMBS, ids=lambda one: one[:4].hex())
async def test_cbor_that_nests_or_promises_too_much_is_refused(bomb: bytes) -> None:
    for media_type in ("application/vc+cose", "application/statuslist+cwt"):
        with pytest.raises(RegistryError):
            await read(media_type, bomb)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([LIST, "uH4sI", "revocation", "2026-01-01T00:00:00Z", "BitstringStatusList"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
MEMBERS = [
    "@context",
    "id",
    "type",
    "issuer",
    "validFrom",
    "validUntil",
    "credentialSubject",
    "proof",
    "exp",
    "nbf",
    "iss",
]
SUBJECT = ["type", "statusPurpose", "encodedList", "ttl"]
CLAIMS = ["sub", "iat", "exp", "ttl", "status_list"]


@given(st.sampled_from(MEMBERS), st.sampled_from(["", *SUBJECT]), VALUES)
def test_a_credential_with_any_value_anywhere_is_read_or_refused(member: str, inner: str, value: Any) -> None:
    document = bitstring({})
    if inner:
        document["credentialSubject"][inner] = value
    else:
        document[member] = value
    with suppress(RegistryError):
        bitstring_list(document, Kind.BITSTRING, frozenset())


@given(st.sampled_from(CLAIMS), VALUES)
def test_claims_with_any_value_anywhere_are_read_or_refused(claim: str, value: Any) -> None:
    claims: dict[str, Any] = {
        "sub": TOKENS,
        "iat": 0,
        "exp": 2,
        "ttl": 60,
        "status_list": {"bits": 1, "lst": "eNoDAAAAAAE"},
    }
    with suppress(RegistryError):
        token_list({**claims, claim: value}, TOKENS, "did:example:1", frozenset())


@given(VALUES)
def test_a_revocation_list_of_anything_is_read_or_refused(value: Any) -> None:
    for document in (value, {"revokedCredential": value}, {"revokedCredential": [value]}, {"issuer": value}):
        with suppress(RegistryError):
            revocation_list(document, LIST)


@given(st.dictionaries(st.sampled_from(["type", "id", "statusPurpose", "statusListIndex", "statusListCredential",
       "statusSize", "statusMessage", "status_list"]), VALUES | st.just("BitstringStatusListEntry")))  # fmt: skip
def test_an_entry_of_anything_is_read_or_refused(entry: dict[str, Any]) -> None:
    with suppress(RegistryError):
        entry_of(entry)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(MEMBERS), VALUES)
async def test_a_proof_over_any_document_holds_or_is_refused(member: str, value: Any) -> None:
    content = orjson.loads(GENUINE["application/vc"])
    with suppress(RegistryError):
        await read("application/vc", orjson.dumps({**content, member: value}))
