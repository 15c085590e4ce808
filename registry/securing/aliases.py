"""Other names for what the data model names: legal in JSON-LD, and refused.

The same RDF can be written in many ways. A holder could write a revoked credential's `credentialStatus` under a term of
an inline context, under its IRI, in an `@nest` or in an `@included`: the signature would still hold, but whoever reads
the JSON, as verifiers do, would find no status. So a property of the data model stands under its own name and where it
belongs, or the document is refused. Source: VC Data Integrity 1.0, section 4.6 (context validation).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.errors import UnsafeDocument

_VOCABULARIES: Final = (
    "https://www.w3.org/2018/credentials#",
    "https://www.w3.org/ns/credentials/status#",
    "https://w3id.org/vc/status-list#",
)
"""In every context that is known here, a term for one of their properties is its local name."""
_EXPIRES: Final = "https://w3id.org/security#expiration"
_DOCUMENTS: Final = frozenset(f"{_VOCABULARIES[0]}Verifiable{kind}" for kind in ("Credential", "Presentation"))
_MOVED: Final = ("@included", "@reverse")


def refuse_aliases(document: Mapping[str, Any], expanded: Mapping[str, Any]) -> None:
    """Raise `UnsafeDocument` where *expanded*, the one node that *document* states, says more than its JSON shows."""
    meant = Counter(_properties(expanded))
    said = Counter(_members(document))
    for iri, count in meant.items():
        if (name := _name_of(iri)) is None:
            continue
        if said[name] < count or _size(document.get(name)) < len(expanded.get(iri, ())):
            raise _unseen(name)
    types = frozenset(expanded.get("@type", ()))
    if types & _DOCUMENTS:
        if document.get("id") != expanded.get("@id"):
            raise _unseen("id")
        if _size(document.get("type")) < len(types):
            raise _unseen("type")


def _unseen(name: str) -> UnsafeDocument:
    return UnsafeDocument(f"The document says {name!r} by another name, or elsewhere; readers would not find it.")


def _name_of(iri: str) -> str | None:
    if iri == _EXPIRES:
        return "expires"
    return next((iri.removeprefix(one) for one in _VOCABULARIES if iri.startswith(one)), None)


def _properties(expanded: Any) -> Iterator[str]:
    """Yield every property's IRI, once for each of its values; refuse those that `_MOVED` says of some node."""
    waiting: list[tuple[Any, bool]] = [(expanded, False)]
    while waiting:
        part, is_moved = waiting.pop()
        if isinstance(part, list):
            waiting.extend((item, is_moved) for item in part)
        elif isinstance(part, Mapping) and "@value" not in part:
            for iri, value in part.items():
                if is_moved and (name := _name_of(iri)) is not None:
                    raise _unseen(name)
                waiting.append((value, is_moved or iri in _MOVED))
                if not iri.startswith("@"):
                    yield from (iri for _ in value)


def _members(document: Any) -> Iterator[str]:
    """Yield every member's name, once for each of its values; contexts say nothing."""
    waiting = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            for name, value in part.items():
                if name != "@context":
                    waiting.append(value)
                    yield from (name for _ in range(_size(value)))


def _size(value: Any) -> int:
    """How many values a member has; arrays in arrays are one array in JSON-LD, and null is nothing."""
    if isinstance(value, list):
        return sum(map(_size, value))
    is_nothing = value is None or (isinstance(value, Mapping) and value.get("@value", value) is None)
    return 0 if is_nothing else 1
