"""An issuer's credentials: registering and issuing, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import orjson
from aiohttp import web

from registry.commands.issue import Terms, Wish
from registry.domain.commands import (
    CredentialCommand,
    ReinstateCredential,
    RevokeCredential,
    SetCredentialMessage,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.names import CredentialId, credential_id
from registry.errors import Refused
from registry.http import documents, issue_options
from registry.http.bodies import (
    IssueBody,
    MessageBody,
    RegistrationBody,
    RevocationBody,
    SupersessionBody,
    SuspensionBody,
)
from registry.http.documents import Registration
from registry.http.door import Call
from registry.http.writes import asked, note_position, recorded
from registry.securing.contexts import CREDENTIALS_V2
from registry.securing.secure import Secured
from registry.verifier.beside import Walks


def credential_of(call: Call) -> CredentialId:
    """Return the credential that the path names; aiohttp has undone the percent-encoding, %2F included."""
    return credential_id(call.request.match_info["id"])


async def register(call: Call) -> web.Response:
    """Give a credential that is signed elsewhere its status entries; the credential itself is not kept."""
    body = call.body
    assert isinstance(body, RegistrationBody)
    if (document := body.credential) is not None:
        _, registration = await _judged(call, document, lambda terms: _prepared(call, document, terms))
    else:
        valid_from, valid_until = documents.validity(body.valid_from, body.valid_until)
        identifier = documents.identified(body.credential_id, call.parts.new_uuid, pointer="/credentialId")
        types = tuple(body.type or ())
        registration = Registration(identifier, types, valid_from, valid_until, body.achievement)
    outcome = await call.parts.commands.handle(asked(call), registration.command(call.parts.clock(), call.issuer))
    _note_location(call, outcome.answer["credentialId"])
    return recorded(call, outcome, 201)


async def issue(call: Call) -> web.Response:
    """Register a credential, secure it, and return it (VCALM, issue credential)."""
    body = call.body
    assert isinstance(body, IssueBody)
    acceptable = issue_options.meant(body.options)

    def judge(terms: Terms) -> tuple[Prepared, Wish]:
        documents.require_date(body.credential)
        prepared = _prepared(call, body.credential, terms)
        mechanism = issue_options.chosen(terms.mechanisms, acceptable, body.credential)
        return prepared, Wish(terms, mechanism, acceptable)

    (document, registration), wish = await _judged(call, body.credential, judge)
    await Walks(document)(lambda: documents.require_conforming(document, wish.terms.did))
    command = registration.command(call.parts.clock(), call.issuer)
    issued = await call.parts.issuing.issue(asked(call), command, document, wish)
    note_position(call, issued.position, is_replay=issued.replayed)
    _note_location(call, issued.credential_id)
    return call.rendered(b'{"verifiableCredential":' + rendered(issued.secured) + b"}", 201)


def _note_location(call: Call, identifier: str) -> None:
    """Say where the credential is suspended and revoked from now on: inside an envelope, its id is hard to see."""
    slug = call.request.match_info["slug"]
    call.headers["Location"] = f"{call.origin}/issuers/{slug}/credentials/{quote(identifier, safe=':')}"


def rendered(secured: Secured) -> bytes:
    """The credential as JSON; one that is not JSON inside an envelope (VCDM 2.0, section 4.13)."""
    if not secured.is_enveloped:
        return secured.content
    return orjson.dumps({"@context": CREDENTIALS_V2, "id": secured.data_url(), "type": "EnvelopedVerifiableCredential"})


Prepared = tuple[dict[str, object], Registration]
Judged = TypeVar("Judged")


async def _judged(call: Call, document: dict[str, object], judge: Callable[[Terms], Judged]) -> Judged:
    """Return what *judge* makes of a document under today's terms, or under those of the request it repeats."""
    try:
        return judge(await call.parts.issuing.terms(call.log, call.issuer))
    except Refused:
        earlier = await call.parts.issuing.earlier_terms(asked(call), call.issuer, document.get("id"))
        if earlier is None:
            raise
    return judge(earlier)


def _prepared(call: Call, document: dict[str, object], terms: Terms) -> Prepared:
    return documents.prepare(
        document, did=terms.did, origin=call.origin, profile=terms.profile, mint=call.parts.new_uuid
    )


async def revoke(call: Call) -> web.Response:
    """Revoke for good; repeating the request changes nothing."""
    body = call.body
    assert isinstance(body, RevocationBody)
    return await change(
        call,
        RevokeCredential(call.parts.clock(), call.issuer, credential_of(call), body.reason, body.effective_at),
    )


async def suspend(call: Call) -> web.Response:
    """Make a credential not count for now."""
    body = call.body
    assert isinstance(body, SuspensionBody)
    return await change(
        call,
        SuspendCredential(call.parts.clock(), call.issuer, credential_of(call), body.reason, body.effective_at),
    )


async def reinstate(call: Call) -> web.Response:
    """Lift a suspension."""
    return await change(call, ReinstateCredential(call.parts.clock(), call.issuer, credential_of(call)))


async def supersede(call: Call) -> web.Response:
    """Say that another credential of the same issuer took its place."""
    body = call.body
    assert isinstance(body, SupersessionBody)
    command = SupersedeCredential(
        at=call.parts.clock(),
        issuer_id=call.issuer,
        credential_id=credential_of(call),
        by=CredentialId(body.by),
        reason=body.reason,
        revoke=body.revoke,
        effective_at=body.effective_at,
    )
    return await change(call, command)


async def set_message(call: Call) -> web.Response:
    """Let the credential's entry in its message list say something else."""
    body = call.body
    assert isinstance(body, MessageBody)
    command = SetCredentialMessage(call.parts.clock(), call.issuer, credential_of(call), int(body.status, 16))
    return await change(call, command)


async def change(call: Call, command: CredentialCommand) -> web.Response:
    """Carry out *command*, and answer where the credential stands then."""
    return recorded(call, await call.parts.commands.handle(asked(call), command))
