"""Status lists of others: fetched, their signatures checked, and kept as long as they and their senders allow."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from registry.domain import problem
from registry.errors import (
    Malformed,
    RegistryError,
    RemoteUnavailable,
    Unavailable,
    UnknownVerificationMethod,
)
from registry.securing.enveloped import CREDENTIAL_TYPES
from registry.securing.moment import date_time_stamp
from registry.strict_json import loads
from registry.verifier.allowance import spend
from registry.verifier.beside import beside
from registry.verifier.cache import Cache, Kept, bare
from registry.verifier.fetcher import Fetched, Fetcher
from registry.verifier.list_signatures import ListSignatures, Proving
from registry.verifier.remote_lists import RemoteList, bitstring_list, revocation_list, token_list, unusable
from registry.verifier.status_entry import Kind

UNSAID_S: Final = 300.0
"""How long a list is kept about which neither it nor its sender said anything (Bitstring Status List: ttl)."""
LONGEST_S: Final = 86_400.0
UNUSABLE_S: Final = 10.0
"""How long a list that could not be had or proved is not asked for again."""
VERSIONS_REMEMBERED: Final = 10_000
_OF_A_TEXT: Final = 100
"""Bytes that it takes to have a text in a set or mapping, nearly."""

_ACCEPT: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BITSTRING: ("application/vc", "application/vc+ld+json"),
    Kind.LIST_2021: ("application/vc", "application/vc+ld+json"),
    Kind.TOKEN: ("application/statuslist+jwt", "application/statuslist+cwt"),
    Kind.REVOCATION_LIST: ("application/json",),
}
_ALLOWED: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.BITSTRING: ("application/ld+json", "application/json", *CREDENTIAL_TYPES),
    Kind.LIST_2021: ("application/ld+json", "application/json", *CREDENTIAL_TYPES),
    Kind.TOKEN: (),
    Kind.REVOCATION_LIST: ("application/ld+json",),
}


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
        self._clock = clock
        self._kept: Cache[tuple[Kind, str, datetime | None], Read] = Cache(clock, max_bytes=max_bytes, charge=spend)
        self._newest = Newest()
        self._threads = ThreadPoolExecutor(2, "reading lists")
        self._signatures = ListSignatures(proving, self._threads)

    async def close(self) -> None:
        """End what is under way."""
        await self._kept.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

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
            return Kept(Read(bare(error), now), 0, now + timedelta(seconds=UNUSABLE_S))
        except Unavailable as error:  # we are busy, which says nothing about the list
            return Kept(Read(bare(error), now), 0, now)
        until = fetched.fetched_at + timedelta(seconds=_fresh_s(found, fetched))
        if at is None and found.valid_until is not None:
            until = min(until, found.valid_until)
        return Kept(Read(found, fetched.fetched_at), _weight_bytes(found), until)

    async def _proven(self, kind: Kind, url: str, fetched: Fetched, now: datetime) -> RemoteList:
        """Return the list in *fetched*, its signatures checked; raise `Malformed` and others when they do not hold."""
        if kind is Kind.REVOCATION_LIST:
            return await beside(self._threads, lambda: revocation_list(loads(fetched.body, "The list"), url))
        if kind is Kind.TOKEN:
            token = await self._signatures.token(fetched.body, fetched.media_type, now)
            return await beside(self._threads, lambda: token_list(token.document, url, token.issuer, token.methods))
        signed = await self._signatures.credential(fetched.body, fetched.media_type, now)
        if (named := signed.document.get("id")) not in (None, url):
            raise unusable(f"The list found there is another: {str(named)[:200]}.")
        found = await beside(self._threads, lambda: bitstring_list(signed.document, kind, signed.methods))
        ends = [end for end in (found.valid_until, signed.until) if end is not None]
        return replace(found, valid_until=min(ends, default=None))


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
    texts = [*found.purposes, *found.methods, *found.revoked, *found.revoked.values()]
    return len(found.entries) + sum(_OF_A_TEXT + sys.getsizeof(text) for text in texts)
