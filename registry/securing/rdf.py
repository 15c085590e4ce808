"""From a JSON-LD document to its canonical N-Quads (RDFC-1.0), in this process and at once.

`canonicalise_here` is what runs in the worker processes of `canonicalise.py`: PyLD expands, `expand.py` refuses what
would be lost, pyoxigraph checks and writes each term, `rdfc.py` labels the blank nodes. Documents from outside go
through the workers: a hostile one can keep this function busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyld import jsonld
from pyld.context_resolver import ContextResolver
from pyoxigraph import Literal, NamedNode

from registry.errors import Malformed, RegistryError, UnknownContext
from registry.securing.aliases import refuse_aliases
from registry.securing.contexts import Contexts
from registry.securing.expand import refuse_dropped, refuse_expanded, refuse_input
from registry.securing.rdfc import Digest, Quad, canonical_lines

MAX_BLANK_NODES: Final = 2_000
MAX_OUTPUT_CHARACTERS: Final = 16 * 2**20
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
        refuse_aliases(input_, expanded[0])
        return expanded

    def quads(self, document: dict[str, Any]) -> list[Quad]:
        """Return the RDF dataset that *document* stands for."""
        if len(self._resolved) > _REMEMBERED:
            self._resolved.clear()
        self._dropped.clear()
        options = {
            "base": None,  # a relative reference must stay one, so that it is seen and refused
            "keepFreeFloatingNodes": True,  # the same for text and references that belong to nothing
            "rdfDirection": "i18n-datatype",  # no specification says how; the suites that sign a direction do it so
            "documentLoader": self._load,
            "contextResolver": ContextResolver(self._resolved, self._load),
        }
        try:
            return list(_quads(self.to_rdf(document, options)))
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


def canonicalise_here(document: dict[str, Any], contexts: Contexts | Processor, digest: Digest = "sha256") -> str:
    """Return the canonical N-Quads of *document*: sorted lines, each ending in a line feed.

    *digest* tells blank nodes apart. Hand in a `Processor` to keep its memory of contexts between calls. Raises
    `UnsafeDocument` for what a signature would not cover, `UnknownContext`, and `Malformed` for what is not JSON-LD or
    exceeds a bound. Sources: JSON-LD 1.1 Processing Algorithms and API; RDF Dataset Canonicalization (RDFC-1.0).
    """
    processor = contexts if isinstance(contexts, Processor) else Processor(contexts)
    refuse_input(document)
    try:
        return _canonical(processor.quads(document), digest)
    except jsonld.JsonLdError as error:
        raise _refusal(error) from error
    except RecursionError as error:
        raise Malformed("The document is nested too deeply.") from error
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        # PyLD stumbles over some malformed documents instead of refusing them.
        raise Malformed(f"The document cannot be read as JSON-LD: {error}") from error


def _canonical(quads: list[Quad], digest: Digest) -> str:
    blank = {term for quad in quads for term in quad if term.startswith("_:")}
    if len(blank) > MAX_BLANK_NODES:
        raise Malformed(
            f"The document has {len(blank)} nodes without an id; more than {MAX_BLANK_NODES:,} are not canonicalised."
        )
    if sum(len(term) for quad in quads for term in quad) > MAX_OUTPUT_CHARACTERS:
        raise Malformed(f"The document's canonical form is over {MAX_OUTPUT_CHARACTERS // 2**20} MiB.")
    return "".join(canonical_lines(quads, digest))


def _quads(dataset: dict[str, list[dict[str, Any]]]) -> Iterator[Quad]:
    """Yield what PyLD made, as N-Quads terms that pyoxigraph has checked."""
    for name, triples in dataset.items():
        graph = "" if name == "@default" else _resource(name)
        for triple in triples:
            yield (
                _resource(triple["subject"]["value"]),
                _resource(triple["predicate"]["value"]),
                _object(triple["object"]),
                graph,
            )


def _resource(value: str) -> str:
    return value if value.startswith("_:") else str(NamedNode(value))


def _object(term: dict[str, Any]) -> str:
    if term["type"] != "literal":
        return _resource(term["value"])
    if not isinstance(term["value"], str):  # pyoxigraph would choose a datatype by itself
        raise TypeError(f"{term['value']!r} is not text")
    if term["datatype"] == _LANG_STRING:
        return str(Literal(term["value"], language=term["language"]))
    return str(Literal(term["value"], datatype=NamedNode(term["datatype"])))


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
