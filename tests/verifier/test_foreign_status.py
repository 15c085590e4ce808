"""Where a credential stands by somebody else's list, in each form; and every way in which a list proves nothing."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.mechanisms import Mechanism
from registry.securing import base64url
from registry.securing.canonicalise import Canonicaliser
from registry.securing.contexts import load_contexts
from registry.securing.rdf import canonicalise_here
from registry.securing.secure import secure
from registry.verifier.fetcher import Fetcher
from registry.verifier.list_signatures import Proving
from registry.verifier.proven_lists import ProvenLists
from registry.verifier.remote_lists import RemoteList, bitstring_list, most_significant_first
from registry.verifier.resolver import Resolver
from registry.verifier.status import ForeignLists
from registry.verifier.status_entry import Entry, Kind
from registry.verifier.verification import StatusFinding, Verdict
from tests.clock import FakeClock
from tests.securing.signers import SIGNERS, key_of, method_of
from tests.verifier.elsewhere import Elsewhere
from tests.verifier.foreign import (
    ENTRIES,
    ISSUER,
    LIST,
    LIST_2021_V1,
    METHOD,
    NOW,
    OTHER,
    REVOKED,
    SIGNER,
    STRANGER,
    TOKENS,
    bitstring,
    encoded,
    entries,
    entry,
    moment,
    put_did_web,
    put_list,
    put_token,
    signed,
    token,
)

CREDENTIAL = "urn:uuid:6f1e3a44-0b8e-4d0c-9c0e-1f1f6f4b2a10"


@dataclass
class Reading:
    """A verifier of foreign lists, and the clock it goes by."""

    foreign: ForeignLists
    clock: FakeClock

    async def __call__(self, of: dict[str, Any], issuer: str = ISSUER, **how: Any) -> StatusFinding:
        return await self.foreign.status_of_entry(of, issuer, self.clock(), credential_id=CREDENTIAL, **how)

    async def problem(self, of: dict[str, Any], issuer: str = ISSUER, **how: Any) -> str:
        """The error type that *of* comes to, which must be unverifiable."""
        found = await self(of, issuer, **how)
        assert found.verdict is Verdict.UNVERIFIABLE
        assert found.value is None
        assert found.problem is not None
        return found.problem.type.partition("#")[2]


@pytest.fixture
async def status(fetcher: Fetcher, clock: FakeClock) -> AsyncIterator[Reading]:
    async def own(_: str) -> None:
        return None

    async def canonical_of(documents: Sequence[Any], digest: Any = "sha256") -> list[str]:
        return [canonicalise_here(dict(one), load_contexts(), digest) for one in documents]

    async with AsyncExitStack() as stack:
        resolver = Resolver(fetcher, own, clock)
        stack.push_async_callback(resolver.close)
        lists = ProvenLists(fetcher, Proving(canonical_of, resolver.key_of), clock)
        stack.push_async_callback(lists.close)
        yield Reading(ForeignLists(lists, resolver.resolve), clock)


# ── what lists say ───────────────────────────────────────────────────────────────────────────────────────────


def gzip_members(*contents: bytes) -> list[bytes]:
    """Each content as a GZIP member, the same in every process."""
    return [gzip.compress(content, mtime=0) for content in contents]


@pytest.mark.parametrize(
    ("purpose", "value", "verdict"),
    [
        ("revocation", 0, Verdict.VALID),
        ("revocation", 1, Verdict.REVOKED),
        ("suspension", 1, Verdict.SUSPENDED),
        ("refresh", 1, Verdict.SUPERSEDED),
        ("refresh", 0, Verdict.VALID),
        ("something-else", 1, None),
    ],
)
async def test_a_bitstring_status_list(
    world: Elsewhere, status: Reading, purpose: str, value: int, verdict: Verdict | None
) -> None:
    put_list(world, bitstring({5: value}, subject={"statusPurpose": purpose}))
    found = await status(entry(purpose))
    assert (purpose, value, verdict, None, LIST, NOW) == (
        found.purpose, found.value, found.verdict, found.problem, found.source, found.checked_at
    )  # fmt: skip


@pytest.mark.parametrize("mechanism", Mechanism)
async def test_a_list_in_every_mechanism(world: Elsewhere, status: Reading, mechanism: Mechanism) -> None:
    signer = SIGNERS["P-256"] if "ecdsa" in mechanism else SIGNER
    document = bitstring({5: 1}, issuer=method_of(signer).partition("#")[0])
    content, media_type = (
        rdfc(document, signer) if mechanism is Mechanism.ECDSA_RDFC_2019
        else signed(document, mechanism, signer=signer, method=method_of(signer))
    )  # fmt: skip
    world.put(LIST, content, media_type)
    assert (await status(entry(), document["issuer"])).verdict is Verdict.REVOKED


def rdfc(document: dict[str, Any], signer: Any) -> tuple[bytes, str]:
    canonical = canonicalise_here(document, load_contexts())
    made = secure(
        document, Mechanism.ECDSA_RDFC_2019, signer=signer, verification_method=method_of(signer), created=NOW,
        canonical=canonical,
    )  # fmt: skip
    return made.content, made.media_type


async def test_a_list_that_is_canonicalised_in_a_worker(world: Elsewhere, fetcher: Fetcher, clock: FakeClock) -> None:
    async def own(_: str) -> None:
        return None

    canonicaliser = Canonicaliser(load_contexts(), workers=1)
    await canonicaliser.start()
    resolver = Resolver(fetcher, own, clock)
    lists = ProvenLists(fetcher, Proving(canonicaliser.canonicalise_all, resolver.key_of), clock)
    put_list(world, bitstring({5: 1}), mechanism=Mechanism.EDDSA_RDFC_2022)
    found = await ForeignLists(lists, resolver.resolve).status_of_entry(entry(), ISSUER, clock())
    await lists.close()
    await canonicaliser.close()
    assert found.verdict is Verdict.REVOKED


async def test_an_enveloped_list_as_json(world: Elsewhere, status: Reading) -> None:
    content, media_type = signed(bitstring({5: 1}), Mechanism.VC_JWT)
    envelope = {
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": "EnvelopedVerifiableCredential",
        "id": f"data:{media_type},{content.decode()}",
    }  # fmt: skip
    world.put(LIST, envelope, "application/vc")
    assert (await status(entry())).verdict is Verdict.REVOKED


async def test_a_list_weighs_what_it_says_about_itself(world: Elsewhere, fetcher: Fetcher, clock: FakeClock) -> None:
    async def own(_: str) -> None:
        return None

    resolver = Resolver(fetcher, own, clock)
    lists = ProvenLists(fetcher, Proving(no_canonical_form, resolver.key_of), clock, max_bytes=300_000)
    put_list(world, bitstring(subject={"statusPurpose": ["revocation", "x" * 600_000]}))
    for _ in range(2):
        found = await lists.get(Kind.BITSTRING, LIST, None)
        assert isinstance(found.found, RemoteList)
    assert len(world.asked) == 2, "it is too heavy to be kept"


async def no_canonical_form(_: Sequence[Any], __: Any = "sha256") -> list[str]:
    return []


async def test_a_list_with_several_purposes(world: Elsewhere, status: Reading) -> None:
    put_list(world, bitstring({5: 1}, subject={"statusPurpose": ["suspension", "revocation"]}))
    assert (await status(entry("suspension"))).verdict is Verdict.SUSPENDED


MESSAGES = [{"status": "0x0", "message": "pending"}, {"status": "0x1", "message": "accepted"},
            {"status": "0x2", "message": "rejected"}, {"status": "0x3", "message": "undefined"}]  # fmt: skip


@pytest.mark.parametrize("value", range(4))
async def test_a_message_list(world: Elsewhere, status: Reading, value: int) -> None:
    document = bitstring({4: 3, 5: value, 6: 3}, size_bits=2, subject={"statusPurpose": "message"})
    put_list(world, document)
    found = await status(entry("message", statusSize=2, statusMessage=MESSAGES))
    assert (value, MESSAGES[value]["message"], None) == (found.value, found.message, found.verdict)


@pytest.mark.parametrize("alphabet", ["base64", "base64url", "multibase"])
async def test_a_status_list_2021(world: Elsewhere, status: Reading, alphabet: str) -> None:
    compressed = gzip.compress(entries({5: 1, 77: 1}), mtime=0)
    text = {
        "base64": base64.b64encode(compressed), "base64url": base64.urlsafe_b64encode(compressed).rstrip(b"="),
        "multibase": b"u" + base64.urlsafe_b64encode(compressed).rstrip(b"="),
    }[alphabet].decode()  # fmt: skip
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2", LIST_2021_V1], "id": LIST,
        "type": ["VerifiableCredential", "StatusList2021Credential"], "issuer": {"id": ISSUER, "name": "A school"},
        "validFrom": moment(-300),
        "credentialSubject": {
            "id": f"{LIST}#list", "type": "StatusList2021", "statusPurpose": "revocation", "encodedList": text
        },
    }  # fmt: skip
    put_list(world, document)
    of = {**entry(), "type": "StatusList2021Entry"}
    assert [(await status({**of, "statusListIndex": index})).verdict for index in ("77", "78")] == [
        Verdict.REVOKED,
        Verdict.VALID,
    ]


@pytest.mark.parametrize("form", ["jwt", "cwt"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
async def test_a_status_list_token(world: Elsewhere, status: Reading, form: str, bits: int) -> None:
    put_token(world, token({3: 1, 4: 1, **({5: 2} if bits > 1 else {})}, bits=bits), form)
    said = {index: (await status({"status_list": {"idx": index, "uri": TOKENS}})).verdict for index in (2, 3, 4, 5)}
    last = Verdict.SUSPENDED if bits > 1 else Verdict.VALID
    assert said == {2: Verdict.VALID, 3: Verdict.REVOKED, 4: Verdict.REVOKED, 5: last}


@pytest.mark.parametrize("value", [3, 0xC, 0xF, 7])
async def test_a_value_that_only_its_issuer_understands_is_not_valid(
    world: Elsewhere, status: Reading, value: int
) -> None:
    put_token(world, token({5: value}, bits=4))
    assert await status.problem({"status_list": {"idx": 5, "uri": TOKENS}}) == "STATUS_VERIFICATION_ERROR"


@pytest.mark.parametrize(
    ("found", "verdict", "reason"),
    [
        ({"id": REVOKED, "issuer": ISSUER, "revokedCredential": []}, Verdict.VALID, None),
        (
            {"id": REVOKED, "issuer": ISSUER, "revokedCredential": [
                {"id": CREDENTIAL, "revoked": True, "revocationReason": "An error"}, {"id": "urn:uuid:1"}]},
            Verdict.REVOKED, "An error",
        ),
        ({"issuer": {"id": ISSUER}, "revokedCredential": [{"id": CREDENTIAL, "revoked": False}]}, Verdict.VALID, None),
        ({"revokedCredentials": [CREDENTIAL]}, Verdict.REVOKED, None),
        ({"revokedCredential": {"id": CREDENTIAL}}, Verdict.REVOKED, None),
        ([CREDENTIAL], Verdict.REVOKED, None),
        ([{"id": CREDENTIAL}], Verdict.REVOKED, None),
        ([], Verdict.VALID, None),
    ],
)  # fmt: skip
async def test_a_1edtech_revocation_list(
    world: Elsewhere, status: Reading, found: Any, verdict: Verdict, reason: str | None
) -> None:
    world.put(REVOKED, found)
    said = await status({"id": REVOKED, "type": "1EdTechRevocationList"})
    assert (verdict, reason) == (said.verdict, said.message)


# ── lists that prove nothing ─────────────────────────────────────────────────────────────────────────────────

A_LIST = bitstring({5: 1})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"validUntil": moment(0)}, "STATUS_VERIFICATION_ERROR"),
        ({"validUntil": moment(-1)}, "STATUS_VERIFICATION_ERROR"),
        ({"validFrom": moment(1)}, "STATUS_VERIFICATION_ERROR"),
        ({"validFrom": "2026-01-01T00:00:00"}, "MALFORMED_VALUE_ERROR"),
        ({"validUntil": "tomorrow"}, "MALFORMED_VALUE_ERROR"),
        ({"id": "https://lists.example/status/4"}, "STATUS_VERIFICATION_ERROR"),
        ({"type": ["VerifiableCredential"]}, "MALFORMED_VALUE_ERROR"),
        ({"issuer": None}, "STATUS_VERIFICATION_ERROR"),
        ({"issuer": STRANGER}, "STATUS_VERIFICATION_ERROR"),
        ({"credentialSubject": []}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"type": "Person"}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"statusPurpose": "suspension"}}, "STATUS_VERIFICATION_ERROR"),
        ({"subject": {"statusPurpose": None}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"statusPurpose": {"a": "revocation"}}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": None}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": "u"}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": "z" + encoded(entries({}))[1:]}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": encoded(entries({})) + "="}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": encoded(entries({}))[:-20]}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": "uAAAA"}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"encodedList": encoded(bytes(9 << 20))}}, "MALFORMED_VALUE_ERROR"),
        (
            {"subject": {"encodedList": "u" + base64url.encode(b"".join(gzip_members(entries({}), b"x")))}},
            "MALFORMED_VALUE_ERROR",
        ),
        ({"subject": {"encodedList": encoded(bytes(ENTRIES // 8 - 1))}}, "STATUS_LIST_LENGTH_ERROR"),
        ({"subject": {"encodedList": encoded(bytes(1))}}, "STATUS_LIST_LENGTH_ERROR"),
        ({"subject": {"ttl": "soon"}}, "MALFORMED_VALUE_ERROR"),
        ({"subject": {"ttl": -1}}, "MALFORMED_VALUE_ERROR"),
    ],
    ids=lambda one: str(one)[:60],
)
async def test_a_list_that_proves_nothing(
    world: Elsewhere, status: Reading, changes: dict[str, Any], error: str
) -> None:
    put_list(world, bitstring({}, **changes))
    assert await status.problem(entry()) == error


@pytest.mark.parametrize(
    ("of", "error"),
    [
        (entry(index=str(ENTRIES)), "RANGE_ERROR"),
        (entry(index="9999999999999999"), "RANGE_ERROR"),
        (entry(index="-1"), "MALFORMED_VALUE_ERROR"),
        (entry(index="0x5"), "MALFORMED_VALUE_ERROR"),
        (entry(index="\u0665"), "MALFORMED_VALUE_ERROR"),
        (entry(index=""), "MALFORMED_VALUE_ERROR"),
        ({**entry(), "statusListIndex": 5}, "MALFORMED_VALUE_ERROR"),
        ({**entry(), "statusListIndex": None}, "MALFORMED_VALUE_ERROR"),
        (entry(statusSize=0), "MALFORMED_VALUE_ERROR"),
        (entry(statusSize="1"), "MALFORMED_VALUE_ERROR"),
        (entry(statusSize=True), "MALFORMED_VALUE_ERROR"),
        (entry(statusSize=1.0), "MALFORMED_VALUE_ERROR"),
        (entry(statusSize=10**9), "MALFORMED_VALUE_ERROR"),
        (entry("message", statusSize=2), "MALFORMED_VALUE_ERROR"),
        (entry("message", statusSize=2, statusMessage=MESSAGES[:3]), "MALFORMED_VALUE_ERROR"),
        (entry("message", statusSize=2, statusMessage=[{"status": "1", "message": ""}] * 4), "MALFORMED_VALUE_ERROR"),
        ({**entry(), "id": LIST}, "MALFORMED_VALUE_ERROR"),
        ({**entry(), "statusPurpose": ["revocation"]}, "MALFORMED_VALUE_ERROR"),
        ({**entry(), "statusListCredential": {"id": LIST}}, "MALFORMED_VALUE_ERROR"),
        ({**entry(), "type": "RevocationList2020Status"}, "MALFORMED_VALUE_ERROR"),
        ({**entry(), "type": ["BitstringStatusListEntry", "StatusList2021Entry"]}, "MALFORMED_VALUE_ERROR"),
        ({}, "MALFORMED_VALUE_ERROR"),
        ({"status_list": {"idx": "5", "uri": TOKENS}}, "MALFORMED_VALUE_ERROR"),
        ({"status_list": {"idx": -1, "uri": TOKENS}}, "MALFORMED_VALUE_ERROR"),
        ({"status_list": {"idx": 5}}, "MALFORMED_VALUE_ERROR"),
        ({"status_list": []}, "MALFORMED_VALUE_ERROR"),
        (entry(statusSize=2, statusMessage=MESSAGES), "STATUS_LIST_LENGTH_ERROR"),
        (entry("suspension"), "STATUS_VERIFICATION_ERROR"),
        (entry(url="http://lists.example/status/3"), "STATUS_RETRIEVAL_ERROR"),
        (entry(url="https://127.0.0.1/status/3"), "STATUS_RETRIEVAL_ERROR"),
        (entry(url="https://lists.example/gone"), "STATUS_RETRIEVAL_ERROR"),
        (entry(url="data:application/vc,{}"), "STATUS_RETRIEVAL_ERROR"),
        ({"id": REVOKED, "type": "1EdTechRevocationList"}, "STATUS_RETRIEVAL_ERROR"),
    ],
    ids=lambda one: str(one)[-60:],
)
async def test_an_entry_that_cannot_be_read_or_leads_nowhere(
    world: Elsewhere, status: Reading, of: dict[str, Any], error: str
) -> None:
    put_list(world, A_LIST)
    assert await status.problem(of) == error


def tampered(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    content, _ = signed(document)
    return {**json.loads(content), **changes}


def reproved(**changes: Any) -> dict[str, Any]:
    document = json.loads(signed(A_LIST)[0])
    return {**document, "proof": {**document["proof"], **changes}}


@pytest.mark.parametrize(
    "document",
    [
        A_LIST,
        tampered(A_LIST, validUntil=moment(7200)),
        tampered(A_LIST, credentialSubject=bitstring({})["credentialSubject"]),
        tampered(A_LIST, proof=[]),
        tampered(A_LIST, proof={}),
        tampered(A_LIST, proof="z"),
        reproved(proofPurpose="authentication"),
        reproved(proofPurpose=None),
        reproved(verificationMethod=method_of(OTHER)),
        reproved(verificationMethod=f"{STRANGER}#{ISSUER.removeprefix('did:key:')}"),
        reproved(verificationMethod="did:example:nobody#1"),
        reproved(verificationMethod={"id": METHOD}),
        reproved(cryptosuite="eddsa-rdfc-2022"),
        reproved(cryptosuite="none"),
        reproved(cryptosuite=None),
        reproved(type="Ed25519Signature2018"),
        reproved(proofValue="z"),
        reproved(proofValue="z" + "1" * 88),
        reproved(expires=moment(-1)),
        reproved(created=moment(3600)),
        {**A_LIST, "proof": [json.loads(signed(A_LIST)[0])["proof"], {"type": "DataIntegrityProof"}]},
        json.loads(signed(A_LIST, Mechanism.ECDSA_JCS_2019, signer=OTHER, method=method_of(OTHER))[0]),
    ],
    ids=str,
)  # fmt: skip
async def test_a_list_that_is_not_signed_as_it_should_be(
    world: Elsewhere, status: Reading, document: dict[str, Any]
) -> None:
    """Not at all, over other words, for another purpose, by another key, in another suite, or in no time that is."""
    world.put(LIST, document, "application/vc")
    assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"


def segments(**header: Any) -> list[str]:
    head, payload, signature = signed(A_LIST, Mechanism.VC_JWT)[0].decode().split(".")
    changed = {**json.loads(base64url.decode(head, "x")), **header}
    return [
        base64url.encode(json.dumps({k: v for k, v in changed.items() if v is not None}).encode()),
        payload,
        signature,
    ]


@pytest.mark.parametrize(
    "jws",
    [
        ".".join([*segments(alg="none")[:2], ""]),
        ".".join(segments(alg="none")),
        ".".join(segments(alg="None")),
        ".".join(segments(alg="HS256")),
        ".".join(segments(alg="ES256")),
        ".".join(segments(alg=None)),
        ".".join(segments(kid=method_of(OTHER))),
        ".".join(segments(kid=None, jwk=key_of(SIGNER).jwk())),
        ".".join(segments(crit=["exp"], exp=1)),
        ".".join(segments(b64=False, crit=["b64"])),
        ".".join(segments(typ="vp+jwt")),
        ".".join(segments(typ="statuslist+jwt")),
        ".".join(segments()[:2]),
        "..",
        "",
    ],
)  # fmt: skip
async def test_a_jwt_that_is_not_signed_as_it_should_be(world: Elsewhere, status: Reading, jws: str) -> None:
    """No algorithm, a secret key's, another curve's, a key of its own, or made to be something else."""
    world.put(LIST, jws, "application/vc+jwt")
    assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW.timestamp())}, {"nbf": int(NOW.timestamp()) + 61}, {"iss": STRANGER}, {"exp": "tomorrow"},
        {"exp": "1e30"}, {"nbf": True},
    ],
    ids=str,
)  # fmt: skip
async def test_a_jwt_whose_claims_say_that_it_does_not_hold(
    world: Elsewhere, status: Reading, claims: dict[str, Any]
) -> None:
    world.put(LIST, *signed({**A_LIST, **claims}, Mechanism.VC_JWT))
    assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"


async def test_a_list_is_not_kept_past_the_end_of_its_signature(world: Elsewhere, status: Reading) -> None:
    world.put(LIST, *signed({**A_LIST, "exp": int(NOW.timestamp()) + 30, "iss": ISSUER}, Mechanism.VC_JWT))
    assert (await status(entry())).verdict is Verdict.REVOKED
    status.clock.advance(seconds=30)
    assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"
    assert len(world.asked) == 2


async def test_a_mac_with_the_public_key_for_a_secret_is_no_signature(world: Elsewhere, status: Reading) -> None:
    """Key confusion: whoever knows the public key could make it."""
    head, payload, _ = segments(alg="HS256")
    for secret in (key_of(SIGNER).raw, json.dumps(key_of(SIGNER).jwk()).encode(), key_of(SIGNER).multikey().encode()):
        mac = hmac.digest(secret, f"{head}.{payload}".encode(), hashlib.sha256)
        world.put(LIST, f"{head}.{payload}.{base64url.encode(mac)}", "application/vc+jwt")
        assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"
        status.clock.advance(seconds=11)


@pytest.mark.parametrize("form", ["jwt", "cwt"])
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"sub": LIST}, "STATUS_VERIFICATION_ERROR"),
        ({"exp": int(NOW.timestamp())}, "STATUS_VERIFICATION_ERROR"),
        ({"iat": int(NOW.timestamp()) + 61}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": b"no zlib"}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": b""}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": gzip.compress(bytes(16), mtime=0)}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": zlib.compress(bytes(16))[:-3]}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": zlib.compress(bytes(16)) + zlib.compress(b"x")}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": zlib.compress(bytes(64 << 20), 9)}, "STATUS_VERIFICATION_ERROR"),
        ({"lst": zlib.compress(b"\0")}, "RANGE_ERROR"),
        ({"ttl": 0}, "STATUS_VERIFICATION_ERROR"),
    ],
    ids=lambda one: str(one)[:40],
)
async def test_a_status_list_token_that_proves_nothing(
    world: Elsewhere, status: Reading, form: str, changes: dict[str, Any], error: str
) -> None:
    put_token(world, token({}, **changes), form)
    assert await status.problem({"status_list": {"idx": 5, "uri": TOKENS}}) == error


async def test_a_status_list_token_in_the_other_forms_clothes(world: Elsewhere, status: Reading) -> None:
    put_token(world, token({}))
    world.answers[TOKENS.removeprefix("https://")] = world.answers[TOKENS.removeprefix("https://")].replace(  # type: ignore[union-attr]
        b"statuslist+jwt", b"statuslist+cwt", 1
    )
    assert await status.problem({"status_list": {"idx": 5, "uri": TOKENS}}) == "STATUS_VERIFICATION_ERROR"
    put_list(world, bitstring({}), url=TOKENS)
    status.clock.advance(seconds=11)
    assert await status.problem({"status_list": {"idx": 5, "uri": TOKENS}}) == "STATUS_RETRIEVAL_ERROR"


@pytest.mark.parametrize(
    "found",
    [
        {"id": "https://lists.example/other", "revokedCredential": []},
        {"issuer": STRANGER, "revokedCredential": []},
        {"issuer": 7, "revokedCredential": []},
        {"revokedCredential": None}, {"revokedCredential": [7]}, {"revokedCredential": [{"revoked": True}]},
        {}, "revoked", 7, None, b"<html>", b"", b"[" * 3000,
    ],
)  # fmt: skip
async def test_a_1edtech_list_that_proves_nothing(world: Elsewhere, status: Reading, found: Any) -> None:
    world.put(REVOKED, found if isinstance(found, bytes) else json.dumps(found))
    of = {"id": REVOKED, "type": "1EdTechRevocationList"}
    assert await status.problem(of) == "STATUS_VERIFICATION_ERROR"


async def test_a_credential_without_an_id_cannot_stand_on_a_list_of_ids(world: Elsewhere, status: Reading) -> None:
    world.put(REVOKED, [])
    of = {"id": REVOKED, "type": "1EdTechRevocationList"}
    found = await status.foreign.status_of_entry(of, ISSUER, NOW)
    assert found.verdict is Verdict.UNVERIFIABLE


async def test_a_registry_that_must_not_speak_to_the_outside_says_so(world: Elsewhere, clock: FakeClock) -> None:
    async def own(_: str) -> None:
        return None

    fetcher = Fetcher(clock, trust=world.trust, enabled=False)
    await fetcher.start()
    resolver = Resolver(fetcher, own, clock, cut_off_of=own)
    lists = ProvenLists(fetcher, Proving(lambda *_: None, resolver.key_of), clock)  # type: ignore[arg-type]
    put_list(world, A_LIST)
    found = await ForeignLists(lists, resolver.resolve).status_of_entry(entry(), ISSUER, clock())
    await lists.close()
    await fetcher.close()
    assert found.verdict is Verdict.UNVERIFIABLE
    assert found.problem is not None
    assert "REGISTRY_FETCH" in found.problem.detail
    assert world.connections == 0


# ── whose list it is ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("of", [entry(), {"status_list": {"idx": 5, "uri": TOKENS}}])
async def test_a_list_of_another_issuer_says_nothing_however_well_signed(
    world: Elsewhere, status: Reading, of: dict[str, Any]
) -> None:
    put_list(world, A_LIST)
    put_token(world, token({}))
    assert await status.problem(of, STRANGER) == "STATUS_VERIFICATION_ERROR"


async def test_an_issuer_may_let_anothers_key_keep_its_lists_but_nobody_can_say_so_for_it(
    world: Elsewhere, status: Reading
) -> None:
    """The credential's issuer lists the key; a `controller` in the list's issuer's own document proves nothing."""
    put_did_web(world, "did:web:issuer.example", OTHER)
    keeper = put_did_web(world, "did:web:other.example", SIGNER, controller="did:web:issuer.example")
    put_list(world, bitstring({5: 1}, issuer="did:web:other.example"), method=keeper)
    assert await status.problem(entry(), "did:web:issuer.example") == "STATUS_VERIFICATION_ERROR"
    put_did_web(world, "did:web:issuer.example", OTHER, assertionMethod=[keeper])
    status.clock.advance(seconds=301)
    found = await status(entry(), "did:web:issuer.example")
    assert found.verdict is Verdict.REVOKED


async def test_an_older_version_is_not_taken_after_a_newer_one(world: Elsewhere, status: Reading) -> None:
    older, newer = bitstring({}, validFrom=moment(-600)), bitstring({5: 1}, validFrom=moment(-300))
    put_list(world, newer)
    assert (await status(entry())).verdict is Verdict.REVOKED
    put_list(world, older)
    status.clock.advance(seconds=301)
    assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"
    put_list(world, newer)
    status.clock.advance(seconds=11)
    assert (await status(entry())).verdict is Verdict.REVOKED


async def test_a_list_from_the_future_does_not_shut_out_todays(world: Elsewhere, status: Reading) -> None:
    put_list(world, bitstring({}, validFrom=moment(3000)))
    assert await status.problem(entry()) == "STATUS_VERIFICATION_ERROR"
    put_list(world, A_LIST)
    status.clock.advance(seconds=301)
    assert (await status(entry())).verdict is Verdict.REVOKED


# ── how long it is kept ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("ttl_ms", "cache", "kept_s"),
    [(None, {}, 300), (60_000, {}, 60), (60_000, {"Cache_Control": "max-age=30"}, 30), (0, {}, 0),
     (60_000, {"Cache_Control": "max-age=600"}, 60), (None, {"Cache_Control": "no-store"}, 0),
     (7_200_000, {}, 3600)],
)  # fmt: skip
async def test_a_list_is_kept_as_long_as_everybody_allows_and_never_past_its_validity(
    world: Elsewhere, status: Reading, ttl_ms: int | None, cache: dict[str, str], kept_s: int
) -> None:
    put_list(world, bitstring({5: 1}, subject={"ttl": ttl_ms}), **cache)
    await status(entry())
    await status(entry(index="6"))
    assert len(world.asked) == (1 if kept_s else 2)
    if kept_s:
        status.clock.advance(seconds=kept_s - 1)
        assert (await status(entry())).checked_at == NOW
        assert len(world.asked) == 1
        status.clock.advance(seconds=1)
        await status(entry())
        assert len(world.asked) == 2


async def test_many_credentials_of_one_list_cost_one_fetch(world: Elsewhere, status: Reading) -> None:
    put_list(world, A_LIST)
    found = await asyncio.gather(*(status(entry(index=str(index))) for index in range(50)))
    assert [index for index, one in enumerate(found) if one.value] == [5]
    assert len(world.asked) == 1


async def test_a_list_that_cannot_be_had_is_asked_for_again_after_ten_seconds(
    world: Elsewhere, status: Reading
) -> None:
    for _ in range(3):
        await status.problem(entry())
    assert len(world.asked) == 1
    put_list(world, A_LIST)
    status.clock.advance(seconds=10)
    assert (await status(entry())).verdict is Verdict.REVOKED


# ── the past ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_of_a_past_moment_is_asked_for_and_must_speak_of_that_moment(
    world: Elsewhere, status: Reading
) -> None:
    then = NOW - timedelta(days=30)
    put_list(world, A_LIST)
    put_list(world, A_LIST, url=f"{LIST}?timestamp=2025-12-02T00%3A00%3A00Z")
    assert await status.problem(entry(), at=then) == "STATUS_VERIFICATION_ERROR", "today's list, whatever was asked"
    document = bitstring({}, validFrom=moment(-30 * 86_400 - 60), validUntil=moment(-30 * 86_400 + 60))
    put_list(world, document, url=f"{LIST}?timestamp=2025-12-02T00%3A00%3A00Z")
    status.clock.advance(seconds=301)
    assert (await status(entry(), at=then)).verdict is Verdict.VALID
    assert (await status(entry())).verdict is Verdict.REVOKED
    put_token(world, token({5: 1}))
    assert await status.problem({"status_list": {"idx": 5, "uri": TOKENS}}, at=then) == "STATUS_RETRIEVAL_ERROR"
    assert world.asked[-1].endswith(f"?time={int(then.timestamp())}")
    of = {"id": REVOKED, "type": "1EdTechRevocationList"}
    assert await status.problem(of, at=then) == "STATUS_RETRIEVAL_ERROR"


# ── bits ─────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.data(), st.integers(1, 16))
def test_an_entry_of_any_size_is_where_the_specification_says(data: st.DataObject, size_bits: int) -> None:
    values = data.draw(st.dictionaries(st.integers(0, 200), st.integers(0, 2**size_bits - 1), max_size=8))
    packed = entries(values, size_bits, 208)
    said = {index: most_significant_first(packed, index, size_bits) for index in range(208)}
    assert {index: value for index, value in said.items() if value} == {k: v for k, v in values.items() if v}


@pytest.mark.parametrize("file", ["tsl_section4.json", "tsl_appendix_vectors.json"])
def test_the_ietfs_own_vectors_are_read_to_their_values(shared_dir: Path, file: str) -> None:
    for vector in json.loads((shared_dir / "vectors" / file).read_text())["vectors"]:
        packed = zlib.decompress(base64url.decode(vector["json"]["lst"], "The lst"))
        expected = dict(vector["entries"]) if "entries" in vector else dict(enumerate(vector["statuses"]))
        read = RemoteList(Kind.TOKEN, ISSUER, frozenset({"token"}), packed, size_bits=vector["bits"])
        said = {index: read.value_at(Entry(Kind.TOKEN, TOKENS, "token", index)) for index in expected}
        assert said == expected
        assert len(packed) * 8 // vector["bits"] == vector.get("size", len(expected))


def test_the_w3cs_own_list_is_read(shared_dir: Path) -> None:
    for vector in json.loads((shared_dir / "vectors" / "bsl_rec_examples.json").read_text())["encodedLists"]:
        document = bitstring({}, subject={"encodedList": vector["encodedList"]})
        read = bitstring_list(document, Kind.BITSTRING, frozenset())
        said = [read.value_at(Entry(Kind.BITSTRING, LIST, "revocation", index)) for index in (0, 7, 8, 94_567, 131_071)]
        assert (said, len(read.entries) * 8) == ([0] * 5, vector["bits"])
