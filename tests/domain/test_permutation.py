"""The permutation of a set: a bijection, and the same one for ever."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.events import Permutation
from registry.domain.permutation import IndexPermutation
from registry.domain.status_list import MINIMUM_SIZE

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/permutation.json").read_text())
KEYS = st.binary(min_size=32, max_size=32)


def test_the_vectors_are_of_the_algorithm_that_sets_are_opened_with() -> None:
    """A new algorithm gets a new version and vectors of its own; these stay."""
    opened_with = Permutation()
    assert (opened_with.algorithm, opened_with.version) == (VECTORS["algorithm"], VECTORS["version"])


@pytest.mark.parametrize("vector", VECTORS["permutations"], ids=lambda vector: f"size {vector['size']}")
def test_a_number_becomes_the_index_it_always_became(vector: dict[str, Any]) -> None:
    """Computed by a second implementation; a change here would hand indices out twice."""
    permutation = IndexPermutation(bytes.fromhex(vector["key"]), vector["size"])
    assert {number: permutation.index(int(number)) for number in vector["indices"]} == vector["indices"]
    if "sha256" in vector:
        every = b"".join(permutation.index(number).to_bytes(4) for number in range(vector["size"]))
        assert hashlib.sha256(every).hexdigest() == vector["sha256"]


def test_a_list_of_the_least_size_is_covered_wholly() -> None:
    permutation = IndexPermutation(hashlib.sha256(b"whole").digest(), MINIMUM_SIZE)
    assert sorted(map(permutation.index, range(MINIMUM_SIZE))) == list(range(MINIMUM_SIZE))


@settings(deadline=None)
@given(key=KEYS, size=st.integers(2, 1500))
def test_every_index_is_given_out_once(key: bytes, size: int) -> None:
    permutation = IndexPermutation(key, size)
    assert sorted(map(permutation.index, range(size))) == list(range(size))


@given(key=KEYS, other=KEYS)
def test_another_key_is_another_permutation(key: bytes, other: bytes) -> None:
    one, two = (IndexPermutation(each, 4096) for each in (key, other))
    assert (key == other) is ([one.index(n) for n in range(16)] == [two.index(n) for n in range(16)])


def test_neighbours_in_time_are_no_neighbours_in_the_list() -> None:
    """Chance makes about two of the 131,071 pairs adjacent."""
    permutation = IndexPermutation(hashlib.sha256(b"apart").digest(), MINIMUM_SIZE)
    indices = list(map(permutation.index, range(MINIMUM_SIZE)))
    adjacent = sum(abs(one - two) == 1 for one, two in itertools.pairwise(indices))
    assert adjacent < 16


@pytest.mark.parametrize("number", [-1, 10, 1 << 40])
def test_a_number_outside_the_set_has_no_index(number: int) -> None:
    with pytest.raises(ValueError, match="10 places"):
        IndexPermutation(bytes(32), 10).index(number)


@pytest.mark.parametrize(("key", "size"), [(bytes(31), 10), (bytes(33), 10), (b"", 10), (bytes(32), 1), (bytes(32), 0)])
def test_a_permutation_needs_a_whole_key_and_two_places(key: bytes, size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        IndexPermutation(key, size)
