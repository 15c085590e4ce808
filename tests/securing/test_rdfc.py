"""The canonical labels of blank nodes, judged by other implementations."""

from __future__ import annotations

from itertools import permutations, product

import pyoxigraph
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyld.canon import URDNA2015
from pyld.nquads import parse_nquads

from registry.errors import Malformed
from registry.securing.rdfc import Quad, canonical_lines

NODES = st.sampled_from(["_:n0", "_:n1", "_:n2", "_:n3", "<urn:x:a>"])
PREDICATES = st.sampled_from(["<urn:x:p>", "<urn:x:q>"])
QUADS = st.tuples(NODES, PREDICATES, NODES | st.just('"text"'), st.just("") | NODES)
DATASETS = st.lists(QUADS, max_size=7)


def text(quads: list[Quad]) -> str:
    return "".join(" ".join(filter(None, quad)) + " .\n" for quad in quads)


def by_pyld(quads: list[Quad]) -> str:
    canonical: str = URDNA2015().main(parse_nquads(text(quads)), {"format": "application/n-quads"})
    return canonical


def by_pyoxigraph(quads: list[Quad]) -> str:
    dataset = pyoxigraph.Dataset(pyoxigraph.parse(text(quads), pyoxigraph.RdfFormat.N_QUADS))
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    return "".join(sorted(f"{quad} .\n" for quad in dataset))


@settings(max_examples=200, deadline=None)
@given(DATASETS)
def test_labels_are_those_of_pyld_where_no_quad_names_a_node_twice(quads: list[Quad]) -> None:
    """PyLD counts a quad twice for a node that is, say, its subject and its graph; rdf-canonize does not."""
    quads = [quad for quad in quads if len({quad[0], quad[2], quad[3]}) == 3]
    assert "".join(canonical_lines(quads)) == by_pyld(quads)


@settings(max_examples=200, deadline=None)
@given(DATASETS)
def test_labels_are_those_of_pyoxigraph_where_no_graph_is_blank(quads: list[Quad]) -> None:
    named = [(*quad[:3], "" if quad[3].startswith("_:") else quad[3]) for quad in quads]
    assert "".join(canonical_lines(named)) == by_pyoxigraph(named)


@given(DATASETS, st.permutations(["_:n0", "_:n1", "_:n2", "_:n3"]), st.randoms(use_true_random=False))
def test_neither_names_nor_order_of_the_input_matter(quads: list[Quad], names: list[str], random: object) -> None:
    renaming = dict(zip(["_:n0", "_:n1", "_:n2", "_:n3"], names, strict=True))
    renamed = [tuple(renaming.get(term, term) for term in quad) for quad in quads]
    random.shuffle(renamed)  # type: ignore[attr-defined]
    assert canonical_lines(renamed) == canonical_lines(quads)  # type: ignore[arg-type]


def test_equal_proofs_in_blank_graphs_are_labelled_as_verifiers_label_them() -> None:
    """Four endorsements with the same proof: pyoxigraph 0.5 orders these labels otherwise."""
    quads: list[Quad] = []
    for n in range(4):
        quads += [
            (f"<urn:x:endorsement{n}>", "<urn:x:proof>", f"_:graph{n}", ""),
            (f"_:proof{n}", "<urn:x:created>", '"2022"', f"_:graph{n}"),
            (f"_:proof{n}", "<urn:x:value>", '"z"', f"_:graph{n}"),
        ]
    assert "".join(canonical_lines(quads)) == by_pyld(quads)


def complete_graph(size: int) -> list[Quad]:
    return [(f"_:n{a}", "<urn:x:p>", f"_:n{b}", "") for a, b in permutations(range(size), 2)]


def ring(size: int) -> list[Quad]:
    return [(f"_:n{n}", "<urn:x:p>", f"_:n{(n + 1) % size}", "") for n in range(size)]


def twin_stars(size: int) -> list[Quad]:
    return [(f"_:c{star}", "<urn:x:p>", f"_:n{star}x{n}", "") for star, n in product(range(2), range(size))]


@pytest.mark.parametrize("quads", [complete_graph(9), ring(400), twin_stars(9)], ids=["complete", "ring", "stars"])
def test_a_bomb_is_refused_after_a_bounded_amount_of_work(quads: list[Quad]) -> None:
    with pytest.raises(Malformed, match="give them ids"):
        canonical_lines(quads)


@pytest.mark.parametrize("quads", [complete_graph(4), ring(20), twin_stars(4)], ids=["complete", "ring", "stars"])
def test_what_is_merely_symmetric_is_labelled(quads: list[Quad]) -> None:
    assert "".join(canonical_lines(quads)) == by_pyoxigraph(quads)


def test_a_thousand_equal_leaves_are_no_bomb() -> None:
    quads = [("<urn:x:a>", "<urn:x:p>", f"_:n{n}", "") for n in range(1000)]
    assert len(canonical_lines(quads)) == 1000
