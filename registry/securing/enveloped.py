"""Enveloped documents: a credential, presentation or status list inside a JWS or a COSE_Sign1.

Sources: Securing Verifiable Credentials using JOSE and COSE 1.0, sections 3.1 and 3.2; VCDM 2.0, sections 4.12 and
4.13 (data: URLs); IETF Token Status List, section 5.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from registry.errors import Malformed
from registry.securing import cose, jose, status_token
from registry.securing.public_key import PublicKey
from registry.strict_json import json_object

JSON_FORMS: Final = ("vc+jwt", "vp+jwt", status_token.JWT_TYPE)
CBOR_FORMS: Final = ("vc+cose", "vp+cose", status_token.CWT_TYPE)
CREDENTIAL_TYPES: Final = ("application/vc+jwt", "application/vc+cose")
PRESENTATION_TYPES: Final = ("application/vp+jwt", "application/vp+cose")
"""Media types of enveloped credentials and presentations."""
MEDIA_TYPES: Final = tuple(f"application/{form}" for form in (*JSON_FORMS, *CBOR_FORMS))
_CONTENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "vc+jwt": ("vc", "application/vc"),
    "vp+jwt": ("vp", "application/vp"),
    "vc+cose": ("application/vc", "vc"),
    "vp+cose": ("application/vp", "vp"),
}
"""What `cty` (COSE: content type) may say where it stands; the first is what we write."""
_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")
"""RFC 2397 has base64; base64url without padding is met as well."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope whose form was checked, and what it holds.

    `mechanism` is the media type without `application/`; `document` the credential or presentation, or the claims of
    a status list token by their JWT names (`status_token.token_of` reads them); `key_id` the `kid`, often the URL of a
    verification method; `verify` says whether a key made the signature.
    """

    document: dict[str, Any]
    header: Mapping[Any, Any]
    mechanism: str
    key_id: str | None
    verify: Callable[[PublicKey], bool]


def open_envelope(content: bytes | str, media_type: str) -> Envelope:
    """Return what *content*, of *media_type* (with or without `application/`), holds.

    Nothing is verified yet. Raises `Malformed` for a media type that is none of `MEDIA_TYPES`, a form or a header that
    is not accepted, a `typ` that says something else, and a payload that is no such document.
    """
    form = media_type.partition(";")[0].strip().lower().removeprefix("application/")
    if form in JSON_FORMS:
        return _opened_jws(content, form)
    if form in CBOR_FORMS:
        return _opened_sign1(content, form)
    raise Malformed(f"{media_type[:80]!r} is no envelope that is read here; one of {', '.join(MEDIA_TYPES)} is.")


def open_data_url(url: str) -> Envelope:
    """Return what the `data:` URL of an EnvelopedVerifiableCredential or -Presentation holds; see `open_envelope`."""
    return open_envelope(*read_data_url(url))


def read_data_url(url: str) -> tuple[bytes, str]:
    """Return content and media type of a `data:` URL (RFC 2397); raise `Malformed` when it is none."""
    head, comma, body = url.partition(",")
    if not head.startswith("data:") or not comma:
        raise Malformed("The id of an enveloped credential or presentation is a data: URL.")
    media_type, *parameters = head.removeprefix("data:").split(";")
    try:
        content = unquote_to_bytes(body)
        if parameters[-1:] == ["base64"]:
            content = base64.b64decode(content.translate(_TO_BASE64) + b"=" * (-len(content) % 4), validate=True)
    except ValueError as error:
        raise Malformed("The data: URL is not base64 as it says.") from error
    return content, media_type


def data_url(content: bytes, media_type: str) -> str:
    """Return *content* of *media_type* as the `data:` URL that an EnvelopedVerifiableCredential has for its id."""
    if media_type.endswith("+jwt"):
        return f"data:{media_type},{content.decode()}"
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def content_type(form: str) -> str:
    """Return the `cty` or content type that goes with *form*, such as `vc+jwt`."""
    return _CONTENTS[form][0]


def _opened_jws(content: bytes | str, form: str) -> Envelope:
    jws = jose.read(content)
    _require_type(jws.header.get("typ"), jws.header.get("cty"), form)
    read = status_token.claims_of_jwt if form == status_token.JWT_TYPE else _document
    return Envelope(read(jws.payload), jws.header, form, jws.header.get("kid"), jws.verify)


def _opened_sign1(content: bytes | str, form: str) -> Envelope:
    if isinstance(content, str):
        raise Malformed("A COSE_Sign1 is bytes, not text.")
    message = cose.read(content)
    _require_type(message.protected.get(cose.TYP), message.protected.get(cose.CONTENT_TYPE), form)
    read = status_token.claims_of_cwt if form == status_token.CWT_TYPE else _document
    return Envelope(read(message.payload), message.protected, form, message.key_id, message.verify)


def _require_type(typ: object, cty: object, form: str) -> None:
    """Refuse an envelope that was made to be something else (RFC 8725, section 3.11).

    A status list token must say what it is; for credentials and presentations `typ` is a recommendation, and Open
    Badges 3.0 (section 8.2) has credentials say `JWT`.
    """
    if (typ is None and form in _CONTENTS) or (typ == "JWT" and form == "vc+jwt"):
        pass
    elif not isinstance(typ, str) or typ.lower().removeprefix("application/") != form:
        raise Malformed(f"The typ of the envelope is {str(typ)[:80]!r}, but {form} is needed.")
    if cty is not None and form in _CONTENTS and cty not in _CONTENTS[form]:
        raise Malformed(f"The content type of the envelope is {str(cty)[:80]!r}, but {_CONTENTS[form][0]} is needed.")


def _document(payload: bytes) -> dict[str, Any]:
    document = json_object(payload, "What the envelope holds")
    if "@context" not in document:
        raise Malformed("The envelope holds no VCDM 2.0 document: it has no @context.")
    return document
