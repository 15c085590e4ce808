"""What issuers sign with: the public history of their keys, and the operator's hold on keys and DIDs."""

from __future__ import annotations

from aiohttp import web

from registry.commands.handle import Outcome
from registry.commands.keys import OWN
from registry.domain.events import CredentialSecured, Recorded
from registry.domain.mechanisms import algorithm_of
from registry.domain.names import position_text
from registry.errors import Malformed
from registry.http import paging
from registry.http.bodies import DidBody, RotationBody
from registry.http.door import Call
from registry.http.issuers import directory_caught_up, fresh, require_did_web, require_foreign, slug_of
from registry.http.rendering import Json, moment
from registry.http.writes import asked, recorded

ACCEPTED = 202
"""The answer to a DID that waits for its document to list our keys."""


async def listing(call: Call) -> web.Response:
    """Every key the issuer ever had, oldest first, and what became of it."""
    await directory_caught_up(call)
    entry = await call.parts.views.issuer(call.log, slug_of(call))
    rows = await call.parts.views.methods(call.log, entry.slug)
    keys = [
        {
            "id": row.method_id,
            "controller": row.controller,
            "publicKeyMultibase": row.public_key_multibase,
            "algorithm": algorithm_of(row.public_key_multibase),
            "state": row.state,
            "since": moment(row.added_at),
            "until": moment(row.until),
        }
        for row in rows
    ]
    return fresh(call.json({"slug": entry.slug, "id": entry.did, "keys": keys}))


async def rotate(call: Call) -> web.Response:
    """Let new keys sign; planned, or because the old ones are compromised."""
    body = call.body
    assert isinstance(body, RotationBody)
    outcome = await call.parts.issuer_keys.rotate(
        asked(call), call.issuer, method_id=body.method, compromised_since=body.compromised_since
    )
    return _answered(call, outcome, outcome.answer["id"])


async def adopt_did(call: Call) -> web.Response:
    """Propose a DID that is controlled elsewhere, and adopt it once its document lists our keys; adopt our own."""
    body = call.body
    assert isinstance(body, DidBody)
    if body.did == OWN:
        require_did_web(call.origin)
    elif body.did is not None:
        require_foreign(body.did, call.origin)
    return _answered(call, await call.parts.issuer_keys.adopt(asked(call), call.issuer, body.did), body.did)


async def doubtful(call: Call) -> web.Response:
    """A page of the credentials that a compromised key secured at or after its cut-off, from the log."""
    request = call.request
    after = _position(paging.cursor(request))
    page = await call.parts.issuer_keys.doubtful(call.log, call.issuer, after=after, limit=paging.limit(request))
    answer: Json = {"credentials": [_secured(call, one) for one in page.securings]}
    if page.next_after is not None:
        answer["next"] = str(page.next_after)
        call.headers["Link"] = paging.next_link(request, call.origin, answer["next"])
    return call.json(answer)


def _answered(call: Call, outcome: Outcome, did: str | None) -> web.Response:
    """Answer, and say whether *did* (None: whichever was proposed) waits for its document."""
    waiting = outcome.answer.get("delegation", {}).get("id")
    return recorded(call, outcome, ACCEPTED if waiting is not None and did in (None, waiting) else 200)


def _secured(call: Call, one: Recorded) -> Json:
    fact = one.event
    assert isinstance(fact, CredentialSecured)
    return {
        "credentialId": fact.credential_id,
        "verificationMethod": fact.verification_method,
        "created": moment(fact.created),
        "digestSha256": fact.digest_sha256,
        "position": position_text(call.log, one.position),
    }


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
        raise Malformed("A cursor is `next` of the page before.", parameter="cursor")
    return int(cursor)
