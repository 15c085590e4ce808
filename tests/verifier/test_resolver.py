"""From the name of a verification method to its key, wherever it is kept."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from registry.errors import RemoteUnavailable, UnknownVerificationMethod
from registry.securing.did import Method, controller_document
from registry.verifier.fetcher import Fetcher
from registry.verifier.resolver import MAX_DOCUMENT_BYTES, Resolver
from tests.clock import FakeClock
from tests.securing.signers import SIGNERS, key_of
from tests.verifier.elsewhere import Elsewhere
from tests.verifier.foreign import ISSUER, METHOD, SIGNER, put_did_web

OURS = "did:web:registry.example:issuers:acme"
PURPOSE = "assertionMethod"


@pytest.fixture
async def resolver(fetcher: Fetcher, clock: FakeClock) -> AsyncIterator[Resolver]:
    async def own(did: str) -> dict[str, Any] | None:
        return controller_document(OURS, [Method(f"{OURS}#1", key_of(SIGNER))]) if did == OURS else None

    one = Resolver(fetcher, own, clock)
    yield one
    await one.close()


def did_jwk(signer: Any) -> str:
    return "did:jwk:" + base64.urlsafe_b64encode(json.dumps(key_of(signer).jwk()).encode()).rstrip(b"=").decode()


async def test_keys_that_are_their_own_names_and_our_own_are_found_without_asking_anybody(
    world: Elsewhere, resolver: Resolver
) -> None:
    for url in (METHOD, f"{did_jwk(SIGNER)}#0", f"{OURS}#1"):
        found = await resolver.key_of(url, PURPOSE)
        assert (url, key_of(SIGNER)) == (found.id, found.key)
    assert world.connections == 0


@pytest.mark.parametrize("did", ["did:web:issuer.example", "did:web:issuer.example:schools:7"])
@pytest.mark.parametrize("algorithm", SIGNERS)
async def test_a_did_web_is_asked_for_at_its_host(
    world: Elsewhere, resolver: Resolver, did: str, algorithm: str
) -> None:
    signer = SIGNERS[algorithm]
    method = put_did_web(world, did, signer)
    found = await resolver.key_of(method, PURPOSE)
    assert (method, did, key_of(signer)) == (found.id, found.controller, found.key)


async def test_a_controller_may_be_named_by_an_https_url(world: Elsewhere, resolver: Resolver) -> None:
    """As 1EdTech's examples do: https://example.edu/issuers/565049#z6Mk… (Controlled Identifiers, 2.1.1)."""
    controller = "https://issuer.example/issuers/565049"
    document = controller_document(controller, [Method(f"{controller}#key-1", key_of(SIGNER))])
    world.put(controller, document, "application/ld+json")
    assert (await resolver.key_of(f"{controller}#key-1", PURPOSE)).key == key_of(SIGNER)


async def test_a_document_is_kept_for_minutes_and_no_longer(
    world: Elsewhere, resolver: Resolver, clock: FakeClock
) -> None:
    method = put_did_web(world)
    for seconds, asked in ((0, 1), (299, 1), (1, 2)):
        clock.advance(seconds=seconds)
        await resolver.key_of(method, PURPOSE)
        assert len(world.asked) == asked
    await resolver.resolve("did:web:issuer.example", fresh=True)
    assert len(world.asked) == 3


async def test_a_key_that_was_just_rotated_in_is_asked_for_anew_but_not_by_everybody(
    world: Elsewhere, resolver: Resolver, clock: FakeClock
) -> None:
    did = "did:web:issuer.example"
    put_did_web(world, did)
    await resolver.resolve(did)
    method = put_did_web(world, did, SIGNERS["P-256"])
    for seconds, asked in ((0, 1), (9, 1), (1, 2)):
        clock.advance(seconds=seconds)
        if asked == 1:
            with pytest.raises(UnknownVerificationMethod):
                await resolver.key_of(method, PURPOSE)
        else:
            assert (await resolver.key_of(method, PURPOSE)).key == key_of(SIGNERS["P-256"])
        assert len(world.asked) == asked
    for _ in range(3):
        with pytest.raises(UnknownVerificationMethod):
            await resolver.key_of(f"{did}#nobody", PURPOSE)
    assert len(world.asked) == 2


async def test_a_document_is_never_kept_longer_than_ten_minutes(
    world: Elsewhere, resolver: Resolver, clock: FakeClock
) -> None:
    document = controller_document("did:web:issuer.example", [])
    world.put("https://issuer.example/.well-known/did.json", document, Cache_Control="max-age=31536000")
    for seconds in (0, 601):
        clock.advance(seconds=seconds)
        await resolver.resolve("did:web:issuer.example")
    assert len(world.asked) == 2


DOCUMENT = "https://issuer.example/.well-known/did.json"
KEY = "did:web:issuer.example#key-1"
ENTRY = {"id": KEY, "type": "Multikey", "controller": "did:web:issuer.example",
         "publicKeyMultibase": key_of(SIGNER).multikey()}  # fmt: skip
GOOD = {"id": "did:web:issuer.example", "verificationMethod": [ENTRY], "assertionMethod": [KEY]}


async def test_that_document_is_good(world: Elsewhere, resolver: Resolver) -> None:
    world.put(DOCUMENT, GOOD)
    assert (await resolver.key_of(KEY, PURPOSE)).key == key_of(SIGNER)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({**GOOD, "id": "did:web:other.example"}, "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT_ID"),
        ({**GOOD, "id": ["did:web:issuer.example"]}, "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT_ID"),
        ({name: value for name, value in GOOD.items() if name != "id"}, "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT_ID"),
        ({**GOOD, "verificationMethod": []}, "INVALID_VERIFICATION_METHOD"),
        ({**GOOD, "verificationMethod": [ENTRY, ENTRY]}, "INVALID_VERIFICATION_METHOD"),
        ({**GOOD, "verificationMethod": [{**ENTRY, "controller": ISSUER}]}, "INVALID_VERIFICATION_METHOD"),
        ({**GOOD, "verificationMethod": [{**ENTRY, "publicKeyMultibase": "z6Mk"}]}, "INVALID_VERIFICATION_METHOD"),
        ({**GOOD, "verificationMethod": [{**ENTRY, "type": "X25519Key"}]}, "INVALID_VERIFICATION_METHOD"),
        ({**GOOD, "assertionMethod": [], "authentication": [KEY]}, "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD"),
        ({**GOOD, "assertionMethod": ["did:web:other.example#key-1"]}, "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD"),
        ([GOOD], "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT"),
        (b"not JSON", "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT"),
        (b'{"id": "did:web:issuer.example", "id": "did:web:issuer.example"}', "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT"),
        (b"[" * 100_000, "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT"),
        (b'{"a":"' + b"x" * MAX_DOCUMENT_BYTES + b'"}', "INVALID_CONTROLLED_IDENTIFIER_DOCUMENT"),
    ],
    ids=lambda one: str(one)[:60],
)  # fmt: skip
async def test_a_document_that_is_not_as_it_must_be_gives_no_key(
    world: Elsewhere, resolver: Resolver, document: Any, error: str
) -> None:
    world.put(DOCUMENT, document)
    with pytest.raises(UnknownVerificationMethod) as refused:
        await resolver.key_of(KEY, PURPOSE)
    assert refused.value.problem_type == f"https://w3id.org/security#{error}"


@pytest.mark.parametrize(
    "url",
    [
        "did:web:localhost#1", "did:web:127.0.0.1#1", "did:web:issuer.example%3A22#1", "did:web:issuer.example%2F..#1",
        "did:web:user%40issuer.example#1", "did:web:issuer.example:..:..#1", "did:web:169.254.169.254#1",
        "did:web:[::1]#1", "did:web:#1", "did:web:metadata.google.internal#1", "did:example:1#1", "did:ion:x#1",
        "https://localhost/x#1", "https://127.0.0.1/#1", "https://user@issuer.example/#1", "http://issuer.example/#1",
        "file:///etc/passwd#1", "did:web:issuer.example", "#1", "", "did:key:z6Mk#z6Mk", "did:jwk:e30#0",
    ],
)  # fmt: skip
async def test_a_name_that_leads_nowhere_or_where_nobody_should_go(
    world: Elsewhere, resolver: Resolver, url: str
) -> None:
    with pytest.raises(UnknownVerificationMethod):
        await resolver.key_of(url, PURPOSE)
    assert world.connections == 0


async def test_a_host_that_cannot_be_had_is_told_apart_from_a_document_that_is_wrong(
    world: Elsewhere, resolver: Resolver
) -> None:
    with pytest.raises(RemoteUnavailable):
        await resolver.resolve("did:web:issuer.example")
    with pytest.raises(UnknownVerificationMethod, match="cannot be had"):
        await resolver.key_of("did:web:issuer.example#1", PURPOSE)


async def test_a_compromise_that_we_know_of_is_a_revocation_wherever_the_document_lies(
    world: Elsewhere, fetcher: Fetcher, clock: FakeClock
) -> None:
    cut_off = clock.now - timedelta(days=1)
    known = {METHOD, f"{OURS}#1", put_did_web(world, ISSUER, SIGNER)}

    async def own(did: str) -> dict[str, Any] | None:
        return controller_document(OURS, [Method(f"{OURS}#1", key_of(SIGNER))]) if did == OURS else None

    async def cut_off_of(url: str) -> datetime | None:
        return cut_off if url in known else None

    resolver = Resolver(fetcher, own, clock, cut_off_of=cut_off_of)
    try:
        for url in known:
            assert (await resolver.key_of(url, PURPOSE)).revoked == cut_off
        assert (await resolver.key_of(f"{did_jwk(SIGNER)}#0", PURPOSE)).revoked is None
    finally:
        await resolver.close()
