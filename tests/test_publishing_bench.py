"""The measurement of publishing: the right number of bits in wrong places is not taken for what was revoked."""

from __future__ import annotations

import pytest

from load_tests.publishing import Revocable, require_set
from projections.status_lists import encoded_list

URLS = [f"https://status.example/status-lists/{number}" for number in (1, 2)]
REVOKED = [Revocable("", "", url, index) for url, index in ((URLS[0], 5), (URLS[0], 9), (URLS[1], 70_000))]


def served(first: list[int], second: list[int]) -> dict[str, bytes]:
    return {f"/status-lists/{n}": encoded_list.bits(indices, 131_072) for n, indices in ((1, first), (2, second))}


def test_the_bits_that_were_revoked_are_enough():
    require_set(served([5, 9], [70_000]), REVOKED, 3)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ([5, 9], [], "2 bits are set in the served lists, not 3"),
        ([5, 9, 10], [70_000], "4 bits are set in the served lists, not 3"),
        ([5, 10], [70_000], r"1 of 3 looked at are not, such as index 9 of .*/1"),
        ([5, 9, 7], [], r"1 of 3 looked at are not, such as index 70000 of .*/2"),
    ],
)
def test_other_bits_are_found(first, second, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        require_set(served(first, second), REVOKED, 3)
