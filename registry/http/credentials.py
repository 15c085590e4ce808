"""An issuer's credentials: registering and issuing, and what becomes of them."""

from __future__ import annotations

from aiohttp import web

from registry.domain.commands import (
    CredentialCommand,
    RegisterCredential,
    ReinstateCredential,
    RevokeCredential,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.names import CredentialId, credential_id, lists_stream
from registry.domain.status_list import ListSets, status_entries
from registry.errors import IllegalTransition, Malformed
from registry.http import documents
from registry.http.bodies import (
    IssueBody,
    RegistrationBody,
    RevocationBody,
    StatusBody,
    StatusReference,
    SupersessionBody,
    SuspensionBody,
)
from registry.http.documents import Registration
from registry.http.door import Call
from registry.http.writes import asked, note_position, recorded


def credential_of(call: Call) -> CredentialId:
    """Return the credential that the path names; aiohttp has undone the percent-encoding, %2F included."""
    return credential_id(call.request.match_info["id"])


async def register(call: Call) -> web.Response:
    """Give a credential that is signed elsewhere its status entries; the credential itself is not kept."""
    body = call.body
    assert isinstance(body, RegistrationBody)
    if body.credential is not None:
        _, registration = await _prepared(call, body.credential)
    else:
        valid_from, valid_until = documents.validity(body.valid_from, body.valid_until)
        identifier = documents.identified(body.credential_id, call.parts.new_uuid, pointer="/credentialId")
        types = tuple(body.type or ())
        registration = Registration(identifier, types, valid_from, valid_until, body.achievement)
    outcome = await call.parts.commands.handle(asked(call), _command(call, registration))
    return recorded(call, outcome, 201)


async def issue(call: Call) -> web.Response:
    """Register a credential, sign it, and return it (VCALM, issue credential)."""
    body = call.body
    assert isinstance(body, IssueBody)
    document, registration = await _prepared(call, body.credential)
    issued = await call.parts.issuing.issue(asked(call), _command(call, registration), document)
    note_position(call, issued.position, is_replay=issued.replayed)
    return call.rendered(b'{"verifiableCredential":' + issued.document + b"}", 201)


async def _prepared(call: Call, document: dict[str, object]) -> tuple[dict[str, object], Registration]:
    issuer = await call.parts.commands.issuer(call.log, call.issuer)
    return documents.prepare(
        document, did=issuer.did, origin=call.origin, profile=issuer.status_profile, mint=call.parts.new_uuid
    )


def _command(call: Call, registration: Registration) -> RegisterCredential:
    return RegisterCredential(
        at=call.parts.clock(),
        issuer_id=call.issuer,
        credential_id=registration.credential_id,
        credential_types=registration.types,
        valid_from=registration.valid_from,
        valid_until=registration.valid_until,
        achievement_id=registration.achievement_id,
    )


async def revoke(call: Call) -> web.Response:
    """Revoke for good; repeating the request changes nothing."""
    body = call.body
    assert isinstance(body, RevocationBody)
    return await _change(
        call,
        RevokeCredential(call.parts.clock(), call.issuer, credential_of(call), body.reason, body.effective_at),
    )


async def suspend(call: Call) -> web.Response:
    """Make a credential not count for now."""
    body = call.body
    assert isinstance(body, SuspensionBody)
    return await _change(
        call,
        SuspendCredential(call.parts.clock(), call.issuer, credential_of(call), body.reason, body.effective_at),
    )


async def reinstate(call: Call) -> web.Response:
    """Lift a suspension."""
    return await _change(call, ReinstateCredential(call.parts.clock(), call.issuer, credential_of(call)))


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
    return await _change(call, command)


async def change_status(call: Call) -> web.Response:
    """Set or clear the bit that the request names (VCALM, update status)."""
    body = call.body
    assert isinstance(body, StatusBody)
    identifier = CredentialId(body.credential_id)
    await _require_own_entry(call, identifier, body.credential_status)
    now = call.parts.clock()
    match body.credential_status.status_purpose, body.status:
        case "revocation", True:
            return await _change(call, RevokeCredential(now, call.issuer, identifier))
        case "suspension", True:
            return await _change(call, SuspendCredential(now, call.issuer, identifier))
        case "suspension", False:
            return await _change(call, ReinstateCredential(now, call.issuer, identifier))
    return await _not_revoked(call, identifier)


async def _not_revoked(call: Call, identifier: CredentialId) -> web.Response:
    """Answer "revocation: false": nothing to do, or impossible."""
    credential = await call.parts.commands.credential(call.log, call.issuer, identifier)
    if credential.status == "revoked":
        raise IllegalTransition(
            "The credential is revoked; revocation is final.", currentStatus="revoked", requestedStatus="active"
        )
    note_position(call, credential.position, is_replay=False)
    position = f"{call.log}:{credential.position}"
    return call.json({"credentialId": identifier, "status": str(credential.status), "position": position})


async def _require_own_entry(call: Call, identifier: CredentialId, named: StatusReference) -> None:
    if named.status_list_index is None and named.status_list_credential is None:
        return
    fact = (await call.parts.commands.credential(call.log, call.issuer, identifier)).registered
    sets: ListSets = await call.parts.commands.state(call.log, lists_stream(call.issuer))
    members = next(one.members for one in sets if one.set_id == fact.allocation.set_id)
    for entry in status_entries(members, fact.purposes, fact.allocation.index):
        if entry["statusPurpose"] == named.status_purpose:
            given = (named.status_list_index, named.status_list_credential)
            if given[0] in (None, entry["statusListIndex"]) and given[1] in (None, entry["statusListCredential"]):
                return
    raise Malformed(
        "The credential has no such status entry; send the entry as it was issued, or only its statusPurpose.",
        pointer="/credentialStatus",
    )


async def _change(call: Call, command: CredentialCommand) -> web.Response:
    return recorded(call, await call.parts.commands.handle(asked(call), command))
