"""The signature around an enveloped document, and whether its claims agree with the document.

Source: Securing Verifiable Credentials using JOSE and COSE 1.0, sections 3.1, 3.2 and 4; RFC 7519, section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from registry.domain.problem import (
    CRYPTOGRAPHIC_SECURITY_ERROR,
    INVALID_CHALLENGE_ERROR,
    INVALID_DOMAIN_ERROR,
    INVALID_VERIFICATION_METHOD,
    INVALID_VERIFICATION_METHOD_URL,
    Problem,
)
from registry.errors import Malformed, UnknownVerificationMethod
from registry.securing.enveloped import Envelope
from registry.securing.moment import parse_numeric_date
from registry.securing.proof_reading import CLOCK_SKEW
from registry.verifier.believed_keys import BelievedKeys
from registry.verifier.structure.parties import id_of
from registry.verifier.structure.validity import validity_of

_SECTION: Final = "VC-JOSE-COSE, section 3"
_OLDER: Final = ("vc", "vp")
"""Claims that must not be there (VC-JOSE-COSE, section 3.1.3): readers of the older kind would see another document."""
_MOMENTS: Final = ("iat", "nbf", "exp")


async def envelope_problems(
    keys: BelievedKeys,
    envelope: Envelope,
    *,
    controller: str | None,
    purpose: str,
    moment: datetime,
    challenge: str | None,
    domain: str | None,
) -> tuple[list[Problem], str | None]:
    """Return what is wrong with the signature and its claims, and who controls the key that was named.

    *controller* is who must have made it (None: anybody); *challenge* and *domain* are the claims `nonce` and `aud`.
    """
    url = method_url(envelope, controller)
    if url is None:
        detail = "The header names no verification method: its kid is the URL of one."
        return [Problem(INVALID_VERIFICATION_METHOD_URL, "No verification method", detail, "", _SECTION)], None
    try:
        method = await keys.key_of(url, purpose)
    except UnknownVerificationMethod as error:
        return [Problem(error.problem_type, error.title, error.detail)], None
    found = []
    for end, word in ((method.expires, "expired"), (method.revoked, "was revoked")):
        if end is not None and end <= moment:
            detail = f"The key {url} {word} at {end:%Y-%m-%dT%H:%M:%SZ}."
            found.append(Problem(INVALID_VERIFICATION_METHOD, "The key does not hold any more", detail))
    if not envelope.verify(method.key):
        detail = "The signature does not fit: the content was changed since it was signed, or another key signed it."
        found.append(Problem(CRYPTOGRAPHIC_SECURITY_ERROR, "The signature does not hold", detail, "", _SECTION))
    if controller is not None and method.controller != controller:
        detail = f"The signature is by {method.controller}, not by {controller}."
        found.append(Problem(CRYPTOGRAPHIC_SECURITY_ERROR, "The signature is another's", detail, "", _SECTION))
    if (problem := keys.problem_of(url, _signed_at(envelope.document), "")) is not None:
        found.append(problem)
    found += _claims(envelope.document, method.controller, moment)
    found += _replayed(envelope.document, challenge, domain)
    return found, method.controller


def _signed_at(document: Mapping[str, Any]) -> datetime | None:
    """When an envelope says that it was made; where it says nothing, its validity begins no earlier than that."""
    return _moment(document, "iat") or validity_of(document).valid_from


def method_url(envelope: Envelope, controller: str | None) -> str | None:
    """Return the URL of the verification method; a `kid` that is only its fragment belongs to *controller*."""
    kid = envelope.key_id
    if not kid:
        return None
    if ":" in kid:
        return kid
    issuer = envelope.header.get("iss") or envelope.document.get("iss") or controller
    return f"{issuer}#{kid.removeprefix('#')}" if isinstance(issuer, str) else None


def _claims(document: Mapping[str, Any], controller: str, moment: datetime) -> list[Problem]:
    """The registered claims that are there say the same as the document, and hold now."""
    found = []
    subject = document.get("credentialSubject")
    pairs: tuple[tuple[str, Any], ...] = (
        ("iss", controller),
        ("jti", document.get("id")),
        ("sub", id_of(subject) if isinstance(subject, Mapping) else None),
    )
    for name, expected in pairs:
        if name in document and expected is not None and document[name] != expected:
            found.append(_disagreement(name, f"The claim {name} says something else than the document."))
    for name in _OLDER:
        if name in document:
            detail = f"The claim {name} holds a second document, as under the data model 1.1; the payload is the first."
            found.append(_disagreement(name, detail))
    made, not_before, expires = (_moment(document, name) for name in _MOMENTS)
    for name, found_there in zip(_MOMENTS, (made, not_before, expires), strict=True):
        if name in document and found_there is None:
            found.append(_disagreement(name, f"The claim {name} is no number of seconds since 1970."))
    if made is not None and made > moment + CLOCK_SKEW:
        found.append(_disagreement("iat", "The envelope says that it was made in the future."))
    validity = validity_of(document)
    # where the document's own validity says the same, it is that which is told
    has_begun = validity.valid_from is None or validity.valid_from <= moment
    if not_before is not None and has_begun and not_before > moment + CLOCK_SKEW:
        found.append(_disagreement("nbf", "The envelope does not hold yet."))
    is_open = validity.valid_until is None or validity.valid_until > moment
    if expires is not None and is_open and expires <= moment:
        found.append(_disagreement("exp", "The envelope does not hold any more."))
    return found


def _replayed(document: Mapping[str, Any], challenge: str | None, domain: str | None) -> list[Problem]:
    found = []
    if challenge is not None and document.get("nonce") != challenge:
        detail = "The presentation answers another challenge, or none: its nonce is not the one that was given."
        found.append(Problem(INVALID_CHALLENGE_ERROR, "The challenge is another one", detail, "/nonce"))
    audience = document.get("aud")
    if domain is not None and domain not in (audience if isinstance(audience, list) else [audience]):
        detail = "The presentation was made for somebody else: its aud is not the domain that was given."
        found.append(Problem(INVALID_DOMAIN_ERROR, "The domain is another one", detail, "/aud"))
    return found


def _disagreement(name: str, detail: str) -> Problem:
    return Problem(CRYPTOGRAPHIC_SECURITY_ERROR, "Claim and document disagree", detail, f"/{name}", _SECTION)


def _moment(document: Mapping[str, Any], claim: str) -> datetime | None:
    """Return a NumericDate, or None for what is none."""
    with suppress(Malformed):
        return parse_numeric_date(document.get(claim))
    return None
