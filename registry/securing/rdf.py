"""From a JSON-LD document to its canonical N-Quads (RDFC-1.0), in this process and at once.

`canonicalise_here` is what runs in the worker processes of `canonicalise.py`: PyLD expands, `expand.py` refuses what
would be lost, pyoxigraph canonicalises (about twice as fast as PyLD). For documents from outside go through the
workers: a few hundred hostile bytes keep this function busy for hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyld import jsonld
from pyld.context_resolver import ContextResolver
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    serialize,
)

from registry.errors import Malformed, RegistryError, UnknownContext
from registry.securing.contexts import Contexts
from registry.securing.expand import refuse_dropped, refuse_expanded, refuse_input

MAX_BLANK_NODES: Final = 2_000
MAX_OUTPUT_BYTES: Final = 16 * 2**20
_REMEMBERED: Final = 100
"""Resolved contexts kept between documents; contexts written inside documents count as well."""

_LANG_STRING: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"


class Processor(jsonld.JsonLdProcessor):  # type: ignore[misc]  # PyLD has no types
    """PyLD's processor, with our checks between its expansion and its conversion to RDF.

    It remembers resolved contexts from one document to the next (2 ms instead of 12 for a small credential).
    """

    def __init__(self, contexts: Contexts) -> None:
        self._contexts = contexts
        self._resolved: dict[str, Any] = {}
        self._dropped: list[object] = []
        super().__init__(on_property_dropped=self._dropped.append)

    def expand(self, input_: Any, options: dict[str, Any]) -> list[Any]:
        """Return the expanded form of *input_*; refuse one from which something would be lost."""
        expanded: list[Any] = super().expand(input_, options)
        refuse_dropped(self._dropped)
        refuse_expanded(expanded)
        return expanded

    def dataset(self, document: dict[str, Any]) -> Dataset:
        """Return the RDF dataset that *document* stands for."""
        if len(self._resolved) > _REMEMBERED:
            self._resolved.clear()
        self._dropped.clear()
        # No base: a relative reference must stay one, so that it is seen and refused.
        resolver = ContextResolver(self._resolved, self._load)
        options = {"base": None, "documentLoader": self._load, "contextResolver": resolver}
        try:
            return Dataset(_quads(self.to_rdf(document, options)))
        except BaseException:
            # An interrupted resolution may have left half a context behind.
            self._resolved.clear()
            raise

    def _load(self, url: str, _options: object) -> dict[str, Any]:
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": url,
            "document": self._contexts.document(url),
            "tag": "static",  # pinned, so what was made of it may be used again
        }


def canonicalise_here(document: dict[str, Any], contexts: Contexts | Processor) -> str:
    """Return the canonical N-Quads of *document*: sorted lines, each ending in a line feed.

    Hand in a `Processor` to keep its memory of contexts between calls. Raises `UnsafeDocument` for what a signature
    would not cover, `UnknownContext`, and `Malformed` for what is not JSON-LD or exceeds a bound. Takes exponential
    time for hostile documents. Source: RDF Dataset Canonicalization (RDFC-1.0), JSON-LD 1.1 API.
    """
    processor = contexts if isinstance(contexts, Processor) else Processor(contexts)
    refuse_input(document)
    try:
        dataset = processor.dataset(document)
    except jsonld.JsonLdError as error:
        raise _refusal(error) from error
    except RecursionError as error:
        raise Malformed("The document is nested too deeply.") from error
    return _canonical(dataset)


def _canonical(dataset: Dataset) -> str:
    blank = {node for quad in dataset for node in (quad.subject, quad.object) if isinstance(node, BlankNode)}
    if len(blank) > MAX_BLANK_NODES:
        raise Malformed(
            f"The document has {len(blank)} nodes without an id; more than {MAX_BLANK_NODES:,} are not canonicalised."
        )
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    # Bytes of UTF-8 sort as code points do, which is the order RDFC-1.0 (section 4.4.3) asks for.
    lines = sorted(serialize([quad], format=RdfFormat.N_QUADS) or b"" for quad in dataset)
    if sum(map(len, lines)) > MAX_OUTPUT_BYTES:
        raise Malformed(f"The document's canonical form is over {MAX_OUTPUT_BYTES // 2**20} MiB.")
    return b"".join(lines).decode()


def _quads(dataset: dict[str, list[dict[str, Any]]]) -> Iterator[Quad]:
    for name, triples in dataset.items():
        graph = DefaultGraph() if name == "@default" else _resource(name)
        for triple in triples:
            try:
                yield Quad(
                    _resource(triple["subject"]["value"]),
                    NamedNode(triple["predicate"]["value"]),
                    _object(triple["object"]),
                    graph,
                )
            except (ValueError, TypeError) as error:
                raise Malformed(f"The document holds a value that RDF cannot: {error}") from error


def _resource(value: str) -> NamedNode | BlankNode:
    return BlankNode(value[2:]) if value.startswith("_:") else NamedNode(value)


def _object(term: dict[str, Any]) -> NamedNode | BlankNode | Literal:
    if term["type"] != "literal":
        return _resource(term["value"])
    if not isinstance(term["value"], str):  # pyoxigraph would choose a datatype by itself
        raise TypeError(f"{term['value']!r} is not text")
    if term["datatype"] == _LANG_STRING:
        return Literal(term["value"], language=term["language"])
    return Literal(term["value"], datatype=NamedNode(term["datatype"]))


def _refusal(error: BaseException) -> RegistryError:
    """Return our error for PyLD's: the unknown context at its root, or its innermost sentence."""
    innermost = error
    while (cause := innermost.__cause__) is not None:
        innermost = cause
        if isinstance(innermost, UnknownContext):
            return innermost
    code = getattr(innermost, "code", None) or "invalid"
    sentence = str(innermost.args[0] if innermost.args else innermost)
    return Malformed(f"The document cannot be read as JSON-LD ({code}): {sentence}")
