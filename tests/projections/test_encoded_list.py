"""The encodedList codec, against the Recommendation's vectors and other people's gzip."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.status_lists import encoded_list
from registry.errors import Malformed

SIZE = 131_072

sizes = st.integers(1, 4096)
lists = sizes.flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1))))


def multibase(content: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.fixture
def vectors(shared_dir: Path) -> list[dict[str, Any]]:
    return json.loads((shared_dir / "vectors" / "bsl_rec_examples.json").read_text())["encodedLists"]


def test_the_recommendations_lists_decode_to_the_bits_they_stand_for(vectors: list[dict[str, Any]]) -> None:
    assert vectors
    for vector in vectors:
        assert encoded_list.bits(vector["set_bits"], vector["bits"]) == encoded_list.decode(vector["encodedList"])


@given(lists)
def test_every_bit_comes_back_as_it_was_set(given_list: tuple[int, set[int]]) -> None:
    size, indices = given_list
    decoded = encoded_list.decode(encoded_list.encode(encoded_list.bits(indices, size)))
    assert indices == {index for index in range(size) if encoded_list.bit(decoded, index)}


@given(lists)
def test_a_settled_list_says_the_same(given_list: tuple[int, set[int]]) -> None:
    size, indices = given_list
    bits = encoded_list.bits(indices, size)
    settled = encoded_list.encode(bits, is_settled=True)
    assert bits == encoded_list.decode(settled)
    content = base64.urlsafe_b64decode(settled[1:] + "==")
    assert bits == gzip.decompress(content)
    assert content[4:8] == bytes(4), "the GZIP header's mtime is 0"


@pytest.mark.parametrize("set_bits", [262, 1_311, 3_408])
def test_a_settled_list_is_smaller(set_bits: int) -> None:
    bits = encoded_list.bits(Random(1).sample(range(SIZE), set_bits), SIZE)
    assert len(encoded_list.encode(bits, is_settled=True)) < 0.9 * len(encoded_list.encode(bits))


@given(lists)
def test_anybodys_gzip_decodes_to_the_same_bits(given_list: tuple[int, set[int]]) -> None:
    size, indices = given_list
    bits = encoded_list.bits(indices, size)
    assert bits == encoded_list.decode(multibase(gzip.compress(bits, 9, mtime=1_700_000_000)))
    assert bits == gzip.decompress(base64.urlsafe_b64decode(encoded_list.encode(bits)[1:] + "=="))


@pytest.mark.parametrize(("index", "first_bytes"), [(0, b"\x80\x00"), (7, b"\x01\x00"), (8, b"\x00\x80")])
def test_index_0_is_the_most_significant_bit_of_the_first_byte(index: int, first_bytes: bytes) -> None:
    assert encoded_list.bits([index], SIZE)[:2] == first_bytes


def test_a_list_has_as_many_bytes_as_its_entries_need() -> None:
    assert len(encoded_list.bits([], SIZE)) == 16 * 1024


def test_equal_bits_give_equal_text_whatever_the_time() -> None:
    bits = encoded_list.bits([1, 77_777], SIZE)
    header = base64.urlsafe_b64decode(encoded_list.encode(bits)[1:17])
    assert header[4:8] == bytes(4), "the GZIP header's mtime is 0"
    assert encoded_list.encode(bits) == encoded_list.encode(bytes(bits))


@pytest.mark.parametrize("index", [-1, SIZE, SIZE * 8])
def test_an_index_outside_the_list_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="no index"):
        encoded_list.bits([index], SIZE)
    with pytest.raises(IndexError, match="no index"):
        encoded_list.bit(bytes(SIZE // 8), index)


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "begins with the multibase prefix"),
        ("z" + "A" * 8, "begins with the multibase prefix"),
        (multibase(gzip.compress(b"x", mtime=0))[1:], "begins with the multibase prefix"),
        (multibase(gzip.compress(b"x", mtime=0)) + "=", "not base64url"),
        (multibase(gzip.compress(bytes(range(256)), mtime=0)).replace("_", "/"), "not base64url"),
        ("uH4sI\nAAAA", "not base64url"),
        ("uH4sIÄAAAA", "not base64url"),
        ("uA", "not base64url"),
        (multibase(b"not gzip at all, but long enough"), "not gzip"),
        (multibase(zlib.compress(bytes(64))), "not gzip|cut short"),
        (multibase(b""), "cut short"),
        (multibase(gzip.compress(bytes(64), mtime=0)[:-1]), "cut short"),
        (multibase(gzip.compress(bytes(64), mtime=0)[:-1] + b"\x01"), "not gzip"),
        (multibase(gzip.compress(bytes(64), mtime=0) * 2), "behind its gzip member"),
        (multibase(gzip.compress(bytes(64), mtime=0) + b"\x00"), "behind its gzip member"),
    ],
)
def test_what_is_not_exactly_one_gzip_member_is_refused(encoded: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        encoded_list.decode(encoded)


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    bomb = multibase(gzip.compress(bytes(200_000_000), 9, mtime=0))
    with pytest.raises(Malformed, match="more than 16384 bytes"):
        encoded_list.decode(bomb, max_bytes=16_384)


def test_a_list_of_exactly_the_limit_is_accepted() -> None:
    assert bytes(100) == encoded_list.decode(multibase(gzip.compress(bytes(100), mtime=0)), max_bytes=100)
    with pytest.raises(Malformed, match="more than 99 bytes"):
        encoded_list.decode(multibase(gzip.compress(bytes(100), mtime=0)), max_bytes=99)


@given(data=st.data(), width=st.integers(1, 8))
def test_an_entry_of_several_bits_lies_at_index_times_width_most_significant_bit_first(
    data: st.DataObject, width: int
) -> None:
    said = data.draw(st.dictionaries(st.integers(0, 199), st.integers(0, (1 << width) - 1), max_size=40))
    packed = encoded_list.entries(list(said), list(said.values()), 200, width)
    text = "".join(f"{said.get(index, 0):0{width}b}" for index in range(200))
    assert "".join(f"{byte:08b}" for byte in packed)[: 200 * width] == text
    assert [encoded_list.entry(packed, index, width) for index in range(200)] == [said.get(n, 0) for n in range(200)]


@pytest.mark.parametrize(("index", "value", "error"), [(8, 1, IndexError), (-1, 1, IndexError), (0, 4, ValueError)])
def test_an_entry_that_does_not_fit_is_refused(index: int, value: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoded_list.entries([index], [value], 8, 2)


@pytest.mark.parametrize("index", [-1, 8, 2**40])
def test_there_is_no_entry_outside_the_list(index: int) -> None:
    with pytest.raises(IndexError):
        encoded_list.entry(bytes(2), index, 2)
