"""An issuer's status lists: which there are, giving its sets more of them, and those it manages itself."""

from __future__ import annotations

from uuid import UUID

import orjson
from aiohttp import web

from projections.status_lists.representation import EMBEDDED
from registry.commands.list_sets import ListShape
from registry.domain.events import ListMember, Purpose, StatusMessage
from registry.domain.names import IssuerId, lists_stream, own_lists_stream
from registry.domain.own_list import OwnLists
from registry.domain.status_list import ListSet, ListSets
from registry.errors import Malformed, UnknownStatusList
from registry.http.door import Call
from registry.http.list_bodies import OwnListBody, StatusListBody
from registry.http.rendering import Json
from registry.http.writes import asked, note_position, recorded

ADDABLE = (Purpose.REFRESH, Purpose.MESSAGE, Purpose.TOKEN)
"""What a set can be given; it is opened with the others."""


async def listing(call: Call) -> web.Response:
    """The issuer's sets, oldest first, with their lists; and the lists whose indices it gives out itself."""
    sets: ListSets = await call.parts.commands.state(call.log, lists_stream(call.issuer)) or ()
    own: OwnLists = await call.parts.commands.state(call.log, own_lists_stream(call.issuer)) or ()
    lists = [{**_member(one.member), "size": one.size} for one in own]
    return call.json({"sets": [_set(one) for one in sets], "ownLists": lists})


async def open_own(call: Call) -> web.Response:
    """Open a list whose indices the issuer gives out itself (VCALM, create status list); answer with it, signed."""
    body = call.body
    assert isinstance(body, OwnListBody)
    shape = _shape(Purpose(body.status_purpose), body.options)
    outcome = await call.parts.commands.open_own_list(asked(call), _issuer(call), shape)
    published = await call.parts.lists.by_url(call.log, outcome.answer["id"])
    signed = await call.parts.lists.get(call.log, published.status_list_id, EMBEDDED)
    note_position(call, outcome.position, is_replay=outcome.replayed)
    call.headers["Location"] = outcome.answer["id"]
    parts = {"id": outcome.answer["id"], "position": outcome.answer["position"]}
    return call.rendered(orjson.dumps({**parts, "verifiableCredential": orjson.Fragment(signed.body)}), 201)


def _issuer(call: Call) -> IssuerId:
    """The issuer that the path names, or else the one whose key it is."""
    issuer_id = call.issuer_id or (call.caller.issuer if call.caller is not None else None)
    if issuer_id is None:
        raise Malformed("This key speaks for no issuer; open the list at /issuers/{slug}/status-lists.")
    return IssuerId(UUID(bytes=issuer_id.bytes))  # the database driver has a type of its own


async def add(call: Call) -> web.Response:
    """Give all of the issuer's sets, and those opened later, a list of the purpose; repeating changes nothing."""
    body = call.body
    assert isinstance(body, StatusListBody)
    purpose = call.request.match_info["purpose"]
    if purpose not in ADDABLE:
        raise UnknownStatusList(f"A list of {', '.join(ADDABLE)} can be added; revocation and suspension are there.")
    outcome = await call.parts.commands.add_list(asked(call), call.issuer, _shape(Purpose(purpose), body))
    return recorded(call, outcome)


def _shape(purpose: Purpose, body: StatusListBody) -> ListShape:
    """A token list has two bits unless told otherwise: valid, invalid, suspended."""
    messages = body.status_messages
    reference = [body.status_reference] if isinstance(body.status_reference, str) else body.status_reference
    return ListShape(
        purpose,
        status_size=body.status_size or (2 if purpose is Purpose.TOKEN else None),
        messages=tuple(StatusMessage(status=one.status, message=one.message) for one in messages) if messages else None,
        reference=tuple(reference) if reference else None,
    )


def _set(one: ListSet) -> Json:
    return {
        "id": str(one.set_id),
        "issuer": one.issuer_did,
        "size": one.size,
        "open": one.is_open,
        "statusLists": [_member(member) for member in one.members],
    }


def _member(member: ListMember) -> Json:
    shape: Json = {"statusPurpose": str(member.purpose), "id": member.url}
    if member.bits > 1:
        shape["statusSize"] = member.bits
    if member.messages is not None:
        shape["statusMessages"] = [{"status": one.status, "message": one.message} for one in member.messages]
    if member.reference is not None:
        shape["statusReference"] = list(member.reference)
    return shape
