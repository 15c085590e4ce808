"""Contexts (VCDM 2.0, sections 4.3 and 5.2.1; VCDM 1.1, sections 4.1 and 5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from registry.domain.problem import Problem
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2, PINNED, load_contexts
from registry.verifier.structure.lexical import is_url
from registry.verifier.structure.path import ROOT, Path, malformed

_SECTION: Final = {CREDENTIALS_V2: "VCDM 2.0, section 4.3", CREDENTIALS_V1: "VCDM 1.1, section 4.1"}
_PROTECTED: Final = {CREDENTIALS_V2: "VCDM 2.0, section 5.2.1", CREDENTIALS_V1: "VCDM 1.1, section 5.3"}


def base_context(document: Mapping[str, Any]) -> str | None:
    """Return the context of the data model that *document* follows; None: neither 2.0 nor 1.1."""
    contexts = document.get("@context")
    first = contexts[0] if isinstance(contexts, list) and contexts else contexts
    return first if first in (CREDENTIALS_V2, CREDENTIALS_V1) else None


def contexts(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`@context` is an ordered set: the data model's context first, then URLs and objects."""
    found = document.get("@context")
    path: Path = (ROOT, "@context")
    base = base_context(document)
    if base is None or not isinstance(found, list):
        yield malformed(path, f"`@context` is an array that begins with {CREDENTIALS_V2}.", _SECTION[CREDENTIALS_V2])
        return
    for index, item in enumerate(found):
        if not is_url(item) and not isinstance(item, Mapping):
            yield malformed((path, index), "A context is an absolute URL, or an object.", _SECTION[base])


def protected_terms(context: Any, path: Path, base: str) -> Iterator[Problem]:
    """No context inside a document gives a protected term of its *base* context, or of one before it, another meaning.

    What the same words say in another form (`{"@id": …}`) is the same meaning (JSON-LD 1.1, section 4.1.11).
    """
    items = context if isinstance(context, list) else [context]
    if not any(isinstance(item, Mapping) for item in items):
        return
    protected = dict(_protected(base))
    for item in items:
        if not isinstance(item, Mapping):
            protected |= _protected(item)
            continue
        for term in sorted(item.keys() & protected.keys()):
            if _meaning(item[term]) != _meaning(protected[term]):
                detail = f"The context redefines the protected term {term!r}; name yours differently."
                yield malformed(path, detail, _PROTECTED[base])
        protected |= _protected_in(item)


def _protected(url: Any) -> dict[str, Any]:
    """The terms that the context at *url* protects: name → definition; none for one that is not pinned here."""
    return _pinned(url) if isinstance(url, str) and url in PINNED else {}


@cache
def _pinned(url: str) -> dict[str, Any]:
    return _protected_in(load_contexts().document(url)["@context"])


def _protected_in(context: Any) -> dict[str, Any]:
    """The terms that a context protects, if it protects all of its own."""
    if not isinstance(context, Mapping) or context.get("@protected") is not True:
        return {}
    return {term: meaning for term, meaning in context.items() if not term.startswith("@")}


def _meaning(definition: Any) -> Any:
    if isinstance(definition, str):
        return {"@id": definition}
    if isinstance(definition, Mapping):
        return {name: value for name, value in definition.items() if name != "@protected"}
    return definition
