"""Revoking or suspending by query: looked at first, and then exactly what was looked at.

A registration never changes, and the log only grows: a query up to a position means the same credentials for ever.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Literal, Self

import orjson
from aiohttp import web
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from registry.commands.batches import Selection
from registry.domain.commands import RevokeCredential, Row, SuspendCredential
from registry.domain.events import Reason
from registry.domain.names import CredentialId, position_text
from registry.errors import Malformed
from registry.http import batches, documents, paging
from registry.http.batch_course import each, looked_at
from registry.http.batch_files import CHUNK_ROWS, Chunk
from registry.http.bodies import Body
from registry.http.door import Call
from registry.http.fields import AnyReason, Iri, Moment

_POSITION = re.compile(r"([a-z][a-z0-9-]{0,31}):([0-9]{1,18})", re.ASCII)


class SelectionBody(Body):
    """POST …/batches/by-query: which credentials, and what becomes of them."""

    operation: Literal["revoke", "suspend"]
    achievement: Iri | None = None
    type: Annotated[str, Field(min_length=1, max_length=documents.MAX_TYPE_CHARACTERS)] | None = None
    issued_from: Moment | None = None
    """Registered at that moment or later."""
    issued_until: Moment | None = None
    """Registered before that moment."""
    reason: AnyReason = Reason.UNSPECIFIED
    position: Annotated[str, Field(pattern=_POSITION)] | None = None
    """Up to where they were registered, as the look at it answered."""

    @model_validator(mode="after")
    def _narrow(self) -> Self:
        if all(one is None for one in (self.achievement, self.type, self.issued_from, self.issued_until)):
            raise PydanticCustomError("form", "Say which: `achievement`, `type`, `issuedFrom` or `issuedUntil`.")
        if self.operation == "revoke" and self.reason is Reason.INVESTIGATION:
            raise PydanticCustomError("form", "`investigation` is a reason to suspend; say another one.")
        return self


async def by_query(call: Call) -> web.StreamResponse:
    """Look at what a query means, with `dry_run`; or carry out what was looked at, up to the position it answered."""
    body = call.body
    assert isinstance(body, SelectionBody)
    is_dry_run = paging.one_of(call.request, "dry_run", ("true", "false")) == "true"
    if body.position is None and not is_dry_run:
        raise Malformed(
            "Look first, with `?dry_run=true`; then send the same again with the `position` that it answers.",
            pointer="/position",
        )
    head = await call.parts.batches.head(call.log)
    position = _position(call, body.position, head) if body.position else head
    selection = Selection(position, body.achievement, body.type, body.issued_from, body.issued_until)

    def row_of(record: bytes) -> Row:
        command = RevokeCredential if body.operation == "revoke" else SuspendCredential
        return command(call.parts.clock(), call.issuer, CredentialId(record.decode()), body.reason)

    if is_dry_run:
        seen = await looked_at(call, _chunks(call, selection), each(row_of))
        return call.json({**batches.preview(call, seen), "position": position_text(call.log, position)})
    said = body.model_dump(mode="json", by_alias=True)
    parameters = b"query:" + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    return await batches.carry_out(
        call, batches.place_of(call), _chunks(call, selection), each(row_of), lambda: parameters
    )


def _position(call: Call, text: str, head: int) -> int:
    found = _POSITION.fullmatch(text)
    if found is None or found[1] != call.log:
        raise Malformed(f"`position` is written like {call.log}:42, as the look at it answered.", pointer="/position")
    position = int(found[2])
    if position > head:  # what it means would grow until the log gets there
        raise Malformed(f"The log ends at {position_text(call.log, head)}.", pointer="/position")
    return position


async def _chunks(call: Call, selection: Selection) -> AsyncIterator[Chunk]:
    """Return the ids of the credentials that are meant, in chunks."""
    number, row, ids = 0, 1, list[bytes]()
    async for one in call.parts.batches.selected(call.log, call.issuer, selection):
        ids.append(one.encode())
        if len(ids) == CHUNK_ROWS:
            yield Chunk(number, row, ids)
            number, row, ids = number + 1, row + len(ids), []
    if ids:
        yield Chunk(number, row, ids)
