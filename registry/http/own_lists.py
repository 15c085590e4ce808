"""An issuer's own status lists: which there are, and giving it more of them."""

from __future__ import annotations

from aiohttp import web

from registry.commands.list_sets import ListShape
from registry.domain.events import ListMember, Purpose, StatusMessage
from registry.domain.names import lists_stream
from registry.domain.status_list import ListSet, ListSets
from registry.errors import UnknownStatusList
from registry.http.bodies import StatusListBody
from registry.http.door import Call
from registry.http.rendering import Json
from registry.http.writes import asked, recorded

ADDABLE = (Purpose.REFRESH, Purpose.MESSAGE, Purpose.TOKEN)
"""What a set can be given; it is opened with the others."""


async def listing(call: Call) -> web.Response:
    """The issuer's sets, oldest first, with their lists."""
    sets: ListSets = await call.parts.commands.state(call.log, lists_stream(call.issuer)) or ()
    return call.json({"sets": [_set(one) for one in sets]})


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
