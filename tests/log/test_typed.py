"""Reading bodies by types that are derived from the events': always the same answer as pydantic's own reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.events import EVENT_TYPES, Recorded
from registry.log.codec import decode, decode_loosely, encode
from registry.log.typed import Typed
from tests.domain.stored import LOG_ID, SALT, STORED
from tests.domain.test_stored_events import VECTORS, recorded_events

LEFT_TO_PYDANTIC = {"IssuerRegistered", "IssuerUpdated"}  # their profiles have keys that are checked by a pattern


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_all_but_a_few_rare_events_are_read_by_types(name: str) -> None:
    assert (Typed().read(encode(LOG_ID, SALT, STORED[name])) is None) is (name in LEFT_TO_PYDANTIC)


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_stored_somewhere_is_read_the_same(path: Path) -> None:
    assert same(path.read_bytes())


@given(recorded_events())
def test_whatever_can_be_recorded_is_read_the_same(recorded: Recorded) -> None:
    assert same(encode(LOG_ID, SALT, recorded))


def same(body: bytes) -> bool:
    """Whether both ways read the same, of the same types, that writes the same."""
    one, other = decode(7, body), decode_loosely(7, body)
    return (
        one == other
        and one.event.model_dump_json() == other.event.model_dump_json()
        and encode(LOG_ID, SALT, one) == encode(LOG_ID, SALT, other)
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["1", "true", "2026-05-01", "2026-05-01T12:00:00", "2026-05-01T12:00:00.1234567+01:00", ""])
    | st.uuids().map(lambda one: one.hex),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=4), some, max_size=3),
    max_leaves=5,
)  # fmt: skip


def read(how: Any, body: bytes) -> Any:
    try:
        recorded = how(1, body)
    except (ValueError, KeyError, TypeError):
        return "refused"
    return recorded, recorded.event.model_dump_json()


@given(st.sampled_from(sorted(STORED)), st.data())
def test_odd_bodies_are_read_or_refused_the_same(name: str, data: st.DataObject) -> None:
    """A value anywhere is replaced, removed or added."""
    fields = orjson.loads((VECTORS / f"{name}.json").read_bytes())
    place = fields
    while True:
        key = data.draw(st.sampled_from([*place, "tomorrow"]))
        if not isinstance(place.get(key), dict) or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        place.pop(key, None)
    else:
        place[key] = data.draw(_JSON)
    try:
        body = orjson.dumps(fields)
    except TypeError:  # an integer that no JSON of ours has
        return
    assert read(decode, body) == read(decode_loosely, body)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"{}", b'{"event":{"type":"Nothing"}}', b"\xff"])
def test_what_is_no_event_is_refused_the_same(body: bytes) -> None:
    assert read(decode, body) == read(decode_loosely, body) == "refused"
