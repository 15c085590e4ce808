"""Carries out commands: plan, hand to the sequencer, and once more when a status list was not ready."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from registry.commands.idempotency import Asked, system
from registry.commands.list_sets import ListSetKeeper
from registry.commands.plans import plan
from registry.domain.commands import Command, RegisterCredential, RegisterIssuer
from registry.domain.credential import Credential
from registry.domain.events import IssuerProfile, Recorded, StatusProfile, VerificationMethod
from registry.domain.issuer import Issuer
from registry.domain.names import (
    CredentialId,
    IssuerId,
    LogName,
    Slug,
    Stream,
    credential_stream,
    issuer_stream,
    slug,
    slug_stream,
)
from registry.domain.streams import State
from registry.errors import ListsNotReady, SlugTaken, UnknownCredential, UnknownIssuer
from registry.log.draft import View
from registry.log.sequencer import Appended, Decision, Request, Sequencer
from registry.vault.keys import Vault

ReadStream = Callable[[LogName, Stream], Awaitable[list[Recorded]]]
DidOf = Callable[[str, LogName, Slug, bytes], tuple[str, VerificationMethod]]
"""(method "key" or "web", log, slug, public key) → the DID and its verification method, without the vault's key id."""


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

    async def register_issuer(
        self,
        asked: Asked,
        *,
        name: Slug,
        profile: IssuerProfile,
        status_profile: StatusProfile,
        public_reasons: bool,
        did_method: str,
    ) -> Outcome:
        """Register an issuer with a signing key of its own, and open its first status lists. Raises `SlugTaken`."""
        if asked.key is None and await self._state(asked.log, slug_stream(name)) is not None:
            raise SlugTaken(f"The slug {name!r} belongs, or once belonged, to another issuer; choose another.")
        issuer_id = IssuerId(uuid4())
        key = await self._vault.create_signing_key(asked.log, issuer_id)
        did, method = self._did_of(did_method, asked.log, name, key.public_key)
        command = RegisterIssuer(
            at=self.clock(),
            issuer_id=issuer_id,
            slug=name,
            profile=profile,
            status_profile=status_profile,
            public_reasons=public_reasons,
            did=did,
            method=method.model_copy(update={"key_id": key.id}),
        )
        outcome = await self.handle(asked, command)
        self._lists.want_next(asked.log, await self.issuer_id(asked.log, name))
        return outcome

    async def issuer_id(self, log: LogName, text: str) -> IssuerId:
        """Return the issuer that owns the slug *text*; raise `UnknownIssuer`. A slug never changes hands."""
        name = slug(text)
        found = self._issuer_ids.get((log, name)) or await self._state(log, slug_stream(name))
        if found is None:
            raise UnknownIssuer(f"No issuer is registered under {name!r}.")
        self._issuer_ids[log, name] = found
        return IssuerId(found)

    async def issuer(self, log: LogName, issuer_id: IssuerId) -> Issuer:
        """Return the issuer as the log's head has it; raise `UnknownIssuer`."""
        state: Issuer | None = await self._state(log, issuer_stream(issuer_id))
        if state is None:
            raise UnknownIssuer("No such issuer is registered.")
        return state

    async def credential(self, log: LogName, issuer_id: IssuerId, credential_id: CredentialId) -> Credential:
        """Return the credential as the log's head has it; raise `UnknownCredential`."""
        state: Credential | None = await self._state(log, credential_stream(issuer_id, credential_id))
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
        return await self._state(log, stream)

    async def _submit(self, asked: Asked, command: Command) -> Appended:
        planned = plan(asked.log, command, self._lists)
        return await self._sequencers[asked.log].submit(
            Request(planned.decide, planned.reads, planned.queue, asked.actor, asked.request_id, asked.key)
        )

    async def _state(self, log: LogName, stream: Stream) -> State:
        seen: list[State] = []

        def decide(view: View) -> Decision:
            seen.append(view.state(stream))
            return Decision((), lambda _: {})

        asked = system(log, "read")
        await self._sequencers[log].submit(Request(decide, (stream,), stream, asked.actor, asked.request_id))
        return seen[-1]
