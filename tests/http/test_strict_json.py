"""Strict JSON: what is accepted means the same everywhere; what is not gets a sentence."""

import json
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import Malformed
from registry.strict_json import MAX_DEPTH, loads

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
SCALARS = st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5))


@given(VALUES, st.booleans())
def test_what_any_encoder_writes_is_read_back_as_it_was(value, ascii_only):
    assert value == loads(json.dumps(value, ensure_ascii=ascii_only).encode())


@given(VALUES)
def test_compact_and_spaced_bodies_are_read_alike(value):
    compact, spaced = orjson.dumps(value), json.dumps(value, indent=1).encode()
    assert loads(compact) == loads(spaced) == value


@given(
    st.binary(max_size=40) | VALUES.map(orjson.dumps) | st.text('[]{}":,\\u0d8 1e9NaN-.', max_size=40).map(str.encode)
)
def test_whatever_is_accepted_is_read_alike_by_another_implementation(data):
    try:
        value = loads(data)
    except Malformed:
        return
    assert value == orjson.loads(data)


@given(VALUES.map(json.dumps), st.text('[]{}",\\', max_size=5), st.integers(0, 200))
def test_damage_is_refused_or_read_but_never_crashes(text, noise, at):
    damaged = (text[:at] + noise + text[at:]).encode()
    try:
        value = loads(damaged)
    except Malformed:
        return
    assert value == orjson.loads(damaged)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a": 1, "a": 1}', 'The key "a" stands twice'),
        (b'{"a": {"b": 1, "\\u0062": 2}}', 'The key "b" stands twice'),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e400", "too large for a double"),
        (b"-1E999", "too large for a double"),
        (b"9007199254740992", "beyond"),
        (b"[-9007199254740992]", "beyond"),
        (b"1" * 5000, "beyond"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'["a\\u0000b"]', "U+0000"),
        (b'{"\\u0000": 1}', "U+0000"),
        (b'"\x00"', "not JSON"),
        (b"\xff", "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b"", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"[01]", "not JSON"),
    ],
)
def test_doubtful_json_is_refused_with_a_sentence(body, sentence):
    with pytest.raises(Malformed, match=sentence.replace("+", r"\+").replace("(", r"\(")):
        loads(body)


def test_a_surrogate_pair_is_a_character():
    assert loads(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


def test_an_escaped_backslash_before_u0000_is_no_nul():
    assert loads(b'"\\\\u0000"') == "\\u0000"


@pytest.mark.parametrize("around", ["[{}]", '{{"a": {}}}', '[1, {}, "["]', '{{"]": 1, "b": {}}}', '{{"\\"": {}}}'])
@pytest.mark.parametrize("stuffing", ["1", '"]]]]"', '"\\"[["', '"[", "a[b", ""'])
def test_sixty_four_levels_are_enough_and_sixty_five_too_many(around, stuffing):
    def nested(levels):
        text = f"[{stuffing}]"
        for _ in range(levels - 1):
            text = around.format(text)
        return text.encode()

    assert loads(nested(MAX_DEPTH)) is not None
    with pytest.raises(Malformed, match="deeper than 64"):
        loads(nested(MAX_DEPTH + 1))


def test_breadth_is_not_depth():
    assert len(loads(b"[" + b"[],{}," * 40_000 + b"[]]")) == 80_001


@pytest.mark.parametrize(
    "body",
    [b"[" * 2_000_000, b'"' + b'\\"' * 1_000_000, b"[" * 99 + b'"\\"' * 600_000, b'{"a":' * 400_000, b"[]" * 1_000_000],
)
def test_hostile_bodies_of_two_megabytes_are_refused_in_time_that_grows_with_their_length_only(body):
    began = time.process_time()
    with pytest.raises(Malformed):
        loads(body)
    assert time.process_time() - began < 2


def test_more_members_than_can_be_parsed_in_passing_are_refused_unparsed():
    with pytest.raises(Malformed, match="200,000 members"):
        loads(b"[" + b"{}," * 100_000 + b"{}]")


def test_an_object_of_many_keys_with_one_twice_is_refused_quickly():
    body = b"{" + b",".join(b'"%d":1' % number for number in range(90_000)) + b',"89999":2}'
    began = time.process_time()
    with pytest.raises(Malformed, match="stands twice"):
        loads(body)
    assert time.process_time() - began < 2
