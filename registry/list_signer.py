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

_NOW = 2**63 - 1
"""Beyond every position."""


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
    issuers = Issuers(database)

    async def opened(log: LogName, method: VerificationMethod) -> Key:
        await until_published(log, method)
        return Key(method.id, await vault.signer(log, method.key_id or UUID(int=0)))

    async def secure(log: LogName, unsecured: Unsecured) -> Secured:
        issuer = await issuers.get(log, unsecured.issuer_id)
        methods = list_methods(issuer, unsecured.issuer_did)
        embedded, enveloped = await opened(log, methods.embedded), await opened(log, methods.enveloped)
        keys = Keys(methods.mechanism, embedded, enveloped)
        return await asyncio.to_thread(every_form, unsecured, keys, issuer.slug, clock())

    return secure


class Issuers:
    """Issuers as the log has them: those that are asked for in one turn of the loop are read together, by one query.

    So a publication reads those of all its lists at once. None is remembered beyond that: what is published after a
    rotation is signed by the new key.
    """

    def __init__(self, database: Pool) -> None:
        self._database = database
        self._asked: dict[LogName, dict[UUID, asyncio.Future[Issuer]]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def get(self, log: LogName, issuer_id: UUID) -> Issuer:
        """Return the issuer as of now; raises `UnknownIssuer`."""
        loop = asyncio.get_running_loop()
        asked = self._asked.get(log)
        if asked is None:
            asked = self._asked[log] = {}
            loop.call_soon(self._begin, log)
        if issuer_id not in asked:
            asked[issuer_id] = loop.create_future()
        return await asyncio.shield(asked[issuer_id])  # another list may wait for the same

    def _begin(self, log: LogName) -> None:
        task = asyncio.ensure_future(self._read(log, self._asked.pop(log)))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, log: LogName, asked: dict[UUID, asyncio.Future[Issuer]]) -> None:
        streams = {issuer_stream(IssuerId(issuer_id)): issuer_id for issuer_id in asked}
        found: dict[UUID, Issuer | None] = {}
        try:
            for recorded in await read.streams(self._database, log, list(streams), _NOW):
                issuer_id = streams[recorded.stream]
                found[issuer_id] = evolve(recorded.stream, found.get(issuer_id), recorded)
        except Exception as error:  # noqa: BLE001  # whoever asked is told
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # looked at: they may have left
            return
        for issuer_id, future in asked.items():
            if (issuer := found.get(issuer_id)) is not None:
                future.set_result(issuer)
            else:
                future.set_exception(UnknownIssuer(f"The log {log} has no issuer {issuer_id}."))
                future.exception()


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
