"""The subject of a badge and what it achieved (Open Badges 3.0, appendix B.1.1 to B.1.18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry.domain.problem import Problem
from registry.verifier.badges.results import inconsistencies, results
from registry.verifier.badges.rules import OB, OB_CONTEXT, nonconforming, objects, require, second_context
from registry.verifier.structure.path import ROOT, Path


def achievement_credential(document: Mapping[str, Any]) -> Iterator[Problem]:
    """An AchievementCredential awards one achievement to somebody, by a profile."""
    yield from second_context(document, OB_CONTEXT, f"{OB}, B.1.2")
    yield from issuer(document)
    yield from require(document, ROOT, f"{OB}, B.1.2", urls=("id",))
    subject, path = document.get("credentialSubject"), (ROOT, "credentialSubject")
    if not isinstance(subject, Mapping):
        yield nonconforming(path, "A badge has one subject, an object.", f"{OB}, B.1.2")
        return
    yield from achievement_subject(subject, path)
    for item, where in objects(document.get("evidence"), (ROOT, "evidence")):
        yield from require(item, where, f"{OB}, B.1.9", type_="Evidence")


def achievement_advice(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Return what of a badge does not fit together, and is nevertheless allowed."""
    subject = document.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, Mapping) else None
    if isinstance(subject, Mapping) and isinstance(achievement, Mapping):
        yield from inconsistencies(subject, achievement, (ROOT, "credentialSubject"))


def endorsement_credential(document: Mapping[str, Any]) -> Iterator[Problem]:
    """An EndorsementCredential names what it endorses."""
    yield from second_context(document, OB_CONTEXT, f"{OB}, B.1.7")
    yield from issuer(document)
    yield from require(document, ROOT, f"{OB}, B.1.7", urls=("id",), texts=("name",))
    subject, path = document.get("credentialSubject"), (ROOT, "credentialSubject")
    if not isinstance(subject, Mapping):
        yield nonconforming(path, "An endorsement has one subject, an object.", f"{OB}, B.1.7")
        return
    yield from require(subject, path, f"{OB}, B.1.8", type_="EndorsementSubject", urls=("id",))


def issuer(document: Mapping[str, Any]) -> Iterator[Problem]:
    """The issuer, where it is an object, is a profile."""
    found = document.get("issuer")
    if isinstance(found, Mapping):
        yield from require(found, (ROOT, "issuer"), f"{OB}, B.1.14", type_="Profile")


def achievement_subject(subject: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """An AchievementSubject says who, by id or identifier, and what was achieved."""
    yield from require(subject, path, f"{OB}, B.1.3", type_="AchievementSubject")
    if not subject.get("id") and not subject.get("identifier"):
        yield nonconforming(path, "The subject has an `id` or at least one `identifier`.", f"{OB}, B.1.3")
    for item, where in objects(subject.get("identifier"), (path, "identifier")):
        yield from require(item, where, f"{OB}, B.1.12", type_="IdentityObject", texts=("identityHash", "identityType"))
        if not isinstance(item.get("hashed"), bool):
            yield nonconforming((where, "hashed"), "`hashed` is true or false.", f"{OB}, B.1.12")
    for item, where in objects(subject.get("source"), (path, "source")):
        yield from require(item, where, f"{OB}, B.1.14", type_="Profile", urls=("id",))
    achievement, where = subject.get("achievement"), (path, "achievement")
    if not isinstance(achievement, Mapping):
        yield nonconforming(where, "`achievement` is required, an object.", f"{OB}, B.1.3")
        return
    yield from achievement_itself(achievement, where)
    yield from results(subject, achievement, path)


def achievement_itself(part: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """An Achievement has an id, a name, a description, and criteria that say something."""
    source = f"{OB}, B.1.1"
    yield from require(part, path, source, type_="Achievement", texts=("name", "description"), urls=("id",))
    criteria = part.get("criteria")
    if not isinstance(criteria, Mapping) or not (criteria.get("id") or criteria.get("narrative")):
        detail = "`criteria` is required: an object with a `narrative`, or the `id` of a page that has one."
        yield nonconforming((path, "criteria"), detail, source)
    if isinstance(creator := part.get("creator"), Mapping):
        yield from require(creator, (path, "creator"), f"{OB}, B.1.14", type_="Profile", urls=("id",))
    for item, where in objects(part.get("alignment"), (path, "alignment")):
        source = f"{OB}, B.1.5"
        yield from require(item, where, source, type_="Alignment", texts=("targetName",), urls=("targetUrl",))
    for item, where in objects(part.get("image"), (path, "image")):
        yield from require(item, where, f"{OB}, B.1.13", type_="Image", urls=("id",))
