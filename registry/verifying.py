"""Composes the verifier: what it asks of other rooms, as callables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import orjson

from projections.credential_status.view import CredentialRow
from projections.status_lists.history import History
from projections.status_lists.published_list import PublishedList
from projections.status_lists.representation import EMBEDDED
from projections.status_lists.view import PublishedLists
from registry.domain.names import LogName
from registry.errors import DatabaseUnavailable, UnknownIssuer, UnknownStatusList
from registry.http.gathering import Found, Gathering
from registry.http.metrics import Metrics
from registry.http.parts import Views
from registry.log.connection import LOST
from registry.remote import Remote
from registry.securing import base64url
from registry.securing.contexts import Contexts
from registry.securing.proofs import CanonicalOf
from registry.settings import Settings
from registry.verifier.resolver import CutOffOf
from registry.verifier.sources import CredentialStanding, IssuerStanding, OwnEntry, Sources
from registry.verifier.verification import Verification
from registry.verifier.verifier import Verifier, VerifierLimits

SECOND_LOOK_S: Final = 0.3
"""Until a credential counts as not registered after all; projections usually take a tenth of that."""


def verifier(
    settings: Settings,
    metrics: Metrics,
    *,
    canonical_of: CanonicalOf,
    contexts: Contexts,
    remote: Remote,
    cut_off_of: CutOffOf,
    lists: PublishedLists,
    history: History | None,
    views: Views,
    recorded_until: Callable[[LogName], datetime],
    clock: Callable[[], datetime],
) -> Verifier:
    """Return the verifier of a process that serves the logs of *settings*."""
    sources = Sources(
        canonical_of=canonical_of,
        key_of=remote.resolver.key_of,
        cut_off_of=cut_off_of,
        context_of=contexts.documents.get,
        entry_of=own_entries(lists, history, settings.origins),
        foreign_status=remote.foreign.status_of_entry,
        issuer_of=own_issuers(views),
        standing_of=own_credentials(views),
        recorded_until=recorded_until,
        clock=clock,
    )
    limits = VerifierLimits(time_s=settings.verify_timeout_s, at_once=settings.verify_at_once)
    seconds = metrics.verification_seconds

    def count(found: Verification) -> None:
        metrics.verifications.labels(str(found.verdict) if found.verified else "refused").inc()

    return Verifier(sources, limits, observe=lambda step, took_s: seconds.labels(step).observe(took_s), count=count)


def own_entries(
    lists: PublishedLists, history: History | None, origins: Mapping[LogName, str]
) -> Callable[[str, int, datetime | None], Awaitable[OwnEntry | None]]:
    """Return what reads an entry of a list that is published here, whichever of our logs it is of."""

    async def entry_of(url: str, index: int, at: datetime | None) -> OwnEntry | None:
        log = next((log for log, origin in origins.items() if url.startswith(f"{origin}/status-lists/")), None)
        if log is None:
            return None
        published = await lists.by_url(log, url)
        if at is not None:
            return await _past_entry(history, published, index, at)
        value = lists.value(published, index)
        times = (published.published_at, published.valid_from, published.valid_until)
        return OwnEntry(published.purpose, _issuer(published), value, *times)

    return entry_of


async def _past_entry(history: History | None, published: PublishedList, index: int, at: datetime) -> OwnEntry:
    """The entry as it stood at a past moment; the list's issuer never changes."""
    if history is None:
        raise UnknownStatusList("This registry tells nothing about the past.")
    found = await history.entries_at(published.log, published.status_list_id, [index], at)
    if index >= found.size:
        raise IndexError(index)
    version = found.version
    times = (version.published_at, version.valid_from, version.valid_until)
    return OwnEntry(found.purpose, _issuer(published), found.values.get(index, 0), *times)


def _issuer(published: PublishedList) -> str:
    """The DID that the list is published under: its issuer, or whose key signed it."""
    if published.media_type == EMBEDDED:
        return str(orjson.loads(published.body)["issuer"])
    header = orjson.loads(base64url.decode(published.body.partition(b".")[0].decode("ascii"), "The header"))
    return str(header["kid"]).partition("#")[0]


def own_issuers(views: Views) -> Callable[[LogName, str], Awaitable[IssuerStanding | None]]:
    """Return what finds an issuer by its DID in the directory; raises `DatabaseUnavailable`."""

    async def issuer_of(log: LogName, did: str) -> IssuerStanding | None:
        try:
            with suppress(UnknownIssuer):
                found = await views.by_did(log, did)
                return IssuerStanding(found.slug, found.name, str(found.status), found.since)
        except LOST as error:
            raise DatabaseUnavailable("The database does not answer.") from error
        return None

    return issuer_of


def own_credentials(
    views: Views,
) -> Callable[[LogName, str, str, datetime | None], Awaitable[CredentialStanding | None]]:
    """Return what finds where a credential of an issuer stands, or stood; raises `DatabaseUnavailable`."""
    gathering = Gathering(views.statuses_of)

    async def today(log: LogName, query: tuple[str, str]) -> Found:
        found = await gathering.find(log, query)
        if found is None:  # well signed, by an issuer of ours: it may be just issued, and on its way to the view
            await asyncio.sleep(SECOND_LOOK_S)
            found = await gathering.find(log, query)
        return found

    async def standing_of(log: LogName, credential_id: str, did: str, at: datetime | None) -> CredentialStanding | None:
        query = (credential_id, did)
        try:
            if at is None:
                found = await today(log, query)
            else:
                [found] = (await views.statuses_at(log, [query], at)).found
        except LOST as error:
            raise DatabaseUnavailable("The database does not answer.") from error
        if not isinstance(found, CredentialRow):
            return None
        return CredentialStanding(str(found.status), found.since, found.digest_sha256)

    return standing_of
