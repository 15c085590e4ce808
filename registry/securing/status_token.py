"""Status list tokens: `statuslist+jwt` and `statuslist+cwt`, as envelopes around a compressed list.

Source: IETF Token Status List, sections 5.1 (JWT), 5.2 (CWT) and 4.2, 4.3 (the status list itself). What the
compressed list holds is not looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2
import orjson

from registry.errors import Malformed
from registry.securing import base64url, cose, jose
from registry.securing.signer import Signer
from registry.strict_json import json_object

JWT_TYPE: Final = "statuslist+jwt"
CWT_TYPE: Final = "statuslist+cwt"
CWT_TYP: Final = f"application/{CWT_TYPE}"
"""The `typ` of a CWT (COSE header 16), which keeps the prefix that JOSE leaves out."""

_CLAIMS: Final = {"sub": 2, "exp": 4, "iat": 6, "ttl": 65534, "status_list": 65533}
"""The claim keys of a CWT (section 5.2 and its IANA registrations)."""
_BITS: Final = frozenset({1, 2, 4, 8})
_LATEST: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class StatusToken:
    """What a status list token claims.

    `iat` and `exp` are seconds since 1970, `ttl` is seconds; `lst` is the list compressed with zlib, of `bits` (1, 2,
    4 or 8) per entry; `aggregation_uri` names a list of the issuer's lists.
    """

    sub: str
    iat: int
    bits: int
    lst: bytes
    exp: int | None = None
    ttl: int | None = None
    aggregation_uri: str | None = None


def jwt(token: StatusToken, *, signer: Signer, key_id: str) -> str:
    """Return *token* as `statuslist+jwt`; *key_id* is the verification method's URL."""
    payload = orjson.dumps(_claims(token, base64url.encode(token.lst)))
    return jose.sign(payload, signer=signer, key_id=key_id, typ=JWT_TYPE)


def cwt(token: StatusToken, *, signer: Signer, key_id: str) -> bytes:
    """Return *token* as `statuslist+cwt`: a COSE_Sign1 with tag 18 and no other."""
    claims = {_CLAIMS[name]: value for name, value in _claims(token, token.lst).items()}
    return cose.sign1(cbor2.dumps(claims, canonical=True), signer=signer, key_id=key_id, typ=CWT_TYP)


def claims_of_jwt(payload: bytes) -> dict[str, Any]:
    """Return the claims in the *payload* of a `statuslist+jwt`; raise `Malformed`."""
    return json_object(payload, "The payload of the status list token")


def claims_of_cwt(payload: bytes) -> dict[str, Any]:
    """Return the claims in the *payload* of a `statuslist+cwt` under the names that a JWT gives them.

    Claims that a status list token does not define are left out. Raises `Malformed`.
    """
    claims = cose.decode(payload, "The payload of the status list token")
    if not isinstance(claims, Mapping):
        raise Malformed("The claims of a status list token are a map.")
    return {name: claims[number] for name, number in _CLAIMS.items() if number in claims}


def token_of(claims: Mapping[str, Any]) -> StatusToken:
    """Return the token that *claims* (of either form) make; raise `Malformed`, naming the claim that is wrong.

    `sub`, `iat` and `status_list` must be there; unknown claims are ignored.
    """
    list_ = claims.get("status_list")
    if not isinstance(list_, Mapping):
        raise Malformed("A status list token has the claim status_list, a map.")
    bits = list_.get("bits")
    if not isinstance(bits, int) or isinstance(bits, bool) or bits not in _BITS:
        raise Malformed("The bits of a status list are 1, 2, 4 or 8.")
    ttl = _number(claims, "ttl")
    if ttl == 0:
        raise Malformed("The ttl of a status list token is more than 0 seconds.")
    iat = _number(claims, "iat")
    if iat is None:
        raise Malformed("A status list token has the claim iat.")
    return StatusToken(
        sub=_text(claims, "sub") or _missing("sub"),
        iat=iat,
        bits=bits,
        lst=_lst(list_.get("lst")),
        exp=_number(claims, "exp"),
        ttl=ttl,
        aggregation_uri=_text(list_, "aggregation_uri"),
    )


def _claims(token: StatusToken, lst: bytes | str) -> dict[str, Any]:
    """Return the claims by their names in a JWT; what is None is left out."""
    list_ = {"bits": token.bits, "lst": lst, "aggregation_uri": token.aggregation_uri}
    claims = {
        "sub": token.sub,
        "iat": token.iat,
        "exp": token.exp,
        "ttl": token.ttl,
        "status_list": {name: value for name, value in list_.items() if value is not None},
    }
    return {name: value for name, value in claims.items() if value is not None}


def _lst(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return base64url.decode(value, "The lst of the status list")
    raise Malformed("A status list has an lst.")


def _number(claims: Mapping[str, Any], name: str) -> int | None:
    """Return a moment or duration in whole seconds; a NumericDate may have a fraction, which is dropped."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Malformed(f"The claim {name} of a status list token is a positive number of seconds.")
    return int(value)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise Malformed(f"The {name} of a status list token is text.")
    return value


def _missing(name: str) -> str:
    raise Malformed(f"A status list token has the claim {name}.")
