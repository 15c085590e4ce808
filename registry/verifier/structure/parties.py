"""Who speaks and of whom: types, issuer, subjects (VCDM 2.0, sections 4.5, 4.7 and 4.8; VCDM 1.1, 4.3 to 4.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.structure.lexical import is_url
from registry.verifier.structure.path import ROOT, Path, each, malformed

_TYPES: Final = "VCDM 2.0, section 4.5"
_ISSUER: Final = "VCDM 2.0, section 4.7"
_SUBJECT: Final = "VCDM 2.0, section 4.8"


def types_of(part: Mapping[str, Any]) -> list[str]:
    """Return the types of an object, as a list of strings."""
    found = part.get("type")
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, str)]


def id_of(party: Any) -> str | None:
    """Return the id of an issuer, holder or subject, which is a URL or an object with one."""
    found = party.get("id") if isinstance(party, Mapping) else party
    return found if isinstance(found, str) else None


def types(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`type` is there, and one of them is VerifiableCredential."""
    if "VerifiableCredential" not in types_of(document):
        yield malformed((ROOT, "type"), "One of the types is VerifiableCredential.", _TYPES)


def issuer(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`issuer` is a URL, or an object whose `id` is one."""
    yield from party(document.get("issuer"), (ROOT, "issuer"), _ISSUER)


def party(value: Any, path: Path, source: str) -> Iterator[Problem]:
    """An issuer or a holder is a URL, or an object whose `id` is one."""
    if isinstance(value, Mapping):
        if "id" not in value:
            yield malformed((path, "id"), "Say who it is: `id` is a URL, such as a DID.", source)
    elif not is_url(value):
        yield malformed(path, "It is a URL, such as a DID, or an object whose `id` is one.", source)


def subjects(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`credentialSubject` is an object or a set of them, and each says something."""
    path: Path = (ROOT, "credentialSubject")
    found = document.get("credentialSubject")
    if not found:
        yield malformed(path, "`credentialSubject` is an object, or an array of them, and says something.", _SUBJECT)
        return
    for subject, where in each(found, path):
        if not isinstance(subject, Mapping) or not subject:
            yield malformed(where, "A subject is an object with at least one claim.", _SUBJECT)
