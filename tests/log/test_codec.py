from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime

from registry.domain.events import EVENT_TYPES, LogOpened, Recorded, Stored
from registry.domain.names import Stream
from registry.errors import TooLarge
from registry.log.codec import BODY_MAX_BYTES, GENESIS, chain, decode, encode, log_id, stamp

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
names = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
counts = st.integers(0, 2**31 - 1)


def values(kind: Any, metadata: Sequence[object] = ()) -> st.SearchStrategy[Any]:
    """Anything that a field annotated with *kind* may hold."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return values(inner[0], inner[1:])
    if origin in (Union, UnionType):
        return st.one_of(*map(values, inner))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(values(inner[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=4)
    if isinstance(kind, type) and issubclass(kind, Stored):
        return st.builds(kind, **{name: values(one.annotation) for name, one in kind.model_fields.items()})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    plain = {str: names if metadata else texts, int: counts, bool: st.booleans(), UUID: st.uuids(), NoneType: st.none()}
    return {**plain, datetime: moments, AwareDatetime: moments}[kind]


events = st.sampled_from(sorted(EVENT_TYPES)).flatmap(lambda name: values(EVENT_TYPES[name]))


@st.composite
def facts(draw: st.DrawFn) -> Recorded:
    recorded_at = draw(moments)
    return Recorded(
        position=draw(counts),
        stream=Stream(draw(texts)),
        version=draw(counts),
        recorded_at=recorded_at,
        effective_at=draw(st.just(recorded_at) | moments),
        actor=draw(texts),
        request_id=draw(texts),
        event_id=draw(st.uuids()),
        event=draw(events),
    )


LOG_ID = "9b3f0e1c-6f4b-4ed2-8b52-b1f3a9f6a001"


@given(facts(), st.binary(min_size=16, max_size=16))
def test_what_is_encoded_is_decoded_again(fact, salt):
    body = encode(LOG_ID, salt, fact)
    assert decode(fact.position, body) == fact
    assert log_id(body) == LOG_ID
    assert bytes.fromhex(json.loads(body)["salt"]) == salt


@settings(max_examples=400)  # some of every type
@given(facts())
def test_the_bytes_are_canonical_json_as_another_implementation_writes_it(fact):
    body = encode(LOG_ID, bytes(16), fact)
    assert body == rfc8785.dumps(json.loads(body))


@given(facts())
def test_what_is_stored_is_what_pydantic_calls_the_event(fact):
    stored = json.loads(encode(LOG_ID, bytes(16), fact))["event"]
    assert stored == fact.event.model_dump(mode="json", exclude_none=True)


@given(events)
def test_what_is_made_without_a_check_is_what_pydantic_makes(event):
    made = type(event).of(**{name: value for name, value in event.__dict__.items() if value is not None})
    assert made == event
    assert made.model_dump(mode="json") == event.model_dump(mode="json")
    assert made.model_copy() == event


def a_fact(event: object) -> Recorded:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Recorded(1, Stream("log"), 1, at, at, "key:a", "r", UUID(int=7), event)  # type: ignore[arg-type]


def test_an_event_of_60_kib_is_the_largest():
    opened = LogOpened(log_id=UUID(LOG_ID), log_name="main", origin="")
    room = BODY_MAX_BYTES - len(encode(LOG_ID, bytes(16), a_fact(opened)))
    largest = a_fact(opened.model_copy(update={"origin": "x" * room}))
    assert len(encode(LOG_ID, bytes(16), largest)) == BODY_MAX_BYTES
    with pytest.raises(TooLarge):
        encode(LOG_ID, bytes(16), a_fact(opened.model_copy(update={"origin": "x" * (room + 1)})))


def test_a_field_from_tomorrow_is_ignored():
    body = json.loads(encode(LOG_ID, bytes(16), a_fact(LogOpened(log_id=UUID(LOG_ID), log_name="m", origin="o"))))
    body["event"]["tomorrow"] = 1
    body["tomorrow"] = 2
    assert decode(1, json.dumps(body).encode()).event == LogOpened(log_id=UUID(LOG_ID), log_name="m", origin="o")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"\xff", b'{"event": {"type": "Unheard"}, "schema": 1}'])
def test_what_is_no_event_is_refused_with_an_error_that_callers_expect(body):
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(1, body)


@given(moments, st.integers(-12, 12))
def test_a_stamp_is_utc_with_microseconds_whatever_the_zone(moment, hours):
    elsewhere = moment.astimezone(timezone(timedelta(hours=hours)))
    assert stamp(elsewhere) == stamp(moment)
    assert datetime.fromisoformat(stamp(moment)) == moment
    assert len(stamp(moment)) == len("2026-01-01T00:00:00.000000Z")


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_the_chain_is_the_hash_of_all_leaves_in_order(bodies):
    ours, theirs = GENESIS, bytes(32)
    for body in bodies:
        ours = chain(ours, body)
        theirs = hashlib.sha256(theirs + hashlib.sha256(b"\x00" + body).digest()).digest()
    assert ours == theirs


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(min_size=32, max_size=32))
def test_another_body_gives_another_hash(one, other, previous):
    assert (chain(previous, one) == chain(previous, other)) == (one == other)
