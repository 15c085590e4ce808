"""What JSON-LD would lose without a word: found in the input and in the expanded document, and refused.

PyLD drops what it does not understand, and RDF drops the rest (relative references, indices). A
signature over what is left does not cover what a reader sees. This module is the only place that decides what is
lost; the checks follow the "safe mode" of jsonld.js, and go further for `@index` and large numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pyoxigraph import NamedNode

from registry.errors import Malformed, UnsafeDocument
from registry.securing.contexts import terms_like_schemes

_SAFE_INTEGER: Final = 2**53 - 1
"""Beyond it other implementations read another number (RFC 8259, section 6)."""

_KEPT: Final = frozenset({"@id", "@type", "@graph", "@included", "@reverse", "@list", "@set", "@value"})
_SHOWN: Final = 10
MAX_OBJECTS: Final = 4_000
"""Objects of a document; expansion takes some 0.3 ms each, and a full transcript has a few hundred."""

MAX_CONTEXTS: Final = 32
"""Contexts of one object; each takes some 2 ms, however often it was seen, and a badge has three."""


def refuse_input(document: Mapping[str, Any]) -> None:
    """Refuse what the expanded form no longer shows: numbers that readers disagree about, contexts that would rewrite
    identifiers, text outside of any node, and more objects than a worker should spend its time on.
    """
    waiting: list[object] = [document]
    objects = 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            objects += 1
            if objects > MAX_OBJECTS:
                raise Malformed(f"The document has more than {MAX_OBJECTS} objects; issue several smaller credentials.")
            contexts = part.get("@context")
            if isinstance(contexts, list) and len(contexts) > MAX_CONTEXTS:
                raise Malformed(f"An object in the document has more than {MAX_CONTEXTS} contexts.")
            if schemes := terms_like_schemes(contexts):
                raise UnsafeDocument(f"A context in the document defines {min(schemes)!r}, which rewrites identifiers.")
            graph = part.get("@graph", {})
            if not all(isinstance(item, Mapping) for item in (graph if isinstance(graph, list) else [graph])):
                raise UnsafeDocument("A graph in the document holds text that belongs to nobody; it would be lost.")
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, int) and abs(part) > _SAFE_INTEGER:
            raise UnsafeDocument(f"The number {part} is beyond 2^53 and would be read differently; write it as text.")
        elif isinstance(part, float) and not math.isfinite(part):
            raise Malformed(f"{part} is not a JSON number.")


def refuse_dropped(terms: Iterable[object]) -> None:
    """Refuse *terms* that no context defines, as the expansion reported them."""
    names = sorted({str(term) if term is not None else "(a term like a keyword)" for term in terms})
    if names:
        raise UnsafeDocument(
            f"No context of the document defines {_listed(names)}; a signature would not cover it.", terms=names
        )


def refuse_expanded(expanded: list[Any]) -> None:
    """Refuse an expanded document from which RDF would leave something out."""
    if len(expanded) != 1:
        raise UnsafeDocument("The document says nothing, or speaks of several things at its top: nothing to sign.")
    _statements(expanded, "the document")


def _node(node: dict[str, Any], where: str) -> None:
    if "@id" in node:
        _iri(node["@id"], f"The id {_quoted(node['@id'])} of {where} is not an absolute IRI", blank=True)
    for type_ in node.get("@type", ()):
        _iri(type_, f"The type {_quoted(type_)} of {where} is not defined by any context", blank=True)
    for name, values in node.items():
        if not name.startswith("@"):
            _iri(name, f"The property {_quoted(name)} of {where} is not an absolute IRI", blank=False)
            _items(values, name)
        elif name == "@reverse":
            for reverse, items in values.items():
                _iri(reverse, f"The property {_quoted(reverse)} of {where} is not an absolute IRI", blank=False)
                _items(items, reverse)
        elif name in {"@graph", "@included"}:
            _statements(values, f"{name} of {where}")
        elif name not in _KEPT:
            raise UnsafeDocument(f"{name} of {where} has no form in RDF; a signature would not cover it.")


def _statements(items: list[Any], where: str) -> None:
    """Refuse top-level *items* that state nothing: text that belongs to nobody, a bare reference, no item at all."""
    if not items or any("@value" in item or "@list" in item or not item.keys() - {"@id"} for item in items):
        raise UnsafeDocument(f"Something in {where} says nothing about anything; it would be lost.")
    _items(items, where)


def _items(items: list[Any], where: str) -> None:
    for item in items:
        if "@value" in item:
            _value(item, where)
        elif "@list" in item:
            _only(item, {"@list"}, where)
            _items(item["@list"], where)
        else:
            _node(item, where)


def _value(value: dict[str, Any], where: str) -> None:
    _only(value, {"@value", "@type", "@language", "@direction"}, where)
    datatype = value.get("@type", "@json")
    if datatype != "@json":
        _iri(datatype, f"The datatype {_quoted(datatype)} of {where} is not defined by any context", blank=False)


def _only(item: dict[str, Any], kept: set[str], where: str) -> None:
    if lost := item.keys() - kept:
        raise UnsafeDocument(f"{min(lost)} of {where} has no form in RDF; a signature would not cover it.")


def _iri(value: object, otherwise: str, *, blank: bool) -> None:
    """Refuse what PyLD (by its own pattern) or the RDF store would not take for an absolute IRI."""
    if isinstance(value, str) and not re.search(r"\s", value):
        if value.startswith("_:"):
            if blank:
                return
        else:
            try:
                NamedNode(value)
            except ValueError:
                pass
            else:
                return
    raise UnsafeDocument(f"{otherwise}; it would be lost.")


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _listed(names: list[str]) -> str:
    shown = ", ".join(_quoted(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
