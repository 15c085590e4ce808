"""What the door is handed: everything behind it, as callables and values. `registry.app` fills `Parts`.

The protocols name what the door relies on; the rooms behind it know nothing of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from uuid import UUID

from aiohttp import web

from projections.credential_status.past import Standing
from projections.credential_status.revocations import LegacySettings, Revoked
from projections.credential_status.view import CredentialPage
from projections.issuer_directory.view import DirectoryEntry, MethodRow, Page
from projections.status_lists.aggregation import Aggregation
from projections.status_lists.history import History
from projections.status_lists.view import PublishedLists
from registry.commands.api_keys import KeyRing
from registry.commands.batches import Batches
from registry.commands.handle import Commands
from registry.commands.issue import Issuing
from registry.commands.keys import IssuerKeys
from registry.domain.names import LogName
from registry.http.auth import Caller
from registry.http.courtesy import Courtesy
from registry.http.drain import Drain
from registry.http.gathering import Gathering, StatusesOf
from registry.http.limits import Quota
from registry.http.metrics import Metrics
from registry.http.progress import Progress
from registry.verifier.lint.lint import CanonicalOf
from registry.verifier.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Views:
    """The read side, each view bound to its database by `registry.app`."""

    statuses_of: StatusesOf
    """A `CredentialRow`, an `Ambiguous` or None per query, in order, in one round trip."""
    status_words: Callable[[LogName, Sequence[str]], Awaitable[Sequence[str]]]
    """(log, ids) → a word per id, in order: a status, `ambiguous` or `unknown`; a fraction of what rows cost."""
    statuses_at: Callable[..., Awaitable[Standing]]
    """(log, queries, moment) → the same as of a moment, with the position that the log had then."""
    of_issuer: Callable[..., Awaitable[CredentialPage]]
    """(log, issuer_id, *, status, limit, cursor) → a page: `credentials`, `next_cursor`."""
    legacy_settings: Callable[[LogName, str], Awaitable[LegacySettings]]
    """(log, slug) → which lists of revoked credentials the issuer chose; raises `UnknownIssuer`."""
    revoked: Callable[..., Awaitable[Sequence[Revoked]]]
    """(log, issuer_id, *, after, limit) → revoked credentials, by the position of their registration."""
    search: Callable[..., Awaitable[Page]]
    """(log, *, q, kind, jurisdiction, status, limit, cursor) → a page: `issuers`, `next_cursor`."""
    issuer: Callable[[LogName, str], Awaitable[DirectoryEntry]]
    """(log, slug) → a `DirectoryEntry`; raises `UnknownIssuer`."""
    by_did: Callable[[LogName, str], Awaitable[DirectoryEntry]]
    """(log, DID) → a `DirectoryEntry`; raises `UnknownIssuer`."""
    aggregation: Callable[..., Awaitable[Aggregation]]
    """(log, issuer_id, *, limit, cursor) → a page of its Token Status Lists: `urls`, `next_cursor`."""
    methods: Callable[[LogName, str], Awaitable[Sequence[MethodRow]]]
    """(log, slug) → the issuer's verification methods, for its controller document."""
    method: Callable[[LogName, str], Awaitable[MethodRow | None]]
    """(log, verification method) → what became of it; None if no issuer here ever had it."""


@dataclass(frozen=True, slots=True)
class Logs:
    """Which log answers to which host, and under which origin it speaks."""

    origins: Mapping[LogName, str]
    """Each log's public origin, without a slash at its end; ids that leave the service begin with it."""
    hosts: Mapping[str, LogName] = field(default_factory=dict)
    """Host header (lower case) → log; with a single log any Host will do, and this may be empty."""

    def of_host(self, host: str) -> LogName | None:
        """Return the log that answers to *host*, or None."""
        if len(self.origins) == 1:
            return next(iter(self.origins))
        return self.hosts.get(host.lower())


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of what may be asked; every one is a setting."""

    body_bytes: int = 64 * 1024
    document_bytes: int = 1024 * 1024
    """Of a body that holds a credential: issue and register."""
    lookups_bytes: int = 2 * 1024 * 1024
    lookups: int = 10_000
    """Queries in one POST /status-lookups."""
    body_timeout_s: float = 10
    position_wait_s: float = 2
    """How long a read waits until it sees the position that `Registry-Position` names."""
    ready_timeout_s: float = 2
    spool: Path | None = None
    """Where what outgrows memory waits until it is sent; None: where the system keeps what is temporary."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose `X-Forwarded-For` is believed."""


class Remark(str):
    """What a check has to say although it is content."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the door hands over to."""

    logs: Logs
    commands: Commands
    issuing: Issuing
    batches: Batches
    keys: KeyRing
    issuer_keys: IssuerKeys
    check_key: Callable[[LogName, str], Awaitable[Caller]]
    """(log, presented key) → who it is; raises `Unauthenticated`."""
    views: Views
    lists: PublishedLists
    progress: Progress
    metrics: Metrics
    verifier: Verifier
    canonical_of: CanonicalOf
    """What anybody presents → its canonical N-Quads, for lint."""
    clock: Callable[[], datetime]
    new_uuid: Callable[[], UUID]
    """Random (version 4): the id of a credential that came without one must not be guessable."""
    checks: Callable[[], Awaitable[Mapping[str, str | None]]]
    """What readiness depends on: name → None or a `Remark` when all is well, else a sentence."""
    drain: Drain = field(default_factory=Drain)
    courtesy: Courtesy = field(default_factory=Courtesy)
    limits: Limits = field(default_factory=Limits)
    writes: Quota | None = None
    """Per API key; None: no quota."""
    reads: Quota | None = None
    """Per address, for anonymous requests; None: no quota."""
    verifications: Quota | None = None
    """Per address, for what is presented; None: no quota."""
    database_lost: tuple[type[BaseException], ...] = ()
    """What a view raises when PostgreSQL is away; answered 503."""
    history: History | None = None
    """The lists as they stood; None: this registry tells nothing about the past."""
    version: str = "0"
    gathering: Gathering = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gathering", Gathering(self.views.statuses_of))


PARTS = web.AppKey("parts", Parts)
