"""The lists that name revoked credentials, for systems older than status lists, where an issuer chose to have them.

They are sent as they are read, a few thousand credentials at a time: a list of any length takes the same memory. What
is revoked meanwhile may be in it already, so the entity tag is a weak one.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from projections.credential_status.revocations import LegacySettings, Revoked
from registry.domain.events import LegacyList
from registry.errors import NotFound
from registry.http.conditional import is_match
from registry.http.door import Call
from registry.http.issuers import slug_of
from registry.http.own_credentials import caught_up
from registry.http.streaming import sent

BATCH = 2_000
"""Credentials read and sent at a time."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of list is written."""

    kind: LegacyList
    path: str
    head: dict[str, str]
    members: tuple[str, ...]
    """Each holds all entries."""
    entry: Callable[[Revoked, bool], Any]
    """(credential, whether its reason may be told) → its entry."""


def _of_1edtech(one: Revoked, with_reason: bool) -> dict[str, Any]:
    reason = {"revocationReason": one.reason} if with_reason and one.reason is not None else {}
    return {"id": one.credential_id, "revoked": True, **reason}


def _of_ob2(one: Revoked, with_reason: bool) -> str | dict[str, str]:
    if not with_reason or one.reason is None:
        return one.credential_id
    return {"id": one.credential_id, "revocationReason": one.reason}


# The specification's schema has `revokedCredential`, its text and 1EdTech's own validator `revokedCredentials`
# (RevocationListProbe.java): who looks for the one that is missing would take everything for valid.
_ONE_EDTECH = _Form(LegacyList.ONE_EDTECH, "revocations", {}, ("revokedCredential", "revokedCredentials"), _of_1edtech)
_OB2 = _Form(
    LegacyList.OB2,
    "revocation-list",
    {"@context": "https://w3id.org/openbadges/v2", "type": "RevocationList"},
    ("revokedAssertions",),
    _of_ob2,
)


async def one_edtech(call: Call) -> web.StreamResponse:
    """The issuer's revoked credentials (1EdTech Revocation List Status Method 1.0)."""
    return await _list(call, _ONE_EDTECH)


async def open_badges_2(call: Call) -> web.StreamResponse:
    """The issuer's revoked assertions (Open Badges 2.0, RevocationList)."""
    return await _list(call, _OB2)


async def _list(call: Call, form: _Form) -> web.StreamResponse:
    await caught_up(call)
    chosen = await call.parts.views.legacy_settings(call.log, slug_of(call))
    if form.kind not in chosen.lists:
        raise NotFound(
            f"The issuer publishes no such list; ask its status lists, or its operator for `legacyLists`: {form.kind}."
        )
    url = f"{call.origin}/issuers/{slug_of(call)}/{form.path}"
    etag = _etag(form, url, chosen)
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache", "ETag": f'W/"{etag}"'}
    if is_match(call.request.headers.get("If-None-Match", ""), etag):
        del headers["Content-Type"]
        return web.Response(status=304, headers=headers)
    if call.request.method == "HEAD":
        return web.Response(headers=headers)
    return await sent(call, web.StreamResponse(headers=headers), _pieces(call, form, url, chosen))


def _etag(form: _Form, url: str, chosen: LegacySettings) -> str:
    """Return what names this version of the list: all that its content depends on."""
    depends = [form.kind, url, chosen.did, chosen.public_reasons, chosen.revoked_position]
    return hashlib.sha256(orjson.dumps(depends)).hexdigest()[:32]


async def _pieces(call: Call, form: _Form, url: str, chosen: LegacySettings) -> AsyncIterator[bytes]:
    """Return the JSON document, piece by piece."""
    yield orjson.dumps({**form.head, "id": url, "issuer": chosen.did})[:-1]
    for member in form.members:
        yield b',"' + member.encode() + b'":['
        separator = b""
        async for batch in _batches(call, chosen):
            entries = [form.entry(one, chosen.public_reasons) for one in batch]
            yield separator + orjson.dumps(entries)[1:-1]
            separator = b","
        yield b"]"
    yield b"}"


async def _batches(call: Call, chosen: LegacySettings) -> AsyncIterator[Sequence[Revoked]]:
    after = 0
    while True:
        batch = await call.parts.views.revoked(call.log, chosen.issuer_id, after=after, limit=BATCH)
        if batch:
            yield batch
        if len(batch) < BATCH:
            return
        after = batch[-1].registered_position
