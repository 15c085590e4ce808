"""An event once written is read for ever, byte for byte the same.

`tests/vectors/events/<Type>.json` are frozen: what is stored somewhere in the world. A failure here means that this
version could not read, or would not hash, yesterday's log.
"""

from __future__ import annotations

import types
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, TypeAdapter

from registry.domain.events import EVENT, EVENT_TYPES, AsciiName, Event, Recorded
from registry.domain.names import Stream
from registry.log import codec
from tests.domain.stored import LOG_ID, SALT, STORED

VECTORS = Path(__file__).parents[1] / "vectors/events"

# ── what is stored ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", STORED)
def test_a_stored_event_is_read_as_what_it_meant(name: str) -> None:
    expected = STORED[name]
    assert codec.decode(expected.position, (VECTORS / f"{name}.json").read_bytes()) == expected


@pytest.mark.parametrize("name", STORED)
def test_the_same_fact_is_written_as_the_same_bytes(name: str) -> None:
    stored_bytes = (VECTORS / f"{name}.json").read_bytes()
    assert codec.encode(LOG_ID, SALT, STORED[name]) == stored_bytes
    assert codec.encode(LOG_ID, SALT, codec.decode(STORED[name].position, stored_bytes)) == stored_bytes


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda path: path.stem)
def test_whatever_shape_was_ever_stored_is_readable_and_canonical(path: Path) -> None:
    body = path.read_bytes()
    assert codec.decode(1, body).event.type == path.stem.partition(".")[0]
    assert rfc8785.dumps(orjson.loads(body)) == body


@pytest.mark.parametrize("name", STORED)
def test_fields_of_tomorrow_are_read_over(name: str) -> None:
    fields = orjson.loads((VECTORS / f"{name}.json").read_bytes())
    fields["tomorrow"] = fields["event"]["tomorrow"] = {"more": 1}
    assert codec.decode(STORED[name].position, orjson.dumps(fields)) == STORED[name]


def test_the_discriminator_tells_the_type() -> None:
    read = TypeAdapter(EVENT).validate_python
    for name, recorded in STORED.items():
        assert read(recorded.event.model_dump()) == recorded.event, name


# ── whatever can be recorded ─────────────────────────────────────────────────────────────────────────────────

_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5, minutes=45))])
_FROM, _TO = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  # the zone is drawn beside them
_MOMENTS = st.datetimes(_FROM, _TO, timezones=_ZONES)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_SAFE_INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)


def values(wanted: Any) -> st.SearchStrategy[Any]:
    """Whatever a field annotated with *wanted* may hold."""
    simple = {str: _TEXT, int: _SAFE_INTEGERS, bool: st.booleans(), UUID: st.uuids(), AwareDatetime: _MOMENTS}
    if wanted in simple:
        return simple[wanted]
    if wanted is AsciiName:
        return st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return st.one_of([st.none() if each is types.NoneType else values(each) for each in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=4).map(tuple)
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=4)
    if origin is Annotated:
        return values(arguments[0])
    if issubclass(wanted, Enum):
        return st.sampled_from(wanted)
    assert issubclass(wanted, BaseModel), wanted
    fields = {name: field.rebuild_annotation() for name, field in wanted.model_fields.items()}
    return st.builds(wanted, **{name: values(annotation) for name, annotation in fields.items()})


EVENTS: st.SearchStrategy[Event] = st.sampled_from(sorted(EVENT_TYPES)).flatmap(lambda name: values(EVENT_TYPES[name]))


@st.composite
def recorded_events(draw: st.DrawFn) -> Recorded:
    recorded_at = draw(_MOMENTS)
    return Recorded(
        position=1,
        stream=Stream(draw(_TEXT)),
        version=draw(st.integers(1, 2**31 - 1)),
        recorded_at=recorded_at,
        effective_at=draw(st.just(recorded_at) | _MOMENTS),
        actor=draw(_TEXT),
        request_id=draw(_TEXT),
        event_id=draw(st.uuids()),
        event=draw(EVENTS),  # type: ignore[arg-type]
    )


@given(recorded_events(), st.binary(min_size=16, max_size=16))
def test_two_implementations_of_canonical_json_write_the_same_bytes(recorded: Recorded, salt: bytes) -> None:
    """`orjson` with sorted keys against the `rfc8785` package."""
    body = codec.encode(LOG_ID, salt, recorded)
    assert rfc8785.dumps(orjson.loads(body)) == body


@given(recorded_events())
def test_what_was_written_is_read_as_it_was(recorded: Recorded) -> None:
    body = codec.encode(LOG_ID, SALT, recorded)
    again = codec.decode(recorded.position, body)
    assert again == recorded
    assert codec.encode(LOG_ID, SALT, again) == body


@given(recorded_events(), st.binary(min_size=16, max_size=16))
def test_the_salt_changes_the_bytes_that_are_hashed_and_nothing_that_is_read(recorded: Recorded, salt: bytes) -> None:
    body, salted = codec.encode(LOG_ID, SALT, recorded), codec.encode(LOG_ID, salt, recorded)
    assert (body == salted) is (salt == SALT)
    assert codec.decode(1, body) == codec.decode(1, salted)
