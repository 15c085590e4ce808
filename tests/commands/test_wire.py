"""Whatever goes from one process to another comes out as it went in: every command, every state, every error."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from registry.app import Process
from registry.commands import wire
from registry.commands.handle import Outcome
from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListShape
from registry.domain.commands import Command, RevokeCredential
from registry.domain.streams import evolve
from registry.errors import RegistryError
from registry.http.problems import problem_of
from tests.domain.stored import STORED

assert Process, "whose import brings in every room, and with it every command and every error"

COMMANDS = sorted(wire.kinds_of(Command), key=lambda kind: kind.__name__)
ERRORS = sorted(wire.kinds_of(RegistryError), key=lambda kind: kind.__name__)

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    bytes: st.binary(),
    UUID: st.uuids(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    object: st.one_of(st.none(), st.booleans(), st.text()),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, with every field given."""
    kind = getattr(kind, "__supertype__", kind)
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is type(None):
        return st.none()
    if origin in (Union, types.UnionType):
        return st.one_of(*map(values_of, inner))
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is Annotated:
        return st.sampled_from(("ror", "ctid")) if inner[0] is str else values_of(inner[0])
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(values_of(inner[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values_of, inner))
    if origin in (dict, Mapping):
        return st.dictionaries(values_of(inner[0]), values_of(inner[1]), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        below = [one for one in wire.kinds_of(kind) if one is not kind]
        return st.one_of([made(one) for one in below or [kind]])  # where a base is named, its classes stand
    raise TypeError(f"Tell this test what a {kind!r} looks like.")


def made(kind: type) -> st.SearchStrategy[Any]:
    """Instances of exactly this class."""
    names = [one.name for one in fields(kind)] if is_dataclass(kind) else list(kind.model_fields)
    hints = get_type_hints(kind, include_extras=True)
    return st.fixed_dictionaries({name: values_of(hints[name]) for name in names}).map(lambda given: kind(**given))


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=30)  # for each of them
@given(data=st.data())
def test_every_command_arrives_as_it_left(kind: type[Command], data: st.DataObject) -> None:
    command = data.draw(made(kind))
    arrived = wire.command_of(*wire.command_bytes(command))
    assert type(arrived) is kind
    assert arrived == command


def test_no_command_is_missing() -> None:
    assert {"RegisterCredential", "RevokeCredential", "RegisterIssuer", "AcceptRestore"} <= {
        kind.__name__ for kind in COMMANDS
    }
    assert len(COMMANDS) == len({kind.__name__ for kind in COMMANDS})


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    at = datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    command = RevokeCredential(at, UUID(int=1), "urn:x:1")  # type: ignore[arg-type]
    arrived = wire.command_of(*wire.command_bytes(command))
    assert arrived.at == at
    assert arrived.at.utcoffset() is not None


@given(values_of(Asked))
def test_who_asks_arrives_as_it_left(asked: Asked) -> None:
    header, _ = wire.unpacked(wire.packed([wire.asked_list(asked)]))
    assert wire.asked_of(header[0]) == asked


@given(values_of(ListShape))
def test_a_lists_shape_arrives_as_it_left(shape: ListShape) -> None:
    assert wire.shape_of(wire.shape_bytes(shape)) == shape


_JSON = st.recursive(st.none() | st.booleans() | st.text() | st.integers(-(2**53), 2**53), st.lists, max_leaves=5)


@given(st.integers(0, 2**53), st.booleans(), st.dictionaries(st.text(), _JSON))
def test_an_outcome_arrives_as_it_left(position: int, replayed: bool, answer: dict[str, Any]) -> None:
    outcome = Outcome(position, answer, replayed)
    header, _ = wire.unpacked(wire.packed(wire.outcome_list(outcome), b"\n"))
    assert wire.outcome_of(header) == outcome


@pytest.mark.parametrize("name", STORED)
def test_the_state_after_any_event_arrives_as_it_left(name: str) -> None:
    """Each event is folded on top of all those that stand before it in streams of its kind."""
    stream, state = STORED[name].stream, None
    for recorded in STORED.values():
        if recorded.stream.partition("/")[0] == stream.partition("/")[0]:
            state = evolve(stream, state, recorded)
            assert wire.state_of(stream, wire.state_bytes(state)) == state
        if recorded is STORED[name]:
            break
    arrived = wire.state_of(stream, wire.state_bytes(state))
    assert arrived == state
    assert type(arrived) is type(state)


@pytest.mark.parametrize("stream", sorted({one.stream for one in STORED.values()}))
def test_a_stream_that_has_no_events_has_no_state_elsewhere_either(stream: Any) -> None:
    assert wire.state_of(stream, wire.state_bytes(None)) is None


_EXAMPLES = {
    "retry_after_s": 2.5,
    "position": 17,
    "problem_type": "https://w3id.org/security#X",
    "title": "X",
    "reason": "y",
}


def example(kind: type[RegistryError]) -> RegistryError:
    """An error with everything that its class can be given."""
    taken = inspect.signature(kind).parameters.values()
    named = {one.name: _EXAMPLES[one.name] for one in taken if one.kind is one.KEYWORD_ONLY}
    extra = {"pointer": "/method", "delegation": {"id": "did:web:x", "assertionMethod": ["a"]}}
    has_extra = any(one.kind is one.VAR_KEYWORD for one in taken)
    return kind("A sentence about “it”.\nAnd another.", **named, **(extra if has_extra else {}))


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_arrives_as_it_left_and_is_the_same_problem(kind: type[RegistryError]) -> None:
    error = example(kind)
    header, _ = wire.unpacked(wire.packed(wire.error_list(error)))
    arrived = wire.error_of(header)
    assert type(arrived) is kind
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)
    assert problem_of(arrived) == problem_of(error)


def test_a_name_that_is_no_command_is_refused() -> None:
    with pytest.raises(KeyError):
        wire.command_of("Path", b"{}")
    name, _ = wire.command_bytes(RevokeCredential(datetime.now(UTC), UUID(int=1), "urn:x:1"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="missing required field"):
        wire.command_of(name, b"{}")
