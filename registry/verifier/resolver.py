"""From the name of a verification method to its key: did:key and did:jwk here, ours from memory, others fetched.

Sources: Controlled Identifiers 1.0, section 3.3 (retrieve verification method); did:web Method Specification.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from registry.errors import Malformed, RemoteUnavailable, UnknownVerificationMethod
from registry.securing.did import did_web_url, resolve_here
from registry.securing.problem import INVALID_DOCUMENT, INVALID_DOCUMENT_ID
from registry.securing.verification_method import (
    ASSERTION,
    VerificationMethodFound,
    controller_of,
    method_here,
    method_in,
    unknown,
)
from registry.strict_json import json_object
from registry.verifier.allowance import spend
from registry.verifier.cache import Cache, Kept
from registry.verifier.fetcher import Fetcher

MAX_DOCUMENT_BYTES: Final = 64 * 1024
"""Some hundred keys; parsing the worst of it takes 20 ms."""
UNSAID_S: Final = 300.0
"""How long a document is kept whose sender said nothing."""
LONGEST_S: Final = 600.0
"""A key that was compromised is believed no longer than this after its document was corrected."""

ASKED_AGAIN: Final = timedelta(seconds=10)
"""After which a document that lacks a key is asked for anew: a key that was just rotated in is in use at once."""

_ACCEPT: Final = ("application/did", "application/cid", "application/did+ld+json", "application/did+json")
_ALLOWED: Final = ("application/ld+json", "application/json")
_OBJECTS_PER_BYTE: Final = 8
_KEYS: Final = ("did:key:", "did:jwk:")
"""DIDs that are their keys."""
"""What a parsed document weighs, against its text."""

Own = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""DID → our own controller document of it; None: not ours."""
CutOffOf = Callable[[str], Awaitable[datetime | None]]
"""Verification method → from when on nothing that it signed counts, as far as we know ourselves; None: all does."""


@dataclass(frozen=True, slots=True)
class _Document:
    """A controller document, and when it was fetched; None: it was not, and is as new as it can be."""

    content: Mapping[str, Any]
    at: datetime | None = None


async def _no_cut_off(_url: str) -> None:
    """Know of no compromise."""


class Resolver:
    """Finds controller documents and the methods in them; foreign ones are kept for some minutes."""

    def __init__(
        self,
        fetcher: Fetcher,
        own: Own,
        clock: Callable[[], datetime],
        *,
        cut_off_of: CutOffOf = _no_cut_off,
        max_bytes: int = 16 * 1024 * 1024,
    ) -> None:
        self._fetcher = fetcher
        self._own = own
        self._cut_off_of = cut_off_of
        self._clock = clock
        self._documents: Cache[str, _Document] = Cache(clock, max_bytes=max_bytes, charge=spend)

    async def close(self) -> None:
        """End what is being fetched."""
        await self._documents.close()

    async def key_of(self, url: str, purpose: str) -> VerificationMethodFound:
        """Return the verification method *url*, if its controller lists it under *purpose* (`assertionMethod`, …).

        Raises `UnknownVerificationMethod` when it cannot be had, for whatever reason. Whether it expired or was
        revoked is for the caller to judge, who knows for which moment; a compromise that we know of is a revocation.
        """
        method = await self._method(url, purpose)
        if (cut_off := await self._cut_off_of(url)) is None:
            return method
        return replace(method, revoked=min(cut_off, method.revoked or cut_off))

    async def _method(self, url: str, purpose: str) -> VerificationMethodFound:
        controller = controller_of(url)
        if controller.startswith(_KEYS):
            try:
                return method_here(url, purpose)
            except Malformed as error:
                raise _cannot_be_had(controller, error) from error
        found = await self._for_key(controller)
        try:
            return method_in(found.content, url, purpose)
        except UnknownVerificationMethod:
            if found.at is None or self._clock() - found.at < ASKED_AGAIN:
                raise
            return method_in((await self._for_key(controller, fresh=True)).content, url, purpose)

    async def resolve(self, controller: str, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return the controller document of *controller*: a DID, or an https URL without fragment.

        *fresh* asks its host although an answer is kept. Its id equals *controller*. Raises `RemoteRefused`,
        `RemoteUnavailable`, `Malformed`, or `UnknownVerificationMethod` for a DID method that is not understood and a
        document that is another's.
        """
        return (await self._found(controller, fresh=fresh)).content

    async def _for_key(self, controller: str, *, fresh: bool = False) -> _Document:
        try:
            return await self._found(controller, fresh=fresh)
        except (Malformed, RemoteUnavailable) as error:
            raise _cannot_be_had(controller, error) from error

    async def _found(self, controller: str, *, fresh: bool) -> _Document:
        if controller.startswith(_KEYS):
            return _Document(resolve_here(controller))
        if (own := await self._own(controller)) is not None:
            return _Document(own)
        if controller.startswith("did:web:"):
            url = did_web_url(controller)
        elif controller.startswith("https://"):
            url = controller
        else:
            raise unknown(INVALID_DOCUMENT(f"{controller[:100]!r} is of no method that is resolved here."))
        document = await self._documents.get(url, lambda: self._fetched(url), fresh=fresh)
        if (named := document.content.get("id")) != controller:
            raise unknown(INVALID_DOCUMENT_ID(f"The document at {url[:200]} is about {str(named)[:200]}."))
        return document

    async def _fetched(self, url: str) -> Kept[_Document]:
        fetched = await self._fetcher.fetch(url, accept=_ACCEPT, allowed=_ALLOWED)
        if len(fetched.body) > MAX_DOCUMENT_BYTES:
            raise RemoteUnavailable(f"The document at {url[:200]} is longer than {MAX_DOCUMENT_BYTES} bytes.")
        document = json_object(fetched.body, "The controller document")
        fresh_s = min(UNSAID_S if fetched.fresh_s is None else fetched.fresh_s, LONGEST_S)
        weight = len(fetched.body) * _OBJECTS_PER_BYTE
        until = fetched.fetched_at + timedelta(seconds=fresh_s)
        return Kept(_Document(document, fetched.fetched_at), weight, until)


def vouches(document: Mapping[str, Any], methods: frozenset[str]) -> bool:
    """Return whether the controller *document* lists one of the *methods* under assertionMethod.

    So its controller lets somebody else's key speak for it; that somebody says so himself would prove nothing.
    """
    listed = document.get(ASSERTION, [])
    references = listed if isinstance(listed, list) else [listed]
    ids = (one.get("id") if isinstance(one, Mapping) else one for one in references)
    return any(isinstance(one, str) and one in methods for one in ids)


def _cannot_be_had(controller: str, error: Exception) -> UnknownVerificationMethod:
    return unknown(INVALID_DOCUMENT(f"The document of {controller[:200]} cannot be had. {error}"))
