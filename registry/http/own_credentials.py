"""What an issuer may see of its own credentials: the list, one with its entries, one's history."""

from __future__ import annotations

from aiohttp import web

from projections.credential_status.view import CredentialRow
from registry.domain.credential import Status
from registry.errors import UnknownCredential
from registry.http import client, paging
from registry.http.credentials import credential_of
from registry.http.door import Call
from registry.http.lookups import PROJECTION
from registry.http.rendering import as_of, event, own_credential


async def listing(call: Call) -> web.Response:
    """A page of the issuer's credentials, by status if the caller says one."""
    request = call.request
    await caught_up(call)
    seen = call.parts.progress.as_of(call.log, PROJECTION)
    page = await call.parts.views.of_issuer(
        call.log,
        call.issuer,
        status=paging.one_of(request, "status", [status.value for status in Status]),
        limit=paging.limit(request),
        cursor=paging.cursor(request),
    )
    answer: dict[str, object] = {
        "credentials": [own_credential(call.log, row) for row in page.credentials],
        "asOf": as_of(call.log, seen),
    }
    if page.next_cursor is not None:
        answer["next"] = page.next_cursor
        call.headers["Link"] = paging.next_link(request, call.origin, page.next_cursor)
    return call.json(answer)


async def one(call: Call) -> web.Response:
    """One credential with its status entries."""
    await caught_up(call)
    seen = call.parts.progress.as_of(call.log, PROJECTION)
    row = await call.parts.gathering.find(call.log, (credential_of(call), str(call.issuer)))
    if not isinstance(row, CredentialRow):
        raise UnknownCredential("The issuer has registered no credential under this id.")
    return call.json({**own_credential(call.log, row), "asOf": as_of(call.log, seen)})


async def history(call: Call) -> web.Response:
    """Every fact about one credential, oldest first, with who did it and why."""
    identifier = credential_of(call)
    events = await call.parts.commands.history(call.log, call.issuer, identifier)
    return call.json({"credentialId": identifier, "events": [event(call.log, one) for one in events]})


async def caught_up(call: Call) -> None:
    """Return once the rows show the position that the caller must see; raise `NotYetVisible`."""
    if wanted := client.wanted_position(call.request, call.log):
        await call.parts.progress.reach(call.log, PROJECTION, wanted, timeout_s=call.parts.limits.position_wait_s)
