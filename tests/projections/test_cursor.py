from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.cursor import decode, decode_position, encode
from registry.errors import Malformed

QUESTION = ("issuers", "main", None)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40))
def test_a_cursor_comes_back_as_the_place_it_was_made_of(place):
    assert decode(QUESTION, encode(QUESTION, place)) == place


@given(st.text(max_size=40), st.integers(0, 60), st.text(min_size=1, max_size=3))
def test_whatever_is_not_a_cursor_is_malformed_and_nothing_worse(text, where, put):
    cursor = encode(QUESTION, "state-college")
    for wrong in (text, cursor[:where] + put + cursor[where:], cursor[:-1]):
        with pytest.raises(Malformed):
            decode(QUESTION, wrong)


def test_a_cursor_of_another_question_is_malformed():
    with pytest.raises(Malformed):
        decode(("issuers", "other", None), encode(QUESTION, "a"))


@pytest.mark.parametrize("forged", ["", "a", "-1", "9" * 19, "1\x00", "٣"])
def test_a_forged_place_is_malformed_even_with_the_right_check(forged):
    with pytest.raises(Malformed):
        decode_position(QUESTION, encode(QUESTION, forged))
