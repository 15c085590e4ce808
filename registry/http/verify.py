"""Verifying for anybody (VCALM 1.0, section 3.4): hand over, and tell what was found."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from registry.errors import Malformed
from registry.http import bodies, client, reading
from registry.http.door import Call
from registry.http.faults import unknown_member
from registry.http.limits import address_key
from registry.http.verdicts import VCALM_UNKNOWN_OPTION, answer
from registry.http.verify_bodies import (
    CredentialOptions,
    PresentationOptions,
    VerifyCredentialBody,
    VerifyPresentationBody,
)
from registry.securing.enveloped import CREDENTIAL_TYPES, PRESENTATION_TYPES
from registry.verifier.options import Options


async def credential(call: Call) -> web.Response:
    """Verify a credential; malformed or badly signed is 400, everything else 200 with its verdict."""
    presented, options = await _credential(call)
    if (unknown := _unknown_option(call, options)) is not None:
        return unknown
    caller = take_verification(call)
    wanted = Options(at=_past(call, options), identifier=options.identifier)
    found = await call.parts.verifier.credential(call.log, presented, wanted, caller=caller)
    return _answered(call, answer(found, call.origin, options), is_verified=found.verified)


async def presentation(call: Call) -> web.Response:
    """Verify a presentation and every credential in it; if one of them does not hold, neither does the whole."""
    presented, options, is_proof_needed = await _presentation(call)
    if (unknown := _unknown_option(call, options)) is not None:
        return unknown
    caller = take_verification(call)
    wanted = Options(_past(call, options), options.challenge, options.domain, options.identifier)
    found = await call.parts.verifier.presentation(
        call.log, presented, wanted, caller=caller, is_proof_needed=is_proof_needed
    )
    return _answered(call, answer(found, call.origin, options, is_presentation=True), is_verified=found.verified)


async def _credential(call: Call) -> tuple[Any, CredentialOptions]:
    if call.request.content_type in CREDENTIAL_TYPES:
        return raw(call), CredentialOptions()
    body = await bodies.read_beside(VerifyCredentialBody, call.raw, is_document=reading.is_document(call.request))
    return body.verifiable_credential, body.options


async def _presentation(call: Call) -> tuple[Any, PresentationOptions, bool]:
    if call.request.content_type in PRESENTATION_TYPES:
        return raw(call), PresentationOptions(), True
    body = await bodies.read_beside(VerifyPresentationBody, call.raw, is_document=reading.is_document(call.request))
    if body.verifiable_presentation is not None:
        return body.verifiable_presentation, body.options, True
    return body.presentation, body.options, False


def raw(call: Call) -> str | bytes:
    """Return the body as it is: text for a JWT, bytes for COSE."""
    if not call.request.content_type.endswith("+jwt"):
        return call.raw
    try:
        return call.raw.decode("ascii").strip()
    except UnicodeDecodeError:
        raise Malformed("A JWT is three parts in base64url, with dots between them.") from None


def take_verification(call: Call) -> str:
    """Take one verification from the caller's quota; return whom it counts for."""
    address = client.address(call.request, call.parts.limits.trusted_proxies)
    if call.parts.verifications is not None:
        call.parts.verifications.take(address)
    return address_key(address)


def _past(call: Call, options: CredentialOptions) -> Any:
    at = options.verification_date
    if at is not None and at > call.parts.clock():
        raise Malformed("`verificationDate` is not in the future.", pointer="/options/verificationDate")
    return at


def _unknown_option(call: Call, options: CredentialOptions) -> web.Response | None:
    """An option that is not understood is refused, never ignored (VCALM 1.0, section 2.4)."""
    names = sorted(options.model_extra or ())
    if not names:
        return None
    problems = [
        {
            "type": VCALM_UNKNOWN_OPTION,
            "title": "UNKNOWN_OPTION_PROVIDED",
            "detail": f"{name[:80]!r}: {unknown_member(name[:80], _known(options), 'option')}",
            "pointer": "/options/" + name[:80].replace("~", "~0").replace("/", "~1"),
        }
        for name in names[: bodies.MAX_ERRORS]
    ]
    return _answered(call, {"verified": False, "problemDetails": problems}, is_verified=False)


def _known(options: CredentialOptions) -> list[str]:
    return [str(field.alias) for field in type(options).model_fields.values()]


def _answered(call: Call, content: Any, *, is_verified: bool) -> web.Response:
    return call.unstored(content, 200 if is_verified else 400)
