"""All rules together: what is wrong with the shape of a credential or a presentation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import PARSING_ERROR, Problem
from registry.securing.contexts import CREDENTIALS_V2
from registry.verifier.structure.contexts import base_context, contexts
from registry.verifier.structure.everywhere import everywhere
from registry.verifier.structure.lexical import moment
from registry.verifier.structure.parties import issuer, party, subjects, types, types_of
from registry.verifier.structure.path import ROOT, Path, each, malformed
from registry.verifier.structure.related import related
from registry.verifier.structure.status_entry import status_entries
from registry.verifier.structure.text import texts
from registry.verifier.structure.typed import typed
from registry.verifier.structure.validity import validity

Rule = Callable[[Mapping[str, Any]], Iterator[Problem]]
"""A document → what is wrong with it; the docstring says what is asked for."""

MAX_PROBLEMS: Final = 20
"""Told of one document at once."""

_PROOF: Final = "VC Data Integrity 1.0, section 2.1"
_PRESENTATION: Final = "VCDM 2.0, section 4.13"


def proofs(document: Mapping[str, Any]) -> Iterator[Problem]:
    """An embedded proof is an object that says its type and when it was made, or a set of them."""
    if "proof" not in document:
        return
    path: Path = (ROOT, "proof")
    if document["proof"] == []:
        yield malformed(path, "A `proof` is an object, or an array of at least one.", _PROOF)
    for proof, where in each(document["proof"], path):
        if not isinstance(proof, Mapping) or not isinstance(proof.get("type"), str):
            yield malformed(where, "A `proof` is an object that says its `type`.", _PROOF)
            continue
        for name in ("created", "expires"):
            if name in proof and moment(proof[name]) is None:
                detail = f"`{name}` is date, time and zone, such as 2026-05-31T12:00:00Z."
                yield malformed((where, name), detail, _PROOF)


def presentation_types(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`type` is there, and one of them is VerifiablePresentation."""
    if "VerifiablePresentation" not in types_of(document):
        yield malformed((ROOT, "type"), "One of the types is VerifiablePresentation.", _PRESENTATION)


def holder(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`holder`, if there, is a URL, or an object whose `id` is one."""
    if "holder" in document:
        yield from party(document["holder"], (ROOT, "holder"), _PRESENTATION)


def presented(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`verifiableCredential`, if there, is one or more objects (VCDM 1.1 knows JWTs, which are strings, too)."""
    are_strings_known = base_context(document) != CREDENTIALS_V2
    for credential, path in each(document.get("verifiableCredential", []), (ROOT, "verifiableCredential")):
        if not isinstance(credential, Mapping) and not (are_strings_known and isinstance(credential, str)):
            detail = "A credential is an object; wrap an enveloped one as EnvelopedVerifiableCredential."
            yield malformed(path, detail, _PRESENTATION)


CREDENTIAL: Final[tuple[Rule, ...]] = (
    contexts,
    types,
    texts,
    issuer,
    subjects,
    validity,
    typed,
    status_entries,
    related,
    proofs,
    everywhere,
)
"""The rules of a credential, in the order of the data model."""

PRESENTATION: Final[tuple[Rule, ...]] = (contexts, presentation_types, holder, presented, typed, proofs, everywhere)


def check_credential(document: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the shape of a credential, at most 20 things; nothing: it conforms."""
    return _check(document, CREDENTIAL)


def check_presentation(document: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the shape of a presentation, at most 20 things; nothing: it conforms."""
    return _check(document, PRESENTATION)


def unreadable(detail: str) -> Problem:
    """Return the problem that what was presented cannot be read at all."""
    return Problem(PARSING_ERROR, "What was presented cannot be read", detail, "", "VCDM 2.0, section 7.2")


def _check(document: Mapping[str, Any], rules: tuple[Rule, ...]) -> list[Problem]:
    found: list[Problem] = []
    for rule in rules:
        for problem in rule(document):
            found.append(problem)
            if len(found) == MAX_PROBLEMS:
                return found
    return found
