"""Status lists and controller documents as others publish them."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.domain.mechanisms import Mechanism
from registry.securing.contexts import load_contexts
from registry.securing.did import Method, controller_document, did_key, web_method
from registry.securing.rdf import canonicalise_here
from registry.securing.secure import secure
from registry.securing.status_token import StatusToken, cwt, jwt
from tests.securing.signers import SIGNERS, AnySigner, key_of
from tests.verifier.elsewhere import Elsewhere

V1, V2 = "https://www.w3.org/2018/credentials/v1", "https://www.w3.org/ns/credentials/v2"
LIST_2021_V1 = "https://w3id.org/vc/status-list/2021/v1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIST = "https://lists.example/status/3"
TOKENS = "https://lists.example/tokens/7"
REVOKED = "https://lists.example/revocations"
ENTRIES = 131_072

SIGNER, OTHER = SIGNERS["Ed25519"], SIGNERS["P-256"]
ISSUER = did_key(key_of(SIGNER))
METHOD = f"{ISSUER}#{ISSUER.removeprefix('did:key:')}"
STRANGER = did_key(key_of(OTHER))


def moment(seconds: float = 0) -> str:
    """NOW and so many seconds, as an XSD dateTimeStamp."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def entry(purpose: str = "revocation", index: str = "5", url: str = LIST, **more: Any) -> dict[str, Any]:
    """A BitstringStatusListEntry."""
    return {
        "id": f"{url}#{index}", "type": "BitstringStatusListEntry", "statusPurpose": purpose,
        "statusListIndex": index, "statusListCredential": url, **more,
    }  # fmt: skip


def encoded(bits: bytes) -> str:
    """An `encodedList` of *bits*."""
    return "u" + base64.urlsafe_b64encode(gzip.compress(bits, mtime=0)).rstrip(b"=").decode()


def entries(values: Mapping[int, int], size_bits: int = 1, count: int = ENTRIES) -> bytes:
    """A list as Bitstring Status List has it, written bit by bit, as the specification's text says it."""
    bits = ["0"] * (count * size_bits)
    for index, value in values.items():
        bits[index * size_bits : (index + 1) * size_bits] = f"{value:0{size_bits}b}"
    return int("".join(bits), 2).to_bytes(len(bits) // 8)


def bitstring(values: Mapping[int, int] | None = None, *, size_bits: int = 1, **changes: Any) -> dict[str, Any]:
    """A BitstringStatusListCredential; a change of `subject` goes into its credentialSubject, None leaves out."""
    subject = {
        "id": f"{LIST}#list", "type": "BitstringStatusList", "statusPurpose": "revocation",
        "encodedList": encoded(entries(values or {}, size_bits)), **changes.pop("subject", {}),
    }  # fmt: skip
    document = {
        "@context": [V2], "id": LIST, "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": ISSUER, "validFrom": moment(-300), "validUntil": moment(3600),
        "credentialSubject": {name: value for name, value in subject.items() if value is not None}, **changes,
    }  # fmt: skip
    return {name: value for name, value in document.items() if value is not None}


def signed(
    document: dict[str, Any],
    mechanism: Mechanism = Mechanism.EDDSA_JCS_2022,
    *,
    signer: AnySigner = SIGNER,
    method: str = METHOD,
    created: datetime = NOW,
) -> tuple[bytes, str]:
    """*document*, secured; content and media type."""
    canonical = canonicalise_here(document, load_contexts()) if mechanism.endswith("rdfc-2022") else None
    secured = secure(
        document, mechanism, signer=signer, verification_method=method, created=created, canonical=canonical
    )
    return secured.content, secured.media_type


def put_list(world: Elsewhere, document: dict[str, Any], *, url: str = LIST, **how: Any) -> None:
    """Publish *document*, signed, at *url*; headers in capitals."""
    headers = {name: how.pop(name) for name in list(how) if name[0].isupper()}
    world.put(url, *signed(document, **how), **headers)


def token(values: Mapping[int, int] | None = None, *, bits: int = 2, count: int = 64, **changes: Any) -> StatusToken:
    """A status list token; index 0 is the least significant bits of byte 0."""
    whole = sum(value << index * bits for index, value in (values or {}).items())
    compressed = zlib.compress(whole.to_bytes(count * bits // 8, "little"), 9)
    now = int(NOW.timestamp())
    claims = {"sub": TOKENS, "iat": now - 60, "exp": now + 3600, "ttl": 60, "lst": compressed, **changes}
    return StatusToken(bits=bits, **claims)


def put_token(
    world: Elsewhere, made: StatusToken, form: str = "jwt", *, signer: AnySigner = SIGNER, method: str = METHOD
) -> None:
    """Publish a status list token."""
    content = (jwt if form == "jwt" else cwt)(made, signer=signer, key_id=method)
    world.put(TOKENS, content, f"application/statuslist+{form}")


def put_did_web(world: Elsewhere, did: str = "did:web:issuer.example", signer: AnySigner = SIGNER, **more: Any) -> str:
    """Publish the controller document of *did*; return the id of its method."""
    method = web_method(did, key_of(signer))
    host, *path = did.removeprefix("did:web:").split(":")
    url = f"https://{host}/{'/'.join(path) or '.well-known'}/did.json"
    world.put(url, {**controller_document(did, [Method(method.id, method.public_key)]), **more}, "application/did+json")
    return method.id
