"""Carries out commands: plan, hand to the sequencer, and once more when a status list was not ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from registry.commands.idempotency import Asked, system
from registry.commands.list_sets import ListSetKeeper, ListShape
from registry.commands.plans import plan
from registry.domain.commands import (
    AddListMembers,
    Command,
    OpenOwnList,
    RegisterCredential,
    RegisterIssuer,
    UpdateIssuer,
)
from registry.domain.credential import Credential
from registry.domain.events import IssuerProfile, Recorded, StatusProfile, VerificationMethod
from registry.domain.issuer import Issuer
from registry.domain.mechanism_choice import missing_algorithms
from registry.domain.mechanisms import DEFAULT_MECHANISMS, KeyAlgorithm, Mechanism, first_algorithms
from registry.domain.names import (
    CredentialId,
    IssuerId,
    ListSetId,
    LogName,
    Slug,
    Stream,
    credential_stream,
    issuer_stream,
    lists_stream,
    slug,
    slug_stream,
)
from registry.domain.status_list import ListSets
from registry.domain.streams import State
from registry.errors import ListsNotReady, NotFound, SlugTaken, UnknownCredential, UnknownIssuer
from registry.log.draft import View
from registry.log.sequencer import Appended, Decision, Request, Sequencer
from registry.vault.keys import SigningKey, Vault

ReadStream = Callable[[LogName, Stream], Awaitable[list[Recorded]]]
DidOf = Callable[[str, LogName, Slug, SigningKey], VerificationMethod]
"""("key", "web", or a DID; log, slug, key) → the verification method, whose controller is the DID; without key id."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command carried out, durably; `answer` is the body to send, the same for every replay."""

    position: int
    answer: dict[str, Any]
    replayed: bool


class Commands:
    """Every change, over all logs of this process."""

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
        self._sequencers = sequencers
        self._lists = lists
        self._vault = vault
        self._did_of = did_of
        self._read_stream = read_stream
        self._issuer_ids: dict[tuple[LogName, Slug], IssuerId] = {}
        self.clock = clock

    async def handle(self, asked: Asked, command: Command) -> Outcome:
        """Carry out *command*; a repeated request with the same Idempotency-Key gets the first outcome.

        Raises what the domain refuses with, `KeyReused`, and `Unavailable` errors, after which repeating is safe.
        """
        try:
            appended = await self._submit(asked, command)
        except ListsNotReady:
            if not isinstance(command, RegisterCredential):
                raise
            await self._lists.prepare(asked.log, command.issuer_id)
            appended = await self._submit(asked, command)
        return Outcome(appended.position, appended.answer, appended.is_replay)

    async def replay_of(self, asked: Asked) -> Outcome | None:
        """Return what was answered under the Idempotency-Key of *asked*; None if it is new. Raises `KeyReused`."""
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

    async def register_issuer(
        self,
        asked: Asked,
        *,
        name: Slug,
        profile: IssuerProfile,
        status_profile: StatusProfile,
        public_reasons: bool,
        did_method: str,
        mechanisms: tuple[Mechanism, ...] = DEFAULT_MECHANISMS,
        key_algorithms: tuple[KeyAlgorithm, ...] = (),
    ) -> Outcome:
        """Register an issuer with signing keys of its own for *mechanisms*, and open its first status lists.

        Raises `SlugTaken`, and `Malformed` for a did:key that would need several keys.
        """
        if asked.key is None and await self.state(asked.log, slug_stream(name)) is not None:
            raise SlugTaken(f"The slug {name!r} belongs, or once belonged, to another issuer; choose another.")
        issuer_id = IssuerId(uuid4())
        algorithms = first_algorithms(mechanisms, key_algorithms, one_key=did_method == "key")
        made = [await self.new_method(asked.log, issuer_id, name, did_method, one) for one in algorithms]
        command = RegisterIssuer(
            at=self.clock(),
            issuer_id=issuer_id,
            slug=name,
            profile=profile,
            status_profile=status_profile,
            public_reasons=public_reasons,
            did=made[0].controller,
            method=made[0],
            further_methods=tuple(made[1:]),
            mechanisms=mechanisms,
            key_algorithms=key_algorithms,
            is_delegated=did_method.startswith("did:"),
        )
        outcome = await self.handle(asked, command)
        if not command.is_delegated:
            self.want_lists(asked.log, await self.issuer_id(asked.log, name))
        return outcome

    async def update_issuer(self, asked: Asked, command: UpdateIssuer) -> Outcome:
        """Carry out *command*, having made the keys that the mechanisms it chooses need. Raises as `handle` does."""
        state = await self.issuer(asked.log, command.issuer_id)
        wanted = missing_algorithms(command, state.chosen, state.keys)
        made = [await self.new_method(asked.log, state.issuer_id, state.slug, "web", one) for one in wanted]
        return await self.handle(asked, replace(command, methods=tuple(made)))

    async def new_method(
        self, log: LogName, issuer_id: IssuerId, name: Slug, did_method: str, algorithm: KeyAlgorithm
    ) -> VerificationMethod:
        """Return a verification method with a new key, which the vault has; nothing is recorded of it yet."""
        key = await self._vault.create_signing_key(log, issuer_id, algorithm)
        return self._did_of(did_method, log, name, key).model_copy(update={"key_id": key.id})

    async def add_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Give every set of the issuer, and those opened later, a list of *shape*; return when each can be fetched.

        Raises `StatusListDiffers`, and `ListsNotReady` when the lists are recorded but not published in time.
        """
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

    def want_lists(self, log: LogName, issuer_id: IssuerId) -> None:
        """Open the issuer's next status lists in the background: its first ones, or those of another DID."""
        self._lists.want_next(log, issuer_id)

    async def open_own_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Open a list whose indices the issuer gives out itself; return when it can be fetched.

        Raises what the domain refuses with, and `ListsNotReady` when the list is recorded but not published in time.
        """
        member = self._lists.member(asked.log, shape)
        command = OpenOwnList(self.clock(), issuer_id, ListSetId(uuid4()), self._lists.size, member)
        outcome = await self.handle(asked, command)
        await self._lists.until_published(asked.log, UUID(outcome.answer["setId"]))
        return outcome

    async def issuer_id(self, log: LogName, text: str) -> IssuerId:
        """Return the issuer that owns the slug *text*; raise `UnknownIssuer`. A slug never changes hands."""
        name = slug(text)
        found = self._issuer_ids.get((log, name)) or await self.state(log, slug_stream(name))
        if found is None:
            raise UnknownIssuer(f"No issuer is registered under {name!r}.")
        self._issuer_ids[log, name] = found
        return IssuerId(found)

    async def issuer(self, log: LogName, issuer_id: IssuerId) -> Issuer:
        """Return the issuer as the log's head has it; raise `UnknownIssuer`."""
        state: Issuer | None = await self.state(log, issuer_stream(issuer_id))
        if state is None:
            raise UnknownIssuer("No such issuer is registered.")
        return state

    async def credential(self, log: LogName, issuer_id: IssuerId, credential_id: CredentialId) -> Credential:
        """Return the credential as the log's head has it; raise `UnknownCredential`."""
        state: Credential | None = await self.state(log, credential_stream(issuer_id, credential_id))
        if state is None:
            raise UnknownCredential("The issuer has registered no credential under this id.")
        return state

    async def history(self, log: LogName, issuer_id: IssuerId, credential_id: CredentialId) -> list[Recorded]:
        """Return every event of a credential, oldest first; raise `UnknownCredential`."""
        events = await self._read_stream(log, credential_stream(issuer_id, credential_id))
        if not events:
            raise UnknownCredential("The issuer has registered no credential under this id.")
        return events

    async def state(self, log: LogName, stream: Stream) -> State:
        """Return the state of *stream* at the log's head."""
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
            Request(planned.decide, planned.reads, planned.queue, asked.actor, asked.request_id, asked.key)
        )
