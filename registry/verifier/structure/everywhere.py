"""What holds for every object of a document: identifiers, types, value objects, contexts within.

VCDM 2.0, sections 4.4, 4.5, 5.2.1 and 11.1. Credentials inside are left out: each is verified by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.securing.contexts import CREDENTIALS_V2
from registry.verifier.structure.contexts import base_context, protected_terms
from registry.verifier.structure.lexical import is_language, is_url
from registry.verifier.structure.path import ROOT, Path, malformed

CONTAINED: Final = frozenset({"verifiableCredential", "endorsement", "endorsementJwt"})
"""Members that hold credentials."""

_IDENTIFIERS: Final = "VCDM 2.0, section 4.4"
_TYPES: Final = "VCDM 2.0, section 4.5"
_LANGUAGE: Final = "VCDM 2.0, section 11.1"
_VALUE_MEMBERS: Final = {"@value", "@language", "@direction"}


def everywhere(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Check every object of *document*, itself included."""
    base = base_context(document) or CREDENTIALS_V2
    waiting: list[tuple[Any, Path]] = [(document, ROOT)]
    while waiting:
        part, path = waiting.pop()
        if isinstance(part, list):
            waiting.extend((item, (path, index)) for index, item in enumerate(part) if isinstance(item, (dict, list)))
            continue
        if "@value" in part:
            yield from value_object(part, path)
            continue
        if "id" in part and not is_url(part["id"]):
            yield malformed((path, "id"), "An `id` is one absolute URL.", _IDENTIFIERS)
        if "type" in part and not _is_type(part["type"]):
            yield malformed((path, "type"), "A `type` is a term or URL, or an array of them.", _TYPES)
        if "@context" in part:
            yield from protected_terms(part["@context"], (path, "@context"), base)
        for name, value in part.items():
            if isinstance(value, (dict, list)) and name != "@context" and name not in CONTAINED:
                waiting.append((value, (path, name)))


def value_object(part: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """A language value object has a string, a language, perhaps a direction, and nothing else; others are typed."""
    if "@type" in part:
        return
    if part.keys() - _VALUE_MEMBERS:
        yield malformed(path, "Beside `@value` there are only `@language` and `@direction`.", _LANGUAGE)
    if not isinstance(part["@value"], str):
        yield malformed((path, "@value"), "The `@value` of a text is a string.", _LANGUAGE)
    if "@language" in part and not is_language(part["@language"]):
        yield malformed((path, "@language"), "A language is a tag such as `en` or `fr-CA` (BCP 47).", _LANGUAGE)
    if "@direction" in part and part["@direction"] not in ("ltr", "rtl"):
        yield malformed((path, "@direction"), "A direction is `ltr` or `rtl`.", _LANGUAGE)


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(one, str) and bool(one) for one in names)
