"""Status lists of others: fetched, their signatures checked, and kept as long as they and their senders allow."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

from registry.domain import problem
from registry.errors import (
    Malformed,
    RegistryError,
    RemoteUnavailable,
    Unavailable,
    UnknownVerificationMethod,
)
from registry.securing.enveloped import Envelope, open_data_url, open_envelope
from registry.securing.moment import date_time_stamp
from registry.securing.proofs import CanonicalOf, KeyOf, verify_proofs
from registry.securing.verification_method import VerificationMethodFound
from registry.strict_json import json_object, loads
from registry.verifier.allowance import spend
from registry.verifier.cache import Cache, Kept
from registry.verifier.fetcher import Fetched, Fetcher
from registry.verifier.remote_lists import RemoteList, bitstring_list, issuer_of, revocation_list, token_list, unusable
from registry.verifier.status_entry import Kind

Result = TypeVar("Result")

UNSAID_S: Final = 300.0
"""How long a list is kept about which neither it nor its sender said anything (Bitstring Status List: ttl)."""
LONGEST_S: Final = 86_400.0
UNUSABLE_S: Final = 10.0
"""How long a list that could not be had or proved is not asked for again."""
VERSIONS_REMEMBERED: Final = 10_000

_PURPOSE: Final = "assertionMethod"
_ENVELOPES: Final = ("application/vc+jwt", "application/vc+cose")
_ACCEPT: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BITSTRING: ("application/vc", "application/vc+ld+json"),
    Kind.LIST_2021: ("application/vc", "application/vc+ld+json"),
    Kind.TOKEN: ("application/statuslist+jwt", "application/statuslist+cwt"),
    Kind.REVOCATION_LIST: ("application/json",),
}
_ALLOWED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BITSTRING: ("application/ld+json", "application/json", *_ENVELOPES),
    Kind.LIST_2021: ("application/ld+json", "application/json", *_ENVELOPES),
    Kind.TOKEN: (),
    Kind.REVOCATION_LIST: ("application/ld+json",),
}


@dataclass(frozen=True, slots=True)
class Proving:
    """What checks signatures: the canonical forms of documents, and the key behind a verification method."""

    canonical_of: CanonicalOf
    key_of: KeyOf


@dataclass(frozen=True, slots=True)
class Read:
    """What came of asking for a list: the list, or the error that says why there is none."""

    found: RemoteList | RegistryError
    at: datetime


class ProvenLists:
    """Lists of others by (kind, URL, moment); none of now is kept past its validity, its ttl, or its Cache-Control."""

    def __init__(
        self, fetcher: Fetcher, proving: Proving, clock: Callable[[], datetime], *, max_bytes: int = 64 * 1024 * 1024
    ) -> None:
        self._fetcher = fetcher
        self._proving = proving
        self._clock = clock
        self._kept: Cache[tuple[Kind, str, datetime | None], Read] = Cache(clock, max_bytes=max_bytes, charge=spend)
        self._newest = Newest()
        self._reading = ThreadPoolExecutor(2, "reading lists")

    async def close(self) -> None:
        """End what is under way."""
        await self._kept.close()
        self._reading.shutdown(wait=False, cancel_futures=True)

    async def get(self, kind: Kind, url: str, at: datetime | None) -> Read:
        """Return the list at *url* as of now, or as of the past moment *at*, if its host keeps its history."""
        return await self._kept.get((kind, url, at), lambda: self._load(kind, url, at))

    async def _load(self, kind: Kind, url: str, at: datetime | None) -> Kept[Read]:
        now = self._clock()
        try:
            fetched = await self._fetcher.fetch(_as_of(kind, url, at), accept=_ACCEPT[kind], allowed=_ALLOWED[kind])
            found = await self._proven(kind, url, fetched, now)
            if at is None and (found.valid_from is None or found.valid_from <= now):
                self._newest.require(url, found)
        except (Malformed, UnknownVerificationMethod, RemoteUnavailable) as error:
            return Kept(Read(error, now), 0, now + timedelta(seconds=UNUSABLE_S))
        except Unavailable as error:  # we are busy, which says nothing about the list
            return Kept(Read(error, now), 0, now)
        until = fetched.fetched_at + timedelta(seconds=_fresh_s(found, fetched))
        if at is None and found.valid_until is not None:
            until = min(until, found.valid_until)
        return Kept(Read(found, fetched.fetched_at), _weight_bytes(found), until)

    async def _proven(self, kind: Kind, url: str, fetched: Fetched, now: datetime) -> RemoteList:
        """Return the list in *fetched*, its signatures checked; raise `Malformed` and others when they do not hold."""
        if kind is Kind.TOKEN:
            envelope = await self._in_thread(lambda: open_envelope(fetched.body, fetched.media_type))
            method = await self._signed(envelope, None)
            return await self._in_thread(lambda: token_list(envelope.document, url, method.controller, method.id))
        if kind is Kind.REVOCATION_LIST:
            return await self._in_thread(lambda: revocation_list(loads(fetched.body), url))
        document, methods = await self._credential(fetched, now)
        if document.get("id") not in (None, url):
            raise unusable(f"The list found there is another: {str(document.get('id'))[:200]}.")
        return await self._in_thread(lambda: bitstring_list(document, kind, methods))

    async def _credential(self, fetched: Fetched, now: datetime) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Return the status list credential in *fetched*, and the methods of its issuer that signed it."""
        if fetched.media_type in _ENVELOPES:
            return await self._unwrapped(await self._in_thread(lambda: open_envelope(fetched.body, fetched.media_type)))
        document = await self._in_thread(lambda: json_object(fetched.body, "The list"))
        if document.get("type") == "EnvelopedVerifiableCredential":
            return await self._unwrapped(await self._in_thread(lambda: open_data_url(str(document.get("id")))))
        results = await verify_proofs(
            document, canonical_of=self._proving.canonical_of, key_of=self._proving.key_of, purpose=_PURPOSE, now=now
        )
        bad = [one.problem for one in results if not one.verified]
        if not results or bad:
            why = bad[0].detail if bad and bad[0] is not None else "It has no proof."
            raise unusable(f"The list is not signed as it should be. {why}")
        issuer = issuer_of(document)
        methods = frozenset(str(one.verification_method) for one in results if one.controller == issuer)
        if not methods:
            raise unusable("The list is signed by somebody else than the issuer that it names.")
        return document, methods

    async def _unwrapped(self, envelope: Envelope) -> tuple[Mapping[str, Any], frozenset[str]]:
        issuer = issuer_of(envelope.document)
        method = await self._signed(envelope, issuer)
        if method.controller != issuer:
            raise unusable("The list is signed by somebody else than the issuer that it names.")
        return envelope.document, frozenset({method.id})

    async def _signed(self, envelope: Envelope, issuer: str | None) -> VerificationMethodFound:
        """Return the method whose signature *envelope* carries; a `kid` that is a fragment belongs to *issuer*."""
        key_id = envelope.key_id or ""
        method = await self._proving.key_of(f"{issuer}{key_id}" if key_id.startswith("#") else key_id, _PURPOSE)
        now = self._clock()
        if (method.expires and method.expires <= now) or (method.revoked and method.revoked <= now):
            raise unusable(f"The key {method.id[:200]} is no longer in use.")
        if not await self._in_thread(lambda: envelope.verify(method.key)):
            raise unusable("The signature of the list does not hold.")
        return method

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._reading, work)


class Newest:
    """Remembers how new the newest version of each list was, so that nobody can hand us an older one again."""

    def __init__(self, most: int = VERSIONS_REMEMBERED) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str | None], datetime] = OrderedDict()

    def require(self, url: str, found: RemoteList) -> None:
        """Raise `Malformed` if a newer version of *found* was seen at *url* before."""
        if found.valid_from is None:
            return
        key = (url, found.issuer)
        seen = self._seen.pop(key, found.valid_from)
        self._seen[key] = max(seen, found.valid_from)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)
        if found.valid_from < seen:
            raise unusable("The list is older than a version of it that was seen before.")


def _as_of(kind: Kind, url: str, at: datetime | None) -> str:
    """Return where *url* keeps its list of the moment *at* (Bitstring Status List, 3.2; Token Status List, 8.4)."""
    if at is None:
        return url
    joint = "&" if "?" in url else "?"
    match kind:
        case Kind.BITSTRING:
            return f"{url}{joint}timestamp={quote(date_time_stamp(at), safe='')}"
        case Kind.TOKEN:
            return f"{url}{joint}time={int(at.timestamp())}"
        case _:
            raise Malformed("Lists of this kind have no history.", problem_type=problem.STATUS_RETRIEVAL_ERROR)


def _fresh_s(found: RemoteList, fetched: Fetched) -> float:
    said = [one for one in (found.ttl_s, fetched.fresh_s) if one is not None]
    return min([*(said or [UNSAID_S]), LONGEST_S])


def _weight_bytes(found: RemoteList) -> int:
    return len(found.entries) + sum(200 + len(key) + len(reason) for key, reason in found.revoked.items())
