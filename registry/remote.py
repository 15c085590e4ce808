"""What reaches out of the house: the fetcher, and those who ask through it. Put together here, for `registry.app`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from projections.issuer_directory.view import MethodRow
from registry.domain.keys import KeyState
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable, Malformed, UnknownIssuer
from registry.http.metrics import Metrics
from registry.http.parts import Views
from registry.log.connection import LOST
from registry.securing import did as dids
from registry.securing.proofs import CanonicalOf
from registry.securing.public_key import PublicKey
from registry.securing.verification_method import full_url
from registry.settings import Settings
from registry.verifier.cache import Cache, Kept
from registry.verifier.fetcher import Fetcher, FetchLimits, Trust
from registry.verifier.list_signatures import Proving
from registry.verifier.proven_lists import ProvenLists
from registry.verifier.resolver import CutOffOf, Own, Resolver
from registry.verifier.status import ForeignLists

OWN_KEPT_S: Final = 1.0
_OWN_BYTES: Final = 4 * 1024 * 1024
_DOCUMENT_WEIGHT: Final = 4096


@dataclass(frozen=True, slots=True)
class Remote:
    """What others of this process may ask of elsewhere."""

    resolver: Resolver
    foreign: ForeignLists


async def open_remote(
    stack: AsyncExitStack,
    settings: Settings,
    metrics: Metrics,
    *,
    own: Own,
    cut_off_of: CutOffOf,
    canonical_of: CanonicalOf,
    clock: Callable[[], datetime],
    trust: Trust | None = None,
) -> Remote:
    """Open the fetcher and those who use it; *stack* closes them. *trust* is another than the internet's in tests."""
    fetcher, resolver = await open_resolver(
        stack, settings, own=own, cut_off_of=cut_off_of, clock=clock, observe=metrics.fetched, trust=trust
    )
    lists = ProvenLists(fetcher, Proving(canonical_of, resolver.key_of), clock, max_bytes=settings.remote_memory_bytes)
    stack.push_async_callback(lists.close)
    return Remote(resolver, ForeignLists(lists, resolver.resolve))


async def open_resolver(
    stack: AsyncExitStack,
    settings: Settings,
    *,
    own: Own,
    cut_off_of: CutOffOf,
    clock: Callable[[], datetime],
    observe: Callable[[str, float], None] = lambda _outcome, _seconds: None,
    trust: Trust | None = None,
) -> tuple[Fetcher, Resolver]:
    """Open what fetches, and what resolves DIDs through it; *stack* closes both."""
    parts = [urlsplit(origin) for origin in settings.origins.values()]
    ours = frozenset(f"{one.hostname}:{one.port or 443}" for one in parts if one.scheme == "https")
    fetcher = Fetcher(
        clock,
        trust=replace(trust or Trust(), named=settings.private_hosts, refused=ours),
        limits=FetchLimits(time_s=settings.fetch_timeout_s, at_once=settings.fetch_at_once),
        observe=observe,
        enabled=settings.fetch,
    )
    await fetcher.start()
    stack.push_async_callback(fetcher.close)
    resolver = Resolver(fetcher, own, clock, cut_off_of=cut_off_of)
    stack.push_async_callback(resolver.close)
    return fetcher, resolver


def own_documents(
    views: Views, origins: Mapping[LogName, str], clock: Callable[[], datetime]
) -> Callable[[str], Awaitable[Mapping[str, Any] | None]]:
    """Return what finds the controller document of a did:web of ours, without asking ourselves over HTTP.

    It is read from the directory, at most once a second and DID; None for the DIDs of others. Unlike the document that
    is published it lists compromised keys, too: `own_cut_offs` tells what their signatures count for.
    """
    hosts = {urlsplit(origin).netloc.lower() for origin in origins.values()}
    kept: Cache[str, Mapping[str, Any] | None] = Cache(clock, max_bytes=_OWN_BYTES)

    async def load(did: str) -> Kept[Mapping[str, Any] | None]:
        document = None
        try:
            for log in origins:
                with suppress(UnknownIssuer):
                    entry = await views.by_did(log, did)
                    document = _document(did, await views.methods(log, entry.slug))
        except LOST as error:
            raise DatabaseUnavailable("The database does not answer.") from error
        return Kept(document, _DOCUMENT_WEIGHT, clock() + timedelta(seconds=OWN_KEPT_S))

    async def own(did: str) -> Mapping[str, Any] | None:
        if not did.startswith("did:web:"):
            return None
        with suppress(Malformed):
            if urlsplit(dids.did_web_url(did)).netloc in hosts:
                return await kept.get(did, lambda: load(did))
        return None

    return own


def own_cut_offs(views: Views, origins: Mapping[LogName, str], clock: Callable[[], datetime]) -> CutOffOf:
    """Return what tells from when on nothing counts that a method of one of our issuers signed; None: all of it does.

    It is read from the directory, at most once a second and method, wherever the method's document lies and however
    a proof may name it.
    """
    kept: Cache[str, datetime | None] = Cache(clock, max_bytes=_OWN_BYTES)

    async def load(method_id: str) -> Kept[datetime | None]:
        try:
            rows = [row for log in origins if (row := await views.method(log, method_id)) is not None]
        except LOST as error:
            raise DatabaseUnavailable("The database does not answer.") from error
        cut_offs = [row.until for row in rows if row.state is KeyState.COMPROMISED and row.until is not None]
        return Kept(min(cut_offs, default=None), 0, clock() + timedelta(seconds=OWN_KEPT_S))

    async def cut_off_of(url: str) -> datetime | None:
        method_id = full_url(url)
        return await kept.get(method_id, lambda: load(method_id))

    return cut_off_of


def _document(did: str, rows: Sequence[MethodRow]) -> dict[str, Any]:
    return dids.controller_document(
        did,
        [
            dids.Method(row.method_id, PublicKey.from_multikey(row.public_key_multibase))
            for row in rows
            if row.method_id.startswith(f"{did}#")
        ],
    )
