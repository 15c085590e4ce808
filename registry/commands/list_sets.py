"""Keeps status list sets ahead of need: opens them, waits until they are published, remembers their permutations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from uuid import UUID, uuid4

from registry.commands.idempotency import system
from registry.commands.plans import plan
from registry.domain.commands import CloseListSet, Command, OpenListSet
from registry.domain.events import ListMember, Purpose, StatusMessage
from registry.domain.issuer import Issuer
from registry.domain.names import IssuerId, ListSetId, LogName, issuer_stream, lists_stream
from registry.domain.permutation import IndexPermutation
from registry.domain.status_list import ListSet, ListSets
from registry.errors import ListsNotReady, RegistryError, Unavailable, UnknownIssuer
from registry.log.draft import View
from registry.log.sequencer import Decision, Request, Sequencer
from registry.vault.keys import Vault

_log = logging.getLogger(__name__)

Published = Callable[[LogName, UUID], Awaitable[frozenset[UUID]]]
"""Which lists of a set can be fetched; `projections.status_lists` answers."""

LOOK_AGAIN_S = 1.0
"""How long a list counts as not published yet, before it is looked for again."""

_ALWAYS = (Purpose.REVOCATION, Purpose.SUSPENSION)
"""The lists that every set is opened with, and without which nothing is issued."""


@dataclass(frozen=True, slots=True)
class ListShape:
    """What the lists of one purpose have in common, whatever their set."""

    purpose: Purpose
    status_size: int | None = None
    messages: tuple[StatusMessage, ...] | None = None
    reference: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Fetchable:
    """The lists of a set that can be fetched, as of a moment of the monotonic clock."""

    lists: frozenset[UUID]
    seen_at: float


_NEVER_SEEN = _Fetchable(frozenset(), -LOOK_AGAIN_S)
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Waits:
    """How long, and how often, a registration waits for its first list to be published."""

    total_s: float = 10
    every_s: float = 0.05


def _shapes(sets: ListSets) -> list[ListShape]:
    """What the next set is opened with: what every set has, and what the newest one has got besides."""
    more = [one for one in sets[-1].members if one.purpose not in _ALWAYS] if sets else []
    return [
        *(ListShape(purpose) for purpose in _ALWAYS),
        *(ListShape(one.purpose, one.status_size, one.messages, one.reference) for one in more),
    ]


class ListSetKeeper:
    """What `plans.Ready` asks for, over all logs of this process."""

    def __init__(
        self,
        sequencers: Mapping[LogName, Sequencer],
        origins: Mapping[LogName, str],
        vault: Vault,
        published: Published,
        *,
        clock: Callable[[], datetime],
        size: int,
        waits: Waits | None = None,
    ) -> None:
        self._sequencers = sequencers
        self._origins = origins
        self._vault = vault
        self._published = published
        self._clock = clock
        self.size = size
        self._waits = waits or Waits()
        self._permutations: dict[ListSetId, IndexPermutation] = {}
        self._fetchable: dict[ListSetId, _Fetchable] = {}
        self._opening: dict[tuple[LogName, IssuerId], asyncio.Task[None]] = {}
        self._is_closing = False

    def index(self, set_id: ListSetId, number: int) -> int:
        """Return the index of the *number*-th allocation; raise `ListsNotReady` for a set that is not ready."""
        permutation = self._permutations.get(set_id)
        if permutation is None:
            raise ListsNotReady("The issuer's status lists are being published; repeat the request in a moment.")
        return permutation.index(number)

    def usable(self, one: ListSet) -> tuple[ListMember, ...]:
        """Return the lists of *one* that can be fetched; raise `ListsNotReady` when that must be looked up first."""
        seen = self._fetchable.get(one.set_id, _NEVER_SEEN)
        usable = tuple(member for member in one.members if member.status_list_id in seen.lists)
        if len(usable) < len(one.members) and monotonic() - seen.seen_at > LOOK_AGAIN_S:
            raise ListsNotReady("The issuer's status lists are being published; repeat the request in a moment.")
        return usable

    def member(self, log: LogName, shape: ListShape) -> ListMember:
        """Return a new list of *shape*, for one set."""
        list_id = uuid4()
        return ListMember(
            purpose=shape.purpose,
            status_list_id=list_id,
            url=f"{self._origins[log]}/status-lists/{list_id}",
            status_size=shape.status_size,
            messages=shape.messages,
            reference=shape.reference,
        )

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Open the issuer's next set in the background and make it ready, once at a time."""
        key = (log, issuer_id)
        if key not in self._opening:
            task = asyncio.ensure_future(self._open_quietly(log, issuer_id))
            self._opening[key] = task
            task.add_done_callback(lambda _: self._opening.pop(key, None))

    async def prepare(self, log: LogName, issuer_id: IssuerId, wanted: int = 1) -> None:
        """Return when lists with room for *wanted* credentials can be fetched; open sets while there are too few.

        Raises `ListsNotReady` when the lists are not published in time. A list that was added to the set later is
        not waited for: nothing points to it until it can be fetched.
        """
        deadline = self._deadline()
        while not (chosen := await self._with_room(log, issuer_id, wanted)):
            await self.open_next(log, issuer_id)
            if not (chosen := await self._with_room(log, issuer_id, wanted)):
                await self._wait(deadline)
        for one in chosen:
            await self._make_ready(log, one, deadline)

    async def _make_ready(self, log: LogName, one: ListSet, deadline: float) -> None:
        """Return when the lists of *one* can be fetched, and its permutation is at hand; raises `ListsNotReady`."""
        while not await self._can_be_fetched(log, one, _ALWAYS):
            await self._wait(deadline)
        if one.set_id not in self._permutations:
            key = await self._vault.permutation_key(log, one.set_id)
            self._permutations[one.set_id] = await asyncio.to_thread(IndexPermutation, key, one.size)

    async def until_fetchable(self, log: LogName, issuer_id: IssuerId, purpose: Purpose) -> None:
        """Return when the *purpose* list of each of the issuer's sets can be fetched; raises `ListsNotReady`."""
        deadline = self._deadline()
        _, sets, _ = await self._look(log, issuer_id)
        for one in sets:
            while not await self._can_be_fetched(log, one, (purpose,)):
                await self._wait(deadline)

    async def until_published(self, log: LogName, list_set: UUID) -> None:
        """Return when a set of one list can be fetched; raises `ListsNotReady`."""
        deadline = self._deadline()
        while not await self._published_of(log, list_set):
            await self._wait(deadline)

    async def _can_be_fetched(self, log: LogName, one: ListSet, purposes: Collection[Purpose]) -> bool:
        lists = await self._published_of(log, one.set_id)
        self._fetchable[one.set_id] = _Fetchable(lists, monotonic())
        return all(member.status_list_id in lists for member in one.members if member.purpose in purposes)

    async def _published_of(self, log: LogName, list_set: UUID) -> frozenset[UUID]:
        try:
            return await self._published(log, list_set)
        except Unavailable:  # the read side is still being set up, or its database is away for a moment
            return frozenset()

    def _deadline(self) -> float:
        return monotonic() + self._waits.total_s

    async def _wait(self, deadline: float) -> None:
        if self._is_closing or monotonic() >= deadline:
            raise ListsNotReady("The issuer's status lists are not published yet; repeat the request in a moment.")
        await asyncio.sleep(self._waits.every_s)

    async def open_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Open a set behind the newest one, unless somebody else just did; close those without room.

        It gets what the newest one has: a set that was given one list more while this looked is looked at again.
        """
        issuer, sets, numbers = await self._look(log, issuer_id)
        if not issuer.did:
            return  # it comes with the DID, which is signed into every list
        set_id = ListSetId(uuid4())
        await self._vault.create_permutation_key(log, set_id)
        for _ in range(_ATTEMPTS):
            members = tuple(self.member(log, shape) for shape in _shapes(sets))
            after = sets[-1].set_id if sets else None
            now = self._clock()
            await self._submit(log, OpenListSet(now, issuer_id, set_id, self.size, members, after, issuer.did))
            before, (_, sets, _) = sets, await self._look(log, issuer_id)
            if len(sets) > len(before):
                break
        for one in sets:
            if one.is_open and numbers.get(one.set_id, 0) >= one.size:
                await self._submit(log, CloseListSet(now, issuer_id, one.set_id, "exhausted"))

    async def close(self) -> None:
        """Wait for openings under way, though not for what they open to be published."""
        self._is_closing = True
        await asyncio.gather(*self._opening.values(), return_exceptions=True)

    async def _open_quietly(self, log: LogName, issuer_id: IssuerId) -> None:
        try:
            await self.open_next(log, issuer_id)
            _, sets, _ = await self._look(log, issuer_id)
            for one in sets[-1:]:  # so that nobody waits where the one before it is full
                await self._make_ready(log, one, self._deadline())
        except RegistryError as error:
            # the next registration asks for it again, and says so aloud when there is no room left
            _log.warning("the next status lists are not open yet: %s", error.detail, extra={"log": log})
        except Exception:  # noqa: BLE001  # nobody awaits this task
            _log.exception("opening status lists failed, the next registration asks again", extra={"log": log})

    async def _with_room(self, log: LogName, issuer_id: IssuerId, wanted: int) -> list[ListSet]:
        """Return the first open sets that have room for *wanted* together; none if all have not."""
        issuer, sets, numbers = await self._look(log, issuer_id)
        chosen: list[ListSet] = []
        for one in sets:
            if one.is_open and one.issuer_did == issuer.did and (room := one.size - numbers[one.set_id]) > 0:
                chosen.append(one)
                wanted -= room
            if chosen and wanted <= 0:
                return chosen
        return []

    async def _look(self, log: LogName, issuer_id: IssuerId) -> tuple[Issuer, ListSets, dict[ListSetId, int]]:
        """Read the issuer, its sets, and how many indices each open set has given out."""
        of_issuer, of_lists = issuer_stream(issuer_id), lists_stream(issuer_id)
        seen: list[tuple[Issuer | None, ListSets, dict[ListSetId, int]]] = []

        def decide(view: View) -> Decision:
            sets: ListSets = view.state(of_lists) or ()
            numbers = {one.set_id: view.next_number(one.set_id) for one in sets if one.is_open}
            seen.append((view.state(of_issuer), sets, numbers))
            return Decision((), lambda _: {})

        asked = system(log, "status-lists")
        await self._sequencers[log].submit(
            Request(decide, (of_issuer, of_lists), str(issuer_id), asked.actor, asked.request_id)
        )
        issuer, sets, numbers = seen[-1]
        if issuer is None:
            raise UnknownIssuer("No such issuer is registered.")
        for one in sets:
            if not one.is_open:  # it gives out no index any more
                self._permutations.pop(one.set_id, None)
                self._fetchable.pop(one.set_id, None)
        return issuer, sets, numbers

    async def _submit(self, log: LogName, command: Command) -> None:
        asked, planned = system(log, "status-lists"), plan(log, command, self)
        await self._sequencers[log].submit(
            Request(planned.decide, planned.reads, planned.queue, asked.actor, asked.request_id)
        )
