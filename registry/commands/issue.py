"""Issues a credential: register it (its index is committed), sign it off the loop, record the digest, answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from registry.commands.handle import Commands
from registry.commands.idempotency import Asked
from registry.domain.commands import RecordSecuring, RegisterCredential
from registry.domain.credential import PURPOSES
from registry.domain.issuer import require_active
from registry.domain.mechanisms import Mechanism
from registry.domain.names import CredentialId
from registry.errors import AlreadyRegistered
from registry.vault.keys import Vault
from registry.vault.signing import Signer

MECHANISM = Mechanism.EDDSA_RDFC_2022

Document = dict[str, Any]
Canonicalise = Callable[[Document], Awaitable[str]]
"""A document → its canonical N-Quads, in a process that can be killed; raises `Malformed` errors."""
Secure = Callable[..., Document]
"""(document, canonical, *, sign, verification_method, created) → the document with its proof."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed credential, as the bytes whose digest is in the log."""

    position: int
    document: bytes
    replayed: bool


class Issuing:
    """The one way a credential is signed here."""

    def __init__(self, commands: Commands, vault: Vault, canonicalise: Canonicalise, secure: Secure) -> None:
        self._commands = commands
        self._vault = vault
        self._canonicalise = canonicalise
        self._secure = secure

    async def issue(self, asked: Asked, command: RegisterCredential, document: Document) -> Issued:
        """Return *document* with id, status entries and proof; a repeated request gets the same bytes.

        A document that cannot be signed without loss is refused before anything is recorded. Raises what
        `Commands.handle` raises, and `Malformed`, `UnsafeDocument`, `UnknownContext`. That the issuer may issue is
        asked where something new would be recorded or signed: a repeated request gets its answer for ever.
        """
        issuer = await self._commands.issuer(asked.log, command.issuer_id)
        await self._canonicalise(_with_status(document, _stand_in(PURPOSES[issuer.status_profile])))
        outcome = await self._commands.handle(asked, command)
        entries = outcome.answer["credentialStatus"]
        complete = {**_with_status(document, entries), "id": outcome.answer["credentialId"]}
        credential_id = CredentialId(outcome.answer["credentialId"])
        canonical = await self._canonicalise(complete)
        try:
            position, secured = await self._sign(asked, command, credential_id, complete, canonical)
        except AlreadyRegistered:
            # two repetitions of one request may race, with different keys after a rotation: the recorded one counts
            position, secured = await self._sign(asked, command, credential_id, complete, canonical)
        return Issued(position, secured, outcome.replayed)

    async def _sign(
        self, asked: Asked, command: RegisterCredential, credential_id: CredentialId, document: Document, canonical: str
    ) -> tuple[int, bytes]:
        """Sign with the recorded key and time, or with today's key and the time of registration; record the digest."""
        signer, method_id, created = await self._signer(asked, command, credential_id)
        secured = self._secure(document, canonical, sign=signer.sign, verification_method=method_id, created=created)
        content = orjson.dumps(secured)
        record = RecordSecuring(
            at=self._commands.clock(),
            issuer_id=command.issuer_id,
            credential_id=credential_id,
            digest_sha256=hashlib.sha256(content).hexdigest(),
            mechanism=MECHANISM,
            verification_method=method_id,
            created=created,
        )
        outcome = await self._commands.handle(asked.without_key(), record)
        return outcome.position, content

    async def _signer(
        self, asked: Asked, command: RegisterCredential, credential_id: CredentialId
    ) -> tuple[Signer, str, datetime]:
        issuer = await self._commands.issuer(asked.log, command.issuer_id)
        state = await self._commands.credential(asked.log, command.issuer_id, credential_id)
        method, created = issuer.method_for(MECHANISM), state.registered_at.replace(microsecond=0)
        if state.secured is not None:
            recorded = state.secured.verification_method
            method = next(one for one in issuer.methods if one.id == recorded)
            created = state.secured.created
        else:
            require_active(issuer)
        assert method.key_id is not None, "the registry signs only with keys it holds"
        return await self._vault.signer(asked.log, method.key_id), method.id, created


def _with_status(document: Document, entries: Any) -> Document:
    """Add our *entries* in front of a foreign `credentialStatus`, which the door let through."""
    foreign = document.get("credentialStatus")
    if foreign is None:
        return {**document, "credentialStatus": entries}
    ours = entries if isinstance(entries, list) else [entries]
    theirs = foreign if isinstance(foreign, list) else [foreign]
    return {**document, "credentialStatus": [*ours, *theirs]}


def _stand_in(purposes: tuple[Any, ...]) -> list[dict[str, str]]:
    """Entries of the right shape, for a document that is checked before it owns an index."""
    url = "urn:uuid:00000000-0000-4000-8000-000000000000"
    return [
        {
            "id": f"{url}#{purpose}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": str(purpose),
            "statusListIndex": "0",
            "statusListCredential": url,
        }
        for purpose in purposes
    ]
