"""The n-th allocation of a set → its index: a keyed permutation: neighbours in time are no neighbours in a list.

A balanced Feistel network of 8 rounds over the next even power of two, with cycle walking back into the list
(Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). The round function is HMAC-SHA-256, tabulated
once per set: halves are small (9 bits for 131,072 entries), and an index then costs about 2 µs.

The algorithm is part of what a log means: it never changes under its name and version, or indices would be given
out twice.
"""

from __future__ import annotations

import hmac
from array import array
from collections.abc import Iterator

ROUNDS = 8


class IndexPermutation:
    """The permutation `feistel-hmac-sha256`, version 1, of 0 … size - 1 under a 32-byte key."""

    __slots__ = ("_half_bits", "_mask", "_tables", "size")

    def __init__(self, key: bytes, size: int) -> None:
        if len(key) != 32 or size < 2:
            raise ValueError("A permutation needs a key of 32 bytes and at least two places.")
        self.size = size
        self._half_bits = ((size - 1).bit_length() + 1) // 2
        self._mask = (1 << self._half_bits) - 1
        self._tables = [array("L", _round_values(key, number, self._mask)) for number in range(ROUNDS)]

    def index(self, number: int) -> int:
        """Return the index of the *number*-th allocation (0 ≤ number < size); no two numbers share one."""
        if not 0 <= number < self.size:
            raise ValueError(f"The set has no allocation number {number}; it has {self.size} places.")
        place = self._once(number)
        while place >= self.size:
            place = self._once(place)
        return place

    def _once(self, value: int) -> int:
        """Eight rounds without exchanging the halves: every second one finds them exchanged already."""
        left, right = value >> self._half_bits, value & self._mask
        first, second, third, fourth, fifth, sixth, seventh, eighth = self._tables
        left ^= first[right]
        right ^= second[left]
        left ^= third[right]
        right ^= fourth[left]
        left ^= fifth[right]
        right ^= sixth[left]
        left ^= seventh[right]
        right ^= eighth[left]
        return (left << self._half_bits) | right


def _round_values(key: bytes, round_number: int, mask: int) -> Iterator[int]:
    for half in range(mask + 1):
        message = round_number.to_bytes(1) + half.to_bytes(4)
        yield int.from_bytes(hmac.digest(key, message, "sha256")[:4]) & mask
