"""RDFC-1.0: blank nodes get their canonical labels (W3C RDF Dataset Canonicalization, section 4).

Written here and not taken from pyoxigraph 0.5, because that one counts a related blank node once where the
specification's list (4.8.3, step 3) and the verifiers in use (rdf-canonize, PyLD) count it once per quad. The labels
differ as soon as equal nodes lie in graphs with blank names, which is how JSON-LD writes the proofs of embedded
credentials and endorsements. PyLD's own is exact, but tries n! orders of n equal entries.

The work is bounded by a count, not by time alone, so that the same document is always refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from registry.errors import Malformed

MAX_WORK: Final = 20_000
"""Orders tried and nodes entered for one dataset; honest documents need a few dozen. All of them take about 0.1 s."""

Quad = tuple[str, str, str, str]
"""Subject, predicate, object and graph as N-Quads terms; the default graph is the empty text."""


Digest = Literal["sha256", "sha384"]
"""What blank nodes are told apart by (section 4.1): SHA-384 where the signature is of a P-384 key, SHA-256 else."""


def canonical_lines(quads: Iterable[Quad], digest: Digest = "sha256") -> list[str]:
    """Return the canonical N-Quads of a dataset: distinct lines in code point order, each with its line feed.

    Raises `Malformed` when labelling takes more than `MAX_WORK` steps.
    """
    distinct = dict.fromkeys(quads)
    try:
        labels = _Labelling(distinct, digest).labels()
    except RecursionError as error:  # a chain of hundreds of nodes that all look alike
        raise _too_much() from error
    return sorted(_line(*(labels.get(term, term) for term in quad)) for quad in distinct)


class _Labelling:
    """The canonicalisation state (section 4.2)."""

    def __init__(self, quads: Iterable[Quad], digest: Digest) -> None:
        self._digest = digest
        self._quads_of: dict[str, list[Quad]] = {}
        for quad in quads:
            for node in dict.fromkeys(term for term in quad if term.startswith("_:")):
                self._quads_of.setdefault(node, []).append(quad)
        self._first_degree = {node: self._hash_first_degree(node) for node in self._quads_of}
        self._canonical = _Issuer("_:c14n")
        self._work = 0

    def labels(self) -> dict[str, str]:
        """Return the canonical label of every blank node (section 4.4.3, steps 3 to 5)."""
        by_hash: dict[str, list[str]] = {}
        for node, digest in self._first_degree.items():
            by_hash.setdefault(digest, []).append(node)
        shared = []
        for _, nodes in sorted(by_hash.items()):
            if len(nodes) == 1:
                self._canonical.issue(nodes[0])
            else:
                shared.append(nodes)
        for nodes in shared:
            for _, issuer in sorted(self._paths(nodes), key=lambda path: path[0]):
                for node in issuer.issued:
                    self._canonical.issue(node)
        return self._canonical.issued

    def _paths(self, nodes: list[str]) -> Iterator[tuple[str, _Issuer]]:
        for node in nodes:
            if node not in self._canonical.issued:
                issuer = _Issuer("_:b")
                issuer.issue(node)
                yield self._hash_n_degree(node, issuer)

    def _hash_first_degree(self, node: str) -> str:
        """Section 4.6.3."""
        lines = [
            _line(*(("_:a" if term == node else "_:z") if term.startswith("_:") else term for term in quad))
            for quad in self._quads_of[node]
        ]
        return self._hash("".join(sorted(lines)))

    def _hash_related(self, related: str, predicate: str, issuer: _Issuer, position: str) -> str:
        """Section 4.7.3."""
        known = self._canonical.issued.get(related) or issuer.issued.get(related) or self._first_degree[related]
        return self._hash(position + ("" if position == "g" else predicate) + known)

    def _hash_n_degree(self, node: str, issuer: _Issuer) -> tuple[str, _Issuer]:
        """Section 4.8.3."""
        self._count()
        related: dict[str, list[str]] = {}
        for subject, predicate, object_, graph in self._quads_of[node]:
            for position, term in (("s", subject), ("o", object_), ("g", graph)):
                if term.startswith("_:") and term != node:
                    related.setdefault(self._hash_related(term, predicate, issuer, position), []).append(term)
        data = ""
        for digest, nodes in sorted(related.items()):
            path, issuer = self._shortest_path(nodes, issuer)
            data += digest + path
        return self._hash(data), issuer

    def _shortest_path(self, nodes: list[str], issuer: _Issuer) -> tuple[str, _Issuer]:
        """Return the chosen path through *nodes* and the issuer that goes with it (4.8.3, step 5.4)."""
        chosen: tuple[str, _Issuer] | None = None
        for order in _orders(nodes):
            self._count()
            found = self._path(order, issuer.copy(), None if chosen is None else chosen[0])
            if found is not None and (chosen is None or found[0] < chosen[0]):
                chosen = found
        assert chosen is not None  # the first order is never given up
        return chosen

    def _path(self, order: list[str], issuer: _Issuer, best: str | None) -> tuple[str, _Issuer] | None:
        """Return the path through *order*, or None as soon as it cannot beat *best*."""
        path = ""
        deeper = []
        for node in order:
            if node in self._canonical.issued:
                path += self._canonical.issued[node]
            else:
                if node not in issuer.issued:
                    deeper.append(node)
                path += issuer.issue(node)
            if _loses(path, best):
                return None
        for node in deeper:
            digest, issuer_after = self._hash_n_degree(node, issuer)
            path += f"{issuer.issue(node)}<{digest}>"
            issuer = issuer_after
            if _loses(path, best):
                return None
        return path, issuer

    def _hash(self, text: str) -> str:
        return hashlib.new(self._digest, text.encode()).hexdigest()

    def _count(self) -> None:
        self._work += 1
        if self._work > MAX_WORK:
            raise _too_much()


class _Issuer:
    """Issues labels in sequence (section 4.5)."""

    __slots__ = ("issued", "prefix")

    def __init__(self, prefix: str, issued: dict[str, str] | None = None) -> None:
        self.prefix = prefix
        self.issued = issued if issued is not None else {}

    def issue(self, node: str) -> str:
        """Return the label of *node*, a new one if it has none."""
        return self.issued.setdefault(node, f"{self.prefix}{len(self.issued)}")

    def copy(self) -> _Issuer:
        """Return an issuer that goes on by itself from here."""
        return _Issuer(self.prefix, self.issued.copy())


def _loses(path: str, best: str | None) -> bool:
    return best is not None and len(path) >= len(best) and path > best


def _orders(nodes: list[str]) -> Iterator[list[str]]:
    """Yield every order of *nodes*; swapping equal ones gives no new order."""
    if not nodes:
        yield []
    for first in dict.fromkeys(nodes):
        rest = nodes.copy()
        rest.remove(first)
        for order in _orders(rest):
            yield [first, *order]


def _too_much() -> Malformed:
    return Malformed("The document has too many nodes without an id that cannot be told apart; give them ids.")


def _line(subject: str, predicate: str, object_: str, graph: str) -> str:
    return f"{subject} {predicate} {object_} {graph} .\n" if graph else f"{subject} {predicate} {object_} .\n"
