"""RFC 8785: orjson where it writes the same, rfc8785 where it does not."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import Malformed
from registry.securing import jcs
from registry.securing.jcs import canonical_json, canonical_json_beside

# RFC 8785, section 3.2.2 and 3.2.3
EXAMPLE = {
    "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"/",
    "literals": [None, True, False],
}
SORTED = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}


def test_the_rfcs_examples_come_out() -> None:
    assert canonical_json(EXAMPLE) == (
        b'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        b'"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    values = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"]
    places = [canonical_json(SORTED).decode().index(value) for value in values]
    assert places == sorted(places)


WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=4), JSON, max_size=6))
def test_it_is_always_what_the_second_implementation_writes(document: dict[str, Any]) -> None:
    assert canonical_json(document) == rfc8785.dumps(document)


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    "document",
    [
        {"a": 2**53},
        {"a": -(2**60)},
        {"a": float("nan")},
        {"a": float("inf"), "b": 1},
        {"a": "\ud800"},
        {"\udfff": 1},
        {"a": 0.5, "b": "\ud800"},
        {"a": {1: 2}},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": [0] * jcs.MAX_VALUES},
        nested(2000),
        {"a": 0.5, "b": nested(2000)},
    ],
)
async def test_what_has_no_canonical_form_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        canonical_json(document)
    with pytest.raises(Malformed):
        await canonical_json_beside(document)


async def test_a_long_document_is_the_same_beside_the_event_loop() -> None:
    long = {"a": [{"b": number, "c": number / 4} for number in range(5_000)]}
    assert await canonical_json_beside(long) == canonical_json(long) == rfc8785.dumps(long)
