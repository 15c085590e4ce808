"""Issues a credential: register it (its index is committed), secure it off the loop, record the digest, answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.commands.handle import Commands
from registry.commands.idempotency import Asked
from registry.domain.commands import RecordSecuring, RegisterCredential
from registry.domain.credential import PURPOSES
from registry.domain.events import CredentialSecured, StatusProfile, VerificationMethod
from registry.domain.issuer import Issuer, require_active
from registry.domain.mechanisms import EMBEDDED, OVER_RDF, Mechanism
from registry.domain.names import CredentialId, IssuerId, LogName
from registry.errors import AlreadyRegistered, IssuerNotActive, NoFittingKey, UnknownCredential
from registry.securing.data_integrity import digest_of
from registry.securing.secure import Secured, secure
from registry.vault.keys import Vault

Document = dict[str, Any]
Canonicalise = Callable[..., Awaitable[str]]
"""A document → its canonical N-Quads, in a process that can be killed; raises `Malformed` errors."""
UntilPublished = Callable[[LogName, VerificationMethod], Awaitable[None]]
"""Returns when anybody can resolve a verification method that was just added; raises `NotYetVisible`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a credential is issued under: today's settings of its issuer, or those it was first issued under."""

    did: str
    profile: StatusProfile
    mechanisms: tuple[Mechanism, ...]
    """That may be chosen; the first is the default."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a credential is to be secured: by `mechanism`; what was secured before stays so, if that is `acceptable`."""

    terms: Terms
    """Those that the document was judged under."""
    mechanism: Mechanism
    acceptable: Collection[Mechanism]


@dataclass(frozen=True, slots=True)
class Issued:
    """A secured credential, as the bytes whose digest is in the log."""

    position: int
    credential_id: CredentialId
    secured: Secured
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Securing:
    """With what a credential is secured, or was."""

    mechanism: Mechanism
    method: VerificationMethod
    created: datetime


class Issuing:
    """The one way a credential is signed here."""

    def __init__(
        self, commands: Commands, vault: Vault, canonicalise: Canonicalise, until_published: UntilPublished
    ) -> None:
        self._commands = commands
        self._vault = vault
        self._canonicalise = canonicalise
        self._until_published = until_published

    async def terms(self, log: LogName, issuer_id: IssuerId) -> Terms:
        """Return today's terms; raise `IssuerNotActive` for an issuer whose first DID is not proved yet."""
        issuer = await self._commands.issuer(log, issuer_id)
        if not issuer.did:
            require_active(issuer)
        usable = tuple(one for one in issuer.mechanisms if _can_sign(issuer, one))
        return Terms(issuer.did, issuer.status_profile, usable)

    async def earlier_terms(self, asked: Asked, issuer_id: IssuerId, credential_id: object) -> Terms | None:
        """Return the terms of what the request asked for before: under its Idempotency-Key, or the credential's id."""
        first = await self._commands.replay_of(asked)
        known = first.answer["credentialId"] if first else credential_id
        if not isinstance(known, str):
            return None
        try:
            credential = await self._commands.credential(asked.log, issuer_id, CredentialId(known))
        except UnknownCredential:
            return None
        registered, secured = credential.registered, credential.secured
        issuer = await self._commands.issuer(asked.log, issuer_id)
        mechanisms = (Mechanism(secured.mechanism),) if secured else issuer.mechanisms
        return Terms(registered.issuer_did, registered.profile, mechanisms)

    async def issue(self, asked: Asked, command: RegisterCredential, document: Document, wish: Wish) -> Issued:
        """Return *document* with id, issuer and status entries, secured; a repeated request gets the same bytes.

        A document that cannot be signed without loss is refused before anything is recorded. Raises what
        `Commands.handle` raises, and `Malformed`, `UnsafeDocument`, `UnknownContext`, `NotYetVisible`. That the issuer
        may issue is asked where something new would be recorded or signed: a repeated request gets its answer for ever.
        """
        await self.require_signable(document, command.credential_id, wish)
        outcome = await self._commands.handle(asked, command)
        position, secured = await self.secured(asked, command, document, wish, outcome.answer)
        return Issued(position, CredentialId(outcome.answer["credentialId"]), secured, outcome.replayed)

    async def require_signable(self, document: Document, credential_id: CredentialId, wish: Wish) -> None:
        """Refuse a document that cannot be signed without loss."""
        stand_in = {"credentialStatus": _stand_in(PURPOSES[wish.terms.profile])}
        await self._canonicalise(_complete(document, credential_id, wish.terms.did, stand_in))

    async def secured(
        self, asked: Asked, command: RegisterCredential, document: Document, wish: Wish, answer: dict[str, Any]
    ) -> tuple[int, Secured]:
        """Return *document* secured, and where the log says so; *answer* is what its registration answered."""
        complete = _complete(document, answer["credentialId"], answer["issuer"], answer)
        try:
            return await self._secure(asked, command, complete, wish, answer)
        except AlreadyRegistered:
            # two repetitions of one request may race, with different keys after a rotation: the recorded one counts
            return await self._secure(asked, command, complete, wish, answer)

    async def _secure(
        self, asked: Asked, command: RegisterCredential, document: Document, wish: Wish, answer: dict[str, Any]
    ) -> tuple[int, Secured]:
        """Secure as was recorded, or as is wished now with the time of registration; record the digest."""
        how = await self._how(asked, command.issuer_id, CredentialId(document["id"]), wish)
        assert how.method.key_id is not None, "the registry signs only with keys it holds"
        signer = await self._vault.signer(asked.log, how.method.key_id)
        is_rdf = how.mechanism in OVER_RDF
        canonical = await self._canonicalise(document, digest_of(signer.algorithm)) if is_rdf else None
        secured = await asyncio.to_thread(
            secure,
            document if how.mechanism in EMBEDDED else _with_claim(document, answer),
            how.mechanism,
            signer=signer,
            verification_method=how.method.id,
            created=how.created,
            canonical=canonical,
        )
        record = RecordSecuring(
            at=self._commands.clock(),
            issuer_id=command.issuer_id,
            credential_id=CredentialId(document["id"]),
            digest_sha256=hashlib.sha256(secured.content).hexdigest(),
            mechanism=how.mechanism,
            verification_method=how.method.id,
            created=how.created,
        )
        outcome = await self._commands.handle(asked.without_key(), record)
        return outcome.position, secured

    async def _how(self, asked: Asked, issuer_id: IssuerId, credential_id: CredentialId, wish: Wish) -> _Securing:
        credential = await self._commands.credential(asked.log, issuer_id, credential_id)
        issuer = await self._commands.issuer(asked.log, issuer_id)
        if credential.secured is not None:
            return _recorded(issuer, credential.secured, wish)
        require_active(issuer)
        method = issuer.method_for(wish.mechanism, credential.registered.issuer_did)
        await self._until_published(asked.log, method)
        return _Securing(wish.mechanism, method, credential.registered_at.replace(microsecond=0))


def _can_sign(issuer: Issuer, mechanism: Mechanism) -> bool:
    try:
        issuer.method_for(mechanism)
    except (NoFittingKey, IssuerNotActive):
        return False
    return True


def _recorded(issuer: Issuer, secured: CredentialSecured, wish: Wish) -> _Securing:
    mechanism = Mechanism(secured.mechanism)
    if mechanism not in wish.acceptable:
        raise AlreadyRegistered(
            f"The issuer has issued the credential under this id already, secured by {mechanism}; a credential that is "
            "secured otherwise is another one, and needs another id."
        )
    method = next(one for one in issuer.methods if one.id == secured.verification_method)
    return _Securing(mechanism, method, secured.created)


def _complete(document: Document, credential_id: str, did: str, answer: Mapping[str, Any]) -> Document:
    """Fill in what the registration gave: the id, the issuer it was registered under, and our status entries."""
    given = document.get("issuer")
    issuer = {"id": did, **given} if isinstance(given, dict) else did
    named = issuer["id"] if isinstance(issuer, dict) else given
    if named not in (did, None):
        raise AlreadyRegistered(
            f"The credential was registered under {did} before; another issuer cannot take it over."
        )
    return _with_status({**document, "id": credential_id, "issuer": issuer}, answer["credentialStatus"])


def _with_status(document: Document, entries: Any) -> Document:
    """Add our *entries* in front of a foreign `credentialStatus`, which the door let through."""
    foreign = document.get("credentialStatus")
    if foreign is None:
        return {**document, "credentialStatus": entries}
    ours = entries if isinstance(entries, list) else [entries]
    theirs = foreign if isinstance(foreign, list) else [foreign]
    return {**document, "credentialStatus": [*ours, *theirs]}


def _with_claim(document: Document, answer: Mapping[str, Any]) -> Document:
    """Add the `status` claim of an enveloped credential (IETF Token Status List, section 6), if it has one."""
    return {**document, "status": answer["status"]} if "status" in answer else document


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
