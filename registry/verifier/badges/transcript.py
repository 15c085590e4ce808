"""A comprehensive learner record: credentials, achievements, and how they belong together (CLR 2.0, appendix B.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.badges.achievement import achievement_itself, issuer
from registry.verifier.badges.rules import CLR, CLR_CONTEXT, nonconforming, objects, require, second_context
from registry.verifier.structure.path import ROOT, Path

_SUBJECT: Final = f"{CLR}, ClrSubject"
_ASSOCIATION: Final = f"{CLR}, Association"
_ASSOCIATION_TYPES: Final = frozenset(
    {
        "exactMatchOf",
        "isChildOf",
        "isParentOf",
        "isPartOf",
        "isPeerOf",
        "isRelatedTo",
        "precedes",
        "replacedBy",
    }
)


def clr_credential(document: Mapping[str, Any]) -> Iterator[Problem]:
    """A ClrCredential holds credentials of one learner, and associations between what it speaks about."""
    yield from second_context(document, CLR_CONTEXT, f"{CLR}, ClrCredential")
    yield from issuer(document)
    yield from require(document, ROOT, f"{CLR}, ClrCredential", urls=("id",), texts=("name",))
    subject = document.get("credentialSubject")
    path: Path = (ROOT, "credentialSubject")
    if not isinstance(subject, Mapping):
        yield nonconforming(path, "A CLR has one subject, an object.", _SUBJECT)
        return
    yield from require(subject, path, _SUBJECT, type_="ClrSubject")
    if not subject.get("id") and not subject.get("identifier"):
        yield nonconforming(path, "The subject has an `id` or at least one `identifier`.", _SUBJECT)
    if not subject.get("verifiableCredential"):
        detail = "A CLR holds at least one credential."
        yield nonconforming((path, "verifiableCredential"), detail, _SUBJECT)
    for item, where in objects(subject.get("achievement"), (path, "achievement")):
        yield from achievement_itself(item, where)
    for item, where in objects(subject.get("association"), (path, "association")):
        yield from _association(item, where)


def _association(item: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    yield from require(item, path, _ASSOCIATION, type_="Association", urls=("sourceId", "targetId"))
    if item.get("associationType") not in _ASSOCIATION_TYPES:
        detail = f"`associationType` is one of {', '.join(sorted(_ASSOCIATION_TYPES))}."
        yield nonconforming((path, "associationType"), detail, _ASSOCIATION)
