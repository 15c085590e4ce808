"""The canonical form of a status list credential, as a template (Bitstring Status List 1.0, section 2.2).

Such a credential has always the same properties, no blank nodes and one context, so its canonical N-Quads can be
written down directly: 0.1 ms instead of 3. Any other member is refused, for the template would not cover it.
"""

from __future__ import annotations

from typing import Any, Final

from registry.errors import Malformed
from registry.securing.contexts import CREDENTIALS_V2
from registry.securing.terms import iri, literal

_CREDENTIALS: Final = "https://www.w3.org/2018/credentials#"
_STATUS: Final = "https://www.w3.org/ns/credentials/status#"
_XSD: Final = "http://www.w3.org/2001/XMLSchema#"
_MULTIBASE: Final = "https://w3id.org/security#multibase"
_TYPE: Final = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"

_TYPES: Final = ["VerifiableCredential", "BitstringStatusListCredential"]
_MEMBERS: Final = {"@context", "id", "type", "issuer", "validFrom", "validUntil", "credentialSubject"}
_OPTIONAL: Final = {"validFrom", "validUntil"}
_SUBJECT_MEMBERS: Final = {"id", "type", "statusPurpose", "encodedList", "ttl"}


def canonical_status_list(document: dict[str, Any]) -> str:
    """Return the canonical N-Quads of an unsigned status list credential.

    Its members are exactly `@context` (credentials/v2 alone), `id`, `type`, `issuer` (text), `validFrom`,
    `validUntil` and `credentialSubject` with `id`, `type`, `statusPurpose` (text), `encodedList` and `ttl`
    (milliseconds); both validity dates and `ttl` may be absent. Raises `Malformed` for anything else.
    """
    subject = document.get("credentialSubject")
    if (
        not isinstance(subject, dict)
        or document.keys() | _OPTIONAL != _MEMBERS
        or subject.keys() | {"ttl"} != _SUBJECT_MEMBERS
        or document["@context"] not in (CREDENTIALS_V2, [CREDENTIALS_V2])
        or document["type"] != _TYPES
        or subject["type"] != "BitstringStatusList"
        or document["id"] == subject["id"]
    ):
        raise Malformed("The status list credential is not of the shape that its template covers.")
    credential_id, list_id = iri(document["id"]), iri(subject["id"])
    lines = [
        f"{credential_id} {_TYPE} <{_CREDENTIALS}VerifiableCredential> .\n",
        f"{credential_id} {_TYPE} <{_STATUS}BitstringStatusListCredential> .\n",
        f"{credential_id} <{_CREDENTIALS}credentialSubject> {list_id} .\n",
        f"{credential_id} <{_CREDENTIALS}issuer> {iri(document['issuer'])} .\n",
        f"{list_id} {_TYPE} <{_STATUS}BitstringStatusList> .\n",
        f"{list_id} <{_STATUS}encodedList> {literal(subject['encodedList'], _MULTIBASE)} .\n",
        f"{list_id} <{_STATUS}statusPurpose> {literal(subject['statusPurpose'])} .\n",
    ]
    lines += [
        f"{credential_id} <{_CREDENTIALS}{name}> {literal(document[name], _XSD + 'dateTime')} .\n"
        for name in _OPTIONAL & document.keys()
    ]
    if "ttl" in subject:
        lines.append(f"{list_id} <{_STATUS}ttl> {_whole(subject['ttl'])} .\n")
    return "".join(sorted(lines))


def _whole(value: object) -> str:
    if type(value) is not int or not 0 <= value < 2**53:
        raise Malformed(f"ttl is a whole number of milliseconds, not {value!r}.")
    return literal(str(value), _XSD + "integer")
