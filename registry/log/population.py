"""The made-up registry as a log has it: issuers first, then runs of credentials, and sets opened ahead of need.

Issuers and sets are decided by the domain itself; the pages of credentials are made elsewhere, in any process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from registry.domain import issuer as issuers
from registry.domain import status_list
from registry.domain.commands import CloseListSet, OpenListSet, RegisterIssuer
from registry.domain.events import AnyEvent, ListMember, Purpose, Recorded, VerificationMethod
from registry.domain.names import IssuerId, ListSetId, Slug, Stream, issuer_stream, lists_stream, slug_stream
from registry.domain.parts import IssuerProfile
from registry.domain.status_list import ListSets
from registry.log.codec import encode
from registry.log.pages import Page, Run
from registry.log.synthetic import Plan

Making = tuple[datetime, Sequence[Run]]
"""A page that is still to be made: its moment, and its runs."""

_ACTOR, _REQUEST = "system:load", "load"


class Keys(Protocol):
    """What the vault does for made-up issuers."""

    async def method(self, issuer_id: IssuerId, slug: Slug) -> VerificationMethod:
        """Make a key; return the verification method it belongs to."""
        ...

    async def permutation(self, set_id: UUID) -> bytes:
        """Make the 32-byte permutation key of a set."""
        ...


@dataclass(slots=True)
class _Issuer:
    """An issuer as far as its credentials are registered."""

    method: VerificationMethod
    credentials: int = 0
    sets: ListSets = ()
    version: int = 0
    """Of the stream of its sets."""
    keys: tuple[bytes, ...] = ()
    """The permutation keys of its sets."""


class Population:
    """Walks through a plan once; `done` credentials are on their way."""

    def __init__(self, plan: Plan, origin: str, log_id: str, keys: Keys, opened_at: datetime, now: datetime) -> None:
        self._plan, self._origin, self._log_id, self._keys = plan, origin, log_id, keys
        self._from, self._span = opened_at, now - opened_at
        self._issuers: list[_Issuer] = []
        self._numbers: dict[UUID, int] = {}
        self.done = 0

    @property
    def _now(self) -> datetime:
        """How far time has gone: as far as the credentials have."""
        return self._from + self._span * (self.done / max(1, self._plan.credentials))

    async def pages(self, most: int) -> AsyncIterator[Page | Making]:
        """Yield all of it in order, about *most* credentials at a time.

        A page ends where a set must be opened: no run may come to a set whose opening is not before it in the log.
        """
        for number in range(self._plan.issuers):
            yield await self._register(number)
        runs: list[Run] = []
        waiting = 0
        for number, count in self._plan.runs():
            runs += self._runs(number, count)
            waiting += count
            is_due = self._needs_next(number)
            if is_due or waiting >= most:
                yield self._now, tuple(runs)
                self.done += waiting
                runs, waiting = [], 0
            if is_due:
                yield await self._open_next(number)
        if runs:
            yield self._now, tuple(runs)
            self.done += waiting

    async def _register(self, number: int) -> Page:
        """Return the registration of an issuer, and the opening of its first set."""
        plan = self._plan
        issuer_id, slug = plan.issuer_id(number), plan.slug(number)
        method = await self._keys.method(issuer_id, slug)
        profile = IssuerProfile(
            name=f"Synthetic issuer {number}",
            kind=plan.kind(number),
            jurisdiction="US-CO",
            url=f"https://{slug}.example",
        )
        command = RegisterIssuer(
            self._now, issuer_id, slug, profile, plan.profile(number), False, method.controller, method
        )
        page = Page(self._now)
        self._write(page, slug_stream(slug), 0, issuers.claim_slug(command, None))
        self._write(page, issuer_stream(issuer_id), 0, issuers.decide(command, None))
        self._issuers.append(_Issuer(method))
        await self._open(page, number)
        return page

    async def _open_next(self, number: int) -> Page:
        """Return the opening of an issuer's next set, and the closing of those without room."""
        page = Page(self._now)
        await self._open(page, number)
        one = self._issuers[number]
        for full in one.sets:
            if full.is_open and self._numbers[full.set_id] >= full.size:
                closing = CloseListSet(self._now, self._plan.issuer_id(number), full.set_id, "exhausted")
                self._change(page, number, status_list.decide(closing, one.sets))
        return page

    async def _open(self, page: Page, number: int) -> None:
        one, set_id = self._issuers[number], ListSetId(uuid4())
        key = await self._keys.permutation(set_id)
        command = OpenListSet(
            self._now,
            self._plan.issuer_id(number),
            set_id,
            self._plan.list_size,
            (self._member(Purpose.REVOCATION), self._member(Purpose.SUSPENSION)),
            one.sets[-1].set_id if one.sets else None,
            one.method.controller,
        )
        self._numbers[set_id], one.keys = 0, (*one.keys, key)
        self._change(page, number, status_list.decide(command, one.sets))

    def _member(self, purpose: Purpose) -> ListMember:
        list_id = uuid4()
        return ListMember(purpose=purpose, status_list_id=list_id, url=f"{self._origin}/status-lists/{list_id}")

    def _change(self, page: Page, number: int, events: Sequence[AnyEvent]) -> None:
        one, stream = self._issuers[number], lists_stream(self._plan.issuer_id(number))
        for recorded in self._write(page, stream, one.version, events):
            one.sets, one.version = status_list.evolve(one.sets, recorded), recorded.version

    def _write(self, page: Page, stream: Stream, version: int, events: Sequence[AnyEvent]) -> list[Recorded]:
        at = page.recorded_at
        written = [
            Recorded(0, stream, version + n, at, at, _ACTOR, _REQUEST, uuid7(), event)
            for n, event in enumerate(events, 1)
        ]
        for one in written:
            page.add(stream, one.version, one.event.type, encode(self._log_id, uuid4().bytes, one))
        return written

    def _runs(self, number: int, count: int) -> list[Run]:
        """Give *count* credentials their places: in the oldest set with room, and in the next when that is full."""
        one = self._issuers[number]
        runs: list[Run] = []
        for key, each in zip(one.keys, one.sets, strict=True):
            taken = self._numbers[each.set_id]
            part = min(count, each.size - taken) if each.is_open else 0
            if part:
                runs.append(self._run(number, each.set_id, key, taken, part))
                self._numbers[each.set_id] += part
                one.credentials += part
                count -= part
        assert count == 0, "the next set is opened before it is needed"
        return runs

    def _run(self, number: int, set_id: UUID, key: bytes, allocation: int, count: int) -> Run:
        one = self._issuers[number]
        return Run(
            plan=self._plan,
            log_id=self._log_id,
            issuer=number,
            issuer_did=one.method.controller,
            method_id=one.method.id,
            set_id=set_id,
            permutation_key=key,
            number=one.credentials,
            allocation=allocation,
            count=count,
        )

    def _needs_next(self, number: int) -> bool:
        one = self._issuers[number]
        return status_list.needs_next(one.sets, one.method.controller, self._numbers.__getitem__)
