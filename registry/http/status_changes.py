"""POST …/credentials/status (VCALM, update status): an entry by the credential it is in, or by its list and index."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from registry.domain.commands import (
    CredentialCommand,
    ReinstateCredential,
    RevokeCredential,
    SetCredentialMessage,
    SetListEntry,
    SuspendCredential,
)
from registry.domain.names import CredentialId, lists_stream, own_lists_stream, position_text
from registry.domain.own_list import OwnList, OwnLists
from registry.domain.status_list import ListSets, status_entries
from registry.errors import IllegalTransition, Malformed
from registry.http import credentials
from registry.http.bodies import StatusBody, StatusReference
from registry.http.door import Call
from registry.http.list_bodies import STATUS_LIST_INDEX
from registry.http.writes import asked, note_position, recorded


async def change(call: Call) -> web.Response:
    """Set or clear the entry that the request names."""
    body = call.body
    assert isinstance(body, StatusBody)
    if (own := await _own_list(call, body.credential_status)) is not None:
        return await _set_entry(call, own, body)
    identifier = CredentialId(body.credential_id)
    await _require_own_entry(call, identifier, body.credential_status)
    match body.credential_status.status_purpose, body.status:
        case "revocation", False:
            return await _not_revoked(call, identifier)
        case purpose, status:
            return await credentials.change(call, _command(call, identifier, purpose, status))


def _command(call: Call, identifier: CredentialId, purpose: str, status: bool | str) -> CredentialCommand:
    """Return what sets the credential's entry of *purpose* to *status*; raise `Malformed` where nothing does."""
    now = call.parts.clock()
    match purpose, status:
        case "message", _:
            return SetCredentialMessage(now, call.issuer, identifier, _value(status))
        case "revocation", True:
            return RevokeCredential(now, call.issuer, identifier)
        case "suspension", True:
            return SuspendCredential(now, call.issuer, identifier)
        case "suspension", False:
            return ReinstateCredential(now, call.issuer, identifier)
        case "refresh", _:
            raise Malformed(
                "A refresh entry is set by PUT …/credentials/{id}/supersession, which names the credential's successor."
            )
    raise Malformed("The status is true or false; only a message has values.", pointer="/status")


def _value(status: bool | str) -> int:
    return int(status, 16) if isinstance(status, str) else int(status)


async def _own_list(call: Call, named: StatusReference) -> OwnList | None:
    """Return the list that *named* names, if it is one whose indices the issuer gives out itself."""
    url = named.status_list_credential
    if url is None:
        return None
    lists: OwnLists = await call.parts.commands.state(call.log, own_lists_stream(call.issuer)) or ()
    return next((one for one in lists if one.member.url == url), None)


async def _set_entry(call: Call, own: OwnList, body: StatusBody) -> web.Response:
    index, pointer = body.credential_status.status_list_index or "", "/credentialStatus/statusListIndex"
    if not STATUS_LIST_INDEX.fullmatch(index):
        raise Malformed("Name the entry by its index in the list, a number in a string.", pointer=pointer)
    if body.credential_status.status_purpose != own.member.purpose:
        raise Malformed(f"The list's purpose is {own.member.purpose}.", pointer="/credentialStatus/statusPurpose")
    command = SetListEntry(call.parts.clock(), call.issuer, own.set_id, int(index), _value(body.status))
    outcome = await call.parts.commands.handle(asked(call), command)
    word = "set" if outcome.answer["value"] else "clear"
    answer = {"credentialId": body.credential_id, "status": word, **outcome.answer}
    return recorded(call, replace(outcome, answer=answer))


async def _not_revoked(call: Call, identifier: CredentialId) -> web.Response:
    """Answer "revocation: false": nothing to do, or impossible."""
    credential = await call.parts.commands.credential(call.log, call.issuer, identifier)
    if credential.status == "revoked":
        raise IllegalTransition(
            "The credential is revoked; revocation is final.", currentStatus="revoked", requestedStatus="active"
        )
    note_position(call, credential.position, is_replay=False)
    position = position_text(call.log, credential.position)
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
