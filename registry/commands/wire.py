"""Commands, states, outcomes and errors as bytes, for the socket between the processes of one machine.

Each travels as JSON under the name of its class, and is validated on arrival; nothing is ever unpickled. A class that
cannot travel fails `tests/commands/test_wire.py`, which knows all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from pydantic import TypeAdapter

from registry.commands.handle import Outcome
from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListShape
from registry.domain.api_keys import ApiKeyRing
from registry.domain.commands import CarryOutRows, Command, RefusedRow
from registry.domain.credential import Credential
from registry.domain.issuer import Issuer
from registry.domain.log import OpenedLog
from registry.domain.names import LogName, Stream
from registry.domain.own_list import Entry, OwnLists
from registry.domain.status_list import ListSets
from registry.domain.streams import State
from registry.errors import RegistryError

T = TypeVar("T")

SHAPE: Final = TypeAdapter(ListShape)

_REFUSED: Final[dict[str, TypeAdapter[Any]]] = {RefusedRow.__name__: TypeAdapter(RefusedRow)}
"""What a row can be beside a command."""

_STATES: Final[dict[str, TypeAdapter[Any]]] = {
    "credential": TypeAdapter(Credential | None),
    "issuer": TypeAdapter(Issuer | None),
    "status-lists": TypeAdapter(ListSets | None),
    "own-lists": TypeAdapter(OwnLists | None),
    "list-entry": TypeAdapter(Entry | None),
    "api-keys": TypeAdapter(ApiKeyRing | None),
    "slug": TypeAdapter(UUID | None),
    "log": TypeAdapter(OpenedLog | None),
}
"""By the kind of stream, as `registry.domain.streams` folds them."""


def kinds_of(root: type[T]) -> Iterator[type[T]]:
    """Yield *root* and every class below it.

    A dataclass with slots leaves behind the class that it was made from; only the one that its module has counts.
    """
    if vars(sys.modules[root.__module__]).get(root.__name__) is root:
        yield root
    for one in root.__subclasses__():
        yield from kinds_of(one)


@cache
def _commands() -> dict[str, TypeAdapter[Any]]:
    return {one.__name__: TypeAdapter(one) for one in kinds_of(Command)}


@cache
def _errors() -> dict[str, type[RegistryError]]:
    return {one.__name__: one for one in kinds_of(RegistryError)}


def command_bytes(command: Command) -> tuple[str, bytes]:
    """Return the name of *command*'s class, and its fields as JSON; rows follow in a line of their own, each named."""
    name = type(command).__name__
    if not isinstance(command, CarryOutRows):
        return name, _commands()[name].dump_json(command)
    kinds = _commands() | _REFUSED
    rows = b",".join(
        b'["%s",%s]' % (kind.encode(), kinds[kind].dump_json(row))
        for row, kind in ((row, type(row).__name__) for row in command.rows)
    )
    return name, b"%s\n[%s]" % (_commands()[name].dump_json(replace(command, rows=())), rows)


def command_of(name: str, content: bytes) -> Command:
    """Return the command again; raises `KeyError` or `ValueError` for what is none."""
    fields, _, rows = content.partition(b"\n")
    command: Command = _commands()[name].validate_json(fields)
    if not isinstance(command, CarryOutRows):
        return command
    kinds = _commands() | _REFUSED
    return replace(command, rows=tuple(kinds[kind].validate_python(row) for kind, row in orjson.loads(rows)))


def state_bytes(stream: Stream, state: State) -> bytes:
    """Return the *state* of *stream* as JSON."""
    return _STATES[stream.partition("/")[0]].dump_json(state)


def state_of(stream: Stream, content: bytes) -> State:
    """Return the state again."""
    return _STATES[stream.partition("/")[0]].validate_json(content)


def asked_list(asked: Asked) -> list[str | None]:
    """Return *asked* as a JSON array."""
    return [
        *(asked.log, asked.actor, asked.caller, asked.request_id),
        *(asked.idempotency_key, asked.request_hash.hex()),
    ]


def asked_of(listed: list[str]) -> Asked:
    """Return it again."""
    log, actor, caller, request_id, key, request_hash = listed
    return Asked(LogName(log), actor, caller, request_id, key, bytes.fromhex(request_hash))


def outcome_list(outcome: Outcome) -> list[Any]:
    """Return *outcome* as a JSON array; its answer consists of JSON values already, for it is kept with its key."""
    return [outcome.position, outcome.replayed, outcome.answer]


def outcome_of(listed: list[Any]) -> Outcome:
    """Return it again."""
    position, replayed, answer = listed
    return Outcome(position, answer, replayed)


def error_list(error: RegistryError) -> list[Any]:
    """Return *error* as a JSON array: its class, its sentence, and all that it was made with besides."""
    own = {name: value for name, value in vars(error).items() if name not in ("detail", "extra")}
    return [type(error).__name__, error.detail, own, error.extra]


def error_of(listed: list[Any]) -> RegistryError:
    """Return it again."""
    name, detail, own, extra = listed
    return _errors()[name](detail, **own, **extra)


def packed(header: list[Any], content: bytes = b"") -> bytes:
    """Return one message: JSON, a line feed (which JSON never contains raw), and *content*."""
    return b"%s\n%s" % (orjson.dumps(header, default=str), content)


def unpacked(message: bytes) -> tuple[list[Any], bytes]:
    """Return header and content of one message."""
    header, _, content = message.partition(b"\n")
    return orjson.loads(header), content
