"""Saying beforehand where a credential will fail; nothing of it is kept, and nothing is fetched."""

from __future__ import annotations

from aiohttp import web

from registry.http.door import Call
from registry.http.verify import take_verification
from registry.http.verify_bodies import LintBody
from registry.verifier.lint.lint import lint_presented


async def credential(call: Call) -> web.Response:
    """Return what the known rules of verifiers find in a credential or status list, signed or not yet."""
    body = call.body
    assert isinstance(body, LintBody)
    async with call.parts.verifier.turn(take_verification(call)):
        report = await lint_presented(
            body.verifiable_credential,
            body.status_list_credentials,
            canonical_of=call.parts.canonical_of,
            now=call.parts.clock(),
        )
    return call.unstored(report.json())
