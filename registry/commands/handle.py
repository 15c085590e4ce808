"""Every change that callers can ask for. Where it is sequenced is another matter (`sequenced.py`, `handed_over.py`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListShape
from registry.domain.commands import (
    Command,
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
    LogName,
    Slug,
    Stream,
    credential_stream,
    issuer_stream,
    slug,
    slug_stream,
)
from registry.domain.streams import State
from registry.errors import SlugTaken, UnknownCredential, UnknownIssuer
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


class Commands(ABC):
    """Every change, over all logs."""

    def __init__(self, vault: Vault, *, clock: Callable[[], datetime], did_of: DidOf, read_stream: ReadStream) -> None:
        self._vault = vault
        self._did_of = did_of
        self._read_stream = read_stream
        self._issuer_ids: dict[tuple[LogName, Slug], IssuerId] = {}
        self.clock = clock

    @abstractmethod
    async def handle(self, asked: Asked, command: Command) -> Outcome:
        """Carry out *command*; a repeated request with the same Idempotency-Key gets the first outcome.

        Raises what the domain refuses with, `KeyReused`, and `Unavailable` errors, after which repeating is safe.
        """

    @abstractmethod
    async def replay_of(self, asked: Asked) -> Outcome | None:
        """Return what was answered under the Idempotency-Key of *asked*; None if it is new. Raises `KeyReused`."""

    @abstractmethod
    async def state(self, log: LogName, stream: Stream) -> State:
        """Return the state of *stream* at the log's head."""

    @abstractmethod
    async def add_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Give every set of the issuer, and those opened later, a list of *shape*; return when each can be fetched.

        Raises `StatusListDiffers`, and `ListsNotReady` when the lists are recorded but not published in time.
        """

    @abstractmethod
    async def open_own_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Open a list whose indices the issuer gives out itself; return when it can be fetched.

        Raises what the domain refuses with, and `ListsNotReady` when the list is recorded but not published in time.
        """

    @abstractmethod
    def want_lists(self, log: LogName, issuer_id: IssuerId) -> None:
        """Open the issuer's next status lists in the background: its first ones, or those of another DID."""

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
