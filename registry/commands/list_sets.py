"""Keeps status list sets ahead of need: opens them, waits until they are published, remembers their permutations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from registry.commands.idempotency import system
from registry.commands.plans import plan
from registry.domain.commands import CloseListSet, Command, OpenListSet
from registry.domain.events import ListMember, Purpose
from registry.domain.issuer import Issuer
from registry.domain.names import IssuerId, ListSetId, LogName, issuer_stream, lists_stream
from registry.domain.permutation import IndexPermutation
from registry.domain.status_list import ListSet, ListSets
from registry.errors import ListsNotReady, RegistryError, Unavailable, UnknownIssuer
from registry.log.draft import View
from registry.log.sequencer import Decision, Request, Sequencer
from registry.vault.keys import Vault

_log = logging.getLogger(__name__)

IsPublished = Callable[[LogName, UUID], Awaitable[bool]]
"""Whether every list of a set can be fetched; `projections.status_lists` answers."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long, and how often, a registration waits for its first list to be published."""

    total_s: float = 10
    every_s: float = 0.05


class ListSetKeeper:
    """What `plans.Ready` asks for, over all logs of this process."""

    def __init__(
        self,
        sequencers: Mapping[LogName, Sequencer],
        origins: Mapping[LogName, str],
        vault: Vault,
        is_published: IsPublished,
        *,
        clock: Callable[[], datetime],
        size: int,
        waits: Waits | None = None,
    ) -> None:
        self._sequencers = sequencers
        self._origins = origins
        self._vault = vault
        self._is_published = is_published
        self._clock = clock
        self._size = size
        self._waits = waits or Waits()
        self._permutations: dict[ListSetId, IndexPermutation] = {}
        self._opening: dict[tuple[LogName, IssuerId], asyncio.Task[None]] = {}

    def index(self, set_id: ListSetId, number: int) -> int:
        """Return the index of the *number*-th allocation; raise `ListsNotReady` for a set that is not ready."""
        permutation = self._permutations.get(set_id)
        if permutation is None:
            raise ListsNotReady("The issuer's status lists are being published; repeat the request in a moment.")
        return permutation.index(number)

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Open the issuer's next set in the background, once at a time."""
        key = (log, issuer_id)
        if key not in self._opening:
            task = asyncio.ensure_future(self._open_quietly(log, issuer_id))
            self._opening[key] = task
            task.add_done_callback(lambda _: self._opening.pop(key, None))

    async def prepare(self, log: LogName, issuer_id: IssuerId) -> None:
        """Return when the issuer has a set with room whose lists can be fetched; open one if there is none.

        Raises `ListsNotReady` when the lists are not published in time.
        """
        deadline = asyncio.get_running_loop().time() + self._waits.total_s
        candidate = await self._with_room(log, issuer_id)
        if candidate is None:
            await self.open_next(log, issuer_id)
            candidate = await self._with_room(log, issuer_id)
        while candidate is None or not await self._can_be_fetched(log, candidate):
            if asyncio.get_running_loop().time() >= deadline:
                raise ListsNotReady("The issuer's status lists are not published yet; repeat the request in a moment.")
            await asyncio.sleep(self._waits.every_s)
            candidate = candidate or await self._with_room(log, issuer_id)
        if candidate.set_id not in self._permutations:
            key = await self._vault.permutation_key(log, candidate.set_id)
            permutation = await asyncio.to_thread(IndexPermutation, key, candidate.size)
            self._permutations[candidate.set_id] = permutation

    async def _can_be_fetched(self, log: LogName, one: ListSet) -> bool:
        try:
            return await self._is_published(log, one.set_id)
        except Unavailable:  # the read side is still being set up, or its database is away for a moment
            return False

    async def open_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Open a set behind the newest one, unless somebody else just did; close those without room."""
        issuer, sets, numbers = await self._look(log, issuer_id)
        if not issuer.did:
            return  # it comes with the DID, which is signed into every list
        set_id = ListSetId(uuid4())
        await self._vault.create_permutation_key(log, set_id)
        members = tuple(self._member(log, purpose) for purpose in (Purpose.REVOCATION, Purpose.SUSPENSION))
        after = sets[-1].set_id if sets else None
        now = self._clock()
        await self._submit(log, OpenListSet(now, issuer_id, set_id, self._size, members, after, issuer.did))
        for one in sets:
            if one.is_open and numbers[one.set_id] >= one.size:
                await self._submit(log, CloseListSet(now, issuer_id, one.set_id, "exhausted"))

    async def close(self) -> None:
        """Wait for openings under way."""
        await asyncio.gather(*self._opening.values(), return_exceptions=True)

    def _member(self, log: LogName, purpose: Purpose) -> ListMember:
        list_id = uuid4()
        return ListMember(purpose=purpose, status_list_id=list_id, url=f"{self._origins[log]}/status-lists/{list_id}")

    async def _open_quietly(self, log: LogName, issuer_id: IssuerId) -> None:
        try:
            await self.open_next(log, issuer_id)
        except RegistryError as error:
            # the next registration asks for it again, and says so aloud when there is no room left
            _log.warning("the next status lists are not open yet: %s", error.detail, extra={"log": log})
        except Exception:  # noqa: BLE001  # nobody awaits this task
            _log.exception("opening status lists failed, the next registration asks again", extra={"log": log})

    async def _with_room(self, log: LogName, issuer_id: IssuerId) -> ListSet | None:
        issuer, sets, numbers = await self._look(log, issuer_id)
        usable = (one for one in sets if one.is_open and one.issuer_did == issuer.did)
        return next((one for one in usable if numbers[one.set_id] < one.size), None)

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
        return issuer, sets, numbers

    async def _submit(self, log: LogName, command: Command) -> None:
        asked, planned = system(log, "status-lists"), plan(log, command, self)
        await self._sequencers[log].submit(
            Request(planned.decide, planned.reads, planned.queue, asked.actor, asked.request_id)
        )
