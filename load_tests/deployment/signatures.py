"""Is it what its issuer signed? A served list → a `Version`, or `Wrong`, by the library's own verifier."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from load_tests.deployment.version import Version, Wrong
from projections.status_lists import encoded_list
from projections.status_lists.representation import STATUSLIST_JWT
from registry.errors import Malformed, Refused, RegistryError, UnknownVerificationMethod
from registry.securing.contexts import load_contexts
from registry.securing.did import resolve_here
from registry.securing.enveloped import open_envelope
from registry.securing.proofs import verify_proofs
from registry.securing.rdf import canonicalise_here
from registry.securing.rdfc import Digest
from registry.securing.verification_method import ASSERTION, VerificationMethodFound, controller_of, method_in
from registry.strict_json import json_object
from registry.verifier.remote_lists import RemoteList, issuer_of, token_list

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""A token has index 0 in the least significant bit (IETF Token Status List, section 4.1)."""
CLOCK_SKEW = timedelta(minutes=5)

DocumentOf = Callable[[str], Awaitable[Mapping[str, Any]]]
"""did:web → its controller document, as the deployment serves it."""


class Signatures:
    """Checks embedded proofs and the signatures of tokens; nothing of a list is believed before."""

    def __init__(self, document_of: DocumentOf) -> None:
        self._document_of = document_of
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._contexts = load_contexts()
        self._issuers: dict[str, str] = {}
        """By list."""
        self._last: dict[str, tuple[bytes, Version]] = {}
        """The digest of each list's bytes that were checked last, and what they say."""
        self.checked = 0

    async def version(self, url: str, content: bytes, etag: str = "") -> Version:
        """Return the list that was asked for at *url*; raise `Wrong` unless its issuer signed it and it holds now."""
        digest = hashlib.sha256(content).digest()
        known = self._last.get(url)
        if known is not None and known[0] == digest and datetime.now(UTC) < known[1].valid_until:
            return replace(known[1], etag=etag)
        version = await self._checked(url, content, etag)
        self._last[url] = digest, version
        return version

    async def token(self, url: str, content: bytes) -> Version:
        """Return the list of which *content*, a `statuslist+jwt`, is another form; raises the same.

        The list must have been read as a credential before, which says whose it is.
        """
        try:
            envelope = open_envelope(content, STATUSLIST_JWT)
            method = await self._key_of(envelope.key_id or "", ASSERTION)
            self.checked += 1
            if not envelope.verify(method.key):
                raise Malformed("its signature does not hold.")
            listed = token_list(envelope.document, url, method.controller, frozenset({method.id}))
            return _token_version(url, listed, self._issuers[url])
        except (Malformed, UnknownVerificationMethod) as error:
            raise Wrong(f"The list {url}, as {STATUSLIST_JWT}, is not as it must be: {error.detail}") from error

    async def _checked(self, url: str, content: bytes, etag: str) -> Version:
        try:
            document = json_object(content, "The list")
            problem = await self._problem(url, document)
            if problem is not None:
                raise Wrong(f"The list {url} is not as it must be: {problem}")
            subject, self._issuers[url] = document["credentialSubject"], issuer_of(document)
            packed = await asyncio.to_thread(encoded_list.decode, subject["encodedList"])
            begins, ends = (datetime.fromisoformat(document[name]) for name in ("validFrom", "validUntil"))
            return Version(url, subject["statusPurpose"], begins, ends, packed, etag)
        except (Malformed, KeyError, TypeError, ValueError) as error:
            why = error.detail if isinstance(error, RegistryError) else f"{type(error).__name__} {error}"
            raise Wrong(f"The list {url} cannot be read: {why}") from error

    async def _problem(self, url: str, document: Mapping[str, Any]) -> str | None:
        """Return what is wrong with a list; None if nothing is."""
        now = datetime.now(UTC)
        if document.get("id") != url:
            return f"it says that it is {str(document.get('id'))[:200]}."
        if datetime.fromisoformat(document["validUntil"]) <= now:
            return f"it was valid until {document['validUntil']} only."
        if datetime.fromisoformat(document["validFrom"]) > now + CLOCK_SKEW:
            return f"it is not valid before {document['validFrom']}."
        results = await verify_proofs(
            document, canonical_of=self._canonical_of, key_of=self._key_of, purpose=ASSERTION, now=now
        )
        self.checked += 1
        for one in results:
            if one.problem is not None:
                return f"its signature does not hold. {one.problem.detail}"
        issuer = issuer_of(document)
        if not any(one.controller == issuer for one in results):
            return f"its issuer, {issuer[:200]}, did not sign it."
        return None

    async def _canonical_of(
        self, documents: Sequence[Mapping[str, Any]], digest: Digest = "sha256", /
    ) -> Sequence[str | Refused]:
        return await asyncio.to_thread(lambda: [self._canonical(one, digest) for one in documents])

    def _canonical(self, document: Mapping[str, Any], digest: Digest) -> str | Refused:
        try:
            return canonicalise_here(dict(document), self._contexts, digest)
        except Refused as refused:
            return refused

    async def _key_of(self, url: str, purpose: str) -> VerificationMethodFound:
        did = controller_of(url)
        with suppress(RegistryError):
            return method_in(await self._controller(did), url, purpose)
        self._documents.pop(did, None)  # a key that was just rotated in
        return method_in(await self._controller(did), url, purpose)

    async def _controller(self, did: str) -> Mapping[str, Any]:
        if did not in self._documents:
            here = did.startswith(("did:key:", "did:jwk:"))
            self._documents[did] = resolve_here(did) if here else await self._document_of(did)
        return self._documents[did]


def _token_version(url: str, listed: RemoteList, issuer: str) -> Version:
    """Return what a token says; raises `Malformed`."""
    now = datetime.now(UTC)
    if listed.issuer != issuer:
        raise Malformed(f"the list is {issuer[:200]}'s, but {str(listed.issuer)[:200]} signed it.")
    if listed.valid_from is None or listed.valid_from > now + CLOCK_SKEW:
        raise Malformed(f"it is not valid before {listed.valid_from}.")
    if listed.valid_until is None or listed.valid_until <= now:
        raise Malformed(f"it was valid until {listed.valid_until} only.")
    if listed.size_bits != 1:
        raise Malformed(f"an entry of a revocation list has one bit, not {listed.size_bits}.")
    bits, begins, ends = listed.entries.translate(_MIRRORED), listed.valid_from, listed.valid_until
    return Version(url, "revocation", begins, ends, bits, "", STATUSLIST_JWT)
