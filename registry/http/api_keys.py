"""The operator's hold on API keys: an issuer's, by its slug."""

from __future__ import annotations

from aiohttp import web

from registry.commands.api_keys import ListedKey
from registry.http.bodies import ApiKeyBody
from registry.http.door import Call
from registry.http.rendering import moment
from registry.http.writes import asked, note_position, recorded


async def create(call: Call) -> web.Response:
    """Make a key; the answer shows it, this once."""
    body = call.body
    assert isinstance(body, ApiKeyBody)
    outcome, text = await call.parts.keys.create(
        asked(call), call.issuer, name=body.name, scopes=body.scopes, expires=body.expires
    )
    note_position(call, outcome.position, is_replay=outcome.replayed)
    return call.json({**outcome.answer, "key": text}, 201)


async def revoke(call: Call) -> web.Response:
    """End a key; repeating the request changes nothing."""
    return recorded(call, await call.parts.keys.revoke(asked(call), call.issuer, call.request.match_info["keyId"]))


async def listing(call: Call) -> web.Response:
    """Every key there ever was, the oldest first; never a secret."""
    now = call.parts.clock()
    keys = await call.parts.keys.list(call.log, call.issuer)
    return call.json({"apiKeys": [{**_shown(one), "live": one.facts.is_live(now)} for one in keys]})


def _shown(listed: ListedKey) -> dict[str, object]:
    facts = listed.facts
    return {
        "id": facts.created.key_id,
        "name": facts.created.name,
        "scopes": list(facts.created.scopes),
        "created": moment(facts.created_at),
        "expires": moment(facts.created.expires),
        "revoked": moment(facts.revoked_at),
        "lastUsed": moment(listed.last_used_at),
    }
