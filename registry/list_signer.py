"""What signs status lists: every form of a list version, with the keys held here of the DID that is its issuer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin
from uuid import UUID

from projections.status_lists.aggregation import aggregation_uri
from projections.status_lists.rendering import IetfList, Secure, Secured, Unsecured, W3cList
from projections.status_lists.representation import STATUSLIST_CWT, STATUSLIST_JWT
from registry.commands.issue import UntilPublished
from registry.domain.events import VerificationMethod
from registry.domain.issuer import Issuer
from registry.domain.list_methods import list_methods
from registry.domain.mechanisms import Mechanism
from registry.domain.names import IssuerId, LogName, issuer_stream
from registry.domain.streams import evolve
from registry.errors import UnknownIssuer
from registry.log import read
from registry.log.connection import Pool
from registry.securing import secure as securing
from registry.securing import status_token
from registry.securing.signer import Signer
from registry.vault.keys import Vault


@dataclass(frozen=True, slots=True)
class Key:
    """A verification method, and what signs for it."""

    method_id: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Keys:
    """The verification methods of one DID's lists, ready to sign: `ListMethods` with their keys."""

    mechanism: Mechanism
    embedded: Key
    enveloped: Key


def list_signer(database: Pool, vault: Vault, clock: Callable[[], datetime], until_published: UntilPublished) -> Secure:
    """Return what signs a list version in every form that its issuer has keys for.

    It raises `UnknownIssuer`, and `NotYetVisible` while the issuer's document does not list a new key: a list that it
    had signed nobody could verify.
    """
    under_way: dict[tuple[LogName, UUID], asyncio.Future[Issuer]] = {}

    def issuer_of(log: LogName, issuer_id: UUID) -> asyncio.Future[Issuer]:
        """The issuer as the log has it, read once for all lists of a publication, which ask for it at once.

        It is not remembered beyond that: what is published after a rotation is signed by the new key.
        """
        key = (log, issuer_id)
        if key not in under_way:
            reading = under_way[key] = asyncio.ensure_future(_read_issuer(database, log, issuer_id))
            reading.add_done_callback(lambda _: under_way.pop(key))
        return asyncio.shield(under_way[key])

    async def opened(log: LogName, method: VerificationMethod) -> Key:
        await until_published(log, method)
        return Key(method.id, await vault.signer(log, method.key_id or UUID(int=0)))

    async def secure(log: LogName, unsecured: Unsecured) -> Secured:
        issuer = await issuer_of(log, unsecured.issuer_id)
        methods = list_methods(issuer, unsecured.issuer_did)
        embedded, enveloped = await opened(log, methods.embedded), await opened(log, methods.enveloped)
        keys = Keys(methods.mechanism, embedded, enveloped)
        return await asyncio.to_thread(every_form, unsecured, keys, issuer.slug, clock())

    return secure


async def _read_issuer(database: Pool, log: LogName, issuer_id: UUID) -> Issuer:
    stream = issuer_stream(IssuerId(issuer_id))
    found: Issuer | None = None
    for recorded in await read.stream(database, log, stream):
        found = evolve(stream, found, recorded)
    if found is None:
        raise UnknownIssuer(f"The log {log} has no issuer {issuer_id}.")
    return found


def every_form(unsecured: Unsecured, keys: Keys, slug: str, created: datetime) -> Secured:
    """Return a list of the issuer *slug* in every form that it has, each signed by one of *keys*."""
    forms: dict[str, bytes] = {}
    used: list[str] = []
    if unsecured.w3c is not None:
        forms |= _as_credential(unsecured.w3c, keys.mechanism, keys.embedded, created)
        used.append(keys.embedded.method_id)
        forms |= _as_credential(unsecured.w3c, Mechanism.VC_JWT, keys.enveloped, created)
        forms |= _as_credential(unsecured.w3c, Mechanism.VC_COSE, keys.enveloped, created)
    if unsecured.ietf is not None:
        forms |= _as_token(unsecured.ietf, keys.enveloped, slug)
    return Secured(forms, tuple(dict.fromkeys((*used, keys.enveloped.method_id))))


def _as_credential(w3c: W3cList, mechanism: Mechanism, key: Key, created: datetime) -> dict[str, bytes]:
    secured = securing.secure(
        w3c.document,
        mechanism,
        signer=key.signer,
        verification_method=key.method_id,
        created=created,
        canonical=w3c.canonical,
    )
    return {secured.media_type: secured.content}


def _as_token(ietf: IetfList, key: Key, slug: str) -> dict[str, bytes]:
    token = status_token.StatusToken(
        sub=ietf.subject,
        iat=int(ietf.issued_at.timestamp()),
        exp=int(ietf.expires_at.timestamp()),
        ttl=ietf.ttl_s,
        bits=ietf.bits,
        lst=ietf.lst,
        aggregation_uri=aggregation_uri(urljoin(ietf.subject, "/")[:-1], slug),
    )
    return {
        STATUSLIST_JWT: status_token.jwt(token, signer=key.signer, key_id=key.method_id).encode("ascii"),
        STATUSLIST_CWT: status_token.cwt(token, signer=key.signer, key_id=key.method_id),
    }
