"""Whose list is it? Embedded proofs and envelopes of the status lists of others.

Sources: VC Data Integrity 1.0, section 4; Securing Verifiable Credentials using JOSE and COSE 1.0, section 3; IETF
Token Status List, section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from registry.errors import Malformed
from registry.securing.enveloped import CREDENTIAL_TYPES, Envelope, open_data_url, open_envelope
from registry.securing.moment import parse_date_time_stamp, parse_numeric_date
from registry.securing.proofs import CanonicalOf, KeyOf, ProofResult, verify_proofs
from registry.securing.verification_method import ASSERTION, VerificationMethodFound
from registry.strict_json import json_object
from registry.verifier.beside import beside
from registry.verifier.remote_lists import issuer_of, unusable

SKEW: Final = timedelta(seconds=60)
"""By how much the clock that made an envelope may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Proving:
    """What checks signatures: the canonical forms of documents, and the key behind a verification method."""

    canonical_of: CanonicalOf
    key_of: KeyOf


@dataclass(frozen=True, slots=True)
class Signed:
    """A document whose signatures hold, and are its issuer's."""

    document: Mapping[str, Any]
    issuer: str
    methods: frozenset[str]
    """The issuer's verification methods that signed it."""
    until: datetime | None = None
    """When the first of the signatures ends; None: none says when."""


class ListSignatures:
    """Opens lists and checks their signatures; large ones in *threads*, so that others are answered meanwhile."""

    def __init__(self, proving: Proving, threads: ThreadPoolExecutor) -> None:
        self._proving = proving
        self._threads = threads

    async def credential(self, content: bytes, media_type: str, now: datetime) -> Signed:
        """Return the status list credential *content*; raise `Malformed` unless its issuer signed it.

        Every proof must hold, whoever else's they are (Bitstring Status List, section 3.2). Raises
        `UnknownVerificationMethod` for a key that cannot be had, and `Unavailable`.
        """
        if media_type in CREDENTIAL_TYPES:
            return await self._unwrapped(await beside(self._threads, lambda: open_envelope(content, media_type)), now)
        document = await beside(self._threads, lambda: json_object(content, "The list"))
        if document.get("type") == "EnvelopedVerifiableCredential":
            envelope = await beside(self._threads, lambda: open_data_url(str(document.get("id"))))
            return await self._unwrapped(envelope, now)
        results = await verify_proofs(
            document, canonical_of=self._proving.canonical_of, key_of=self._proving.key_of, purpose=ASSERTION, now=now
        )
        return _signed(document, results)

    async def token(self, content: bytes, media_type: str, now: datetime) -> Signed:
        """Return the claims of the status list token *content*, whose issuer is who signed it; raises the same."""
        envelope = await beside(self._threads, lambda: open_envelope(content, media_type))
        method = await self._method(envelope, envelope.key_id or "", now)
        return Signed(envelope.document, method.controller, frozenset({method.id}))

    async def _unwrapped(self, envelope: Envelope, now: datetime) -> Signed:
        issuer = issuer_of(envelope.document)
        key_id = envelope.key_id or ""
        method = await self._method(envelope, f"{issuer}{key_id}" if key_id.startswith("#") else key_id, now)
        if issuer != method.controller or envelope.document.get("iss", issuer) != issuer:
            raise _others_signature()
        begins, ends = _claimed(envelope.document, "nbf"), _claimed(envelope.document, "exp")
        if (begins is not None and begins > now + SKEW) or (ends is not None and ends <= now):
            raise unusable("The envelope of the list is not valid now, by its claims nbf and exp.")
        return Signed(envelope.document, issuer, frozenset({method.id}), ends)

    async def _method(self, envelope: Envelope, url: str, now: datetime) -> VerificationMethodFound:
        """Return the method *url*, whose signature *envelope* must carry."""
        method = await self._proving.key_of(url, ASSERTION)
        if any(end is not None and end <= now for end in (method.expires, method.revoked)):
            raise unusable(f"The key {method.id[:200]} is no longer in use.")
        if not await beside(self._threads, lambda: envelope.verify(method.key)):
            raise unusable("The signature of the list does not hold.")
        return method


def _signed(document: Mapping[str, Any], results: Sequence[ProofResult]) -> Signed:
    bad = [one.problem for one in results if not one.verified]
    if not results or bad:
        why = bad[0].detail if bad and bad[0] is not None else "It has no proof."
        raise unusable(f"The list is not signed as it should be. {why}")
    issuer = issuer_of(document)
    methods = frozenset(str(one.verification_method) for one in results if one.controller == issuer)
    if not methods:
        raise _others_signature()
    ends = [parse_date_time_stamp(one.proof["expires"]) for one in results if "expires" in one.proof]
    return Signed(document, issuer, methods, min(ends, default=None))


def _others_signature() -> Malformed:
    return unusable("The list is signed by somebody else than the issuer that it names.")


def _claimed(document: Mapping[str, Any], claim: str) -> datetime | None:
    return None if document.get(claim) is None else parse_numeric_date(document[claim])
