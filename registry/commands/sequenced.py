"""Carries out commands in this process: plan, hand to the sequencer, once more when a status list was not ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID, uuid4

from registry.commands.handle import Commands, DidOf, Outcome, ReadStream
from registry.commands.idempotency import Asked, system
from registry.commands.list_sets import ListSetKeeper, ListShape
from registry.commands.plans import plan
from registry.domain.commands import AddListMembers, CarryOutRows, Command, OpenOwnList, RegisterCredential
from registry.domain.names import IssuerId, ListSetId, LogName, Stream, lists_stream
from registry.domain.status_list import ListSets
from registry.domain.streams import State
from registry.errors import ListsNotReady, NotFound
from registry.log.draft import View
from registry.log.sequencer import Appended, Decision, Request, Sequencer
from registry.vault.keys import Vault


class Sequenced(Commands):
    """Commands over the sequencers of this process, which keeps the status list sets as well."""

    def __init__(
        self,
        sequencers: Mapping[LogName, Sequencer],
        lists: ListSetKeeper,
        vault: Vault,
        *,
        clock: Callable[[], datetime],
        did_of: DidOf,
        read_stream: ReadStream,
    ) -> None:
        super().__init__(vault, clock=clock, did_of=did_of, read_stream=read_stream)
        self._sequencers = sequencers
        self._lists = lists

    async def handle(self, asked: Asked, command: Command) -> Outcome:
        """Plan, submit, and once more with lists that were made ready."""
        try:
            appended = await self._submit(asked, command)
        except ListsNotReady:
            if not isinstance(command, RegisterCredential | CarryOutRows):
                raise
            await self._lists.prepare(asked.log, command.issuer_id, _registrations(command))
            appended = await self._submit(asked, command)
        return Outcome(appended.position, appended.answer, appended.is_replay)

    async def replay_of(self, asked: Asked) -> Outcome | None:
        """Look the key up: a request that would record nothing is answered from it too."""
        if asked.key is None:
            return None

        def decide(_: View) -> Decision:
            raise NotFound("Nothing was answered under this Idempotency-Key yet.")

        try:
            first = await self._sequencers[asked.log].submit(
                Request(decide, (), asked.caller, asked.actor, asked.request_id, asked.key)
            )
        except NotFound:
            return None
        return Outcome(first.position, first.answer, first.is_replay)

    async def add_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Decide again when a set was opened in between."""
        if not await self.state(asked.log, lists_stream(issuer_id)):
            await self._lists.prepare(asked.log, issuer_id)
        for is_last in (False, False, True):
            sets: ListSets = await self.state(asked.log, lists_stream(issuer_id))
            members = tuple((one.set_id, self._lists.member(asked.log, shape)) for one in sets)
            try:
                outcome = await self.handle(asked, AddListMembers(self.clock(), issuer_id, shape.purpose, members))
                break
            except ListsNotReady:  # a set was opened in between
                if is_last:
                    raise
        await self._lists.until_fetchable(asked.log, issuer_id, shape.purpose)
        return outcome

    async def open_own_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Open it, and wait for its publication."""
        member = self._lists.member(asked.log, shape)
        command = OpenOwnList(self.clock(), issuer_id, ListSetId(uuid4()), self._lists.size, member)
        outcome = await self.handle(asked, command)
        await self._lists.until_published(asked.log, UUID(outcome.answer["setId"]))
        return outcome

    def want_lists(self, log: LogName, issuer_id: IssuerId) -> None:
        """Ask the keeper."""
        self._lists.want_next(log, issuer_id)

    async def state(self, log: LogName, stream: Stream) -> State:
        """Read it as a decision that records nothing: the fence proves it."""
        seen: list[State] = []

        def decide(view: View) -> Decision:
            seen.append(view.state(stream))
            return Decision((), lambda _: {})

        asked = system(log, "read")
        await self._sequencers[log].submit(Request(decide, (stream,), stream, asked.actor, asked.request_id))
        return seen[-1]

    async def _submit(self, asked: Asked, command: Command) -> Appended:
        planned = plan(asked.log, command, self._lists)
        return await self._sequencers[asked.log].submit(
            Request(
                planned.decide,
                planned.reads,
                planned.queue,
                asked.actor,
                asked.request_id,
                asked.key,
                planned.begins,
                planned.weight,
            )
        )


def _registrations(command: RegisterCredential | CarryOutRows) -> int:
    """How many credentials *command* may register: a chunk of a batch may begin in one set and end in the next."""
    rows = command.rows if isinstance(command, CarryOutRows) else (command,)
    return max(1, sum(isinstance(row, RegisterCredential) for row in rows))
