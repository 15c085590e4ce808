"""Saying beforehand where a credential will fail; nothing of it is kept, and nothing is fetched."""

from __future__ import annotations

from aiohttp import web

from registry.http import bodies, reading
from registry.http.door import Call
from registry.http.verify import raw, take_verification
from registry.http.verify_bodies import LintBody
from registry.securing.enveloped import CREDENTIAL_TYPES
from registry.verifier.lint.lint import lint_presented
from registry.verifier.opened import Presented


async def credential(call: Call) -> web.Response:
    """Return what the known rules of verifiers find in a credential or status list, signed or not yet."""
    presented, lists = await _given(call)
    async with call.parts.verifier.turn(take_verification(call)):
        report = await lint_presented(
            presented,
            lists,
            canonical_of=call.parts.canonical_of,
            now=call.parts.clock(),
        )
    return call.unstored(report.json())


async def _given(call: Call) -> tuple[Presented, list[Presented]]:
    if call.request.content_type in CREDENTIAL_TYPES:
        return raw(call), []
    body = await bodies.read_beside(LintBody, call.raw, is_document=reading.is_document(call.request))
    return body.verifiable_credential, list(body.status_list_credentials)
