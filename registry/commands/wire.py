"""Commands, states, outcomes and errors as bytes, for the socket between the processes of one machine.

Each travels as JSON under the name of its class, and is validated on arrival; nothing is ever unpickled. A class that
cannot travel fails `tests/commands/test_wire.py`, which knows all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeVar, get_type_hints
from uuid import UUID

import msgspec
import orjson
from pydantic import BaseModel

from registry.commands.handle import Outcome
from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListShape
from registry.domain.api_keys import ApiKeyRing
from registry.domain.commands import CarryOutRows, Command, CredentialCommand, RefusedRow, Row
from registry.domain.credential import Credential
from registry.domain.issuer import Issuer
from registry.domain.log import OpenedLog
from registry.domain.names import LogName, Stream
from registry.domain.own_list import Entry, OwnLists
from registry.domain.status_list import ListSets
from registry.domain.streams import State
from registry.errors import RegistryError

T = TypeVar("T")


def _encoded(value: Any) -> msgspec.Raw:
    """Return a part of an event, which is a pydantic model, as msgspec takes it."""
    if isinstance(value, BaseModel):
        return msgspec.Raw(value.model_dump_json().encode())
    raise NotImplementedError(type(value).__name__)


def _decoded(kind: Any, value: Any) -> Any:
    """Return it again; what may be any JSON value is one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_validate(value)
    return value


_encode: Final = msgspec.json.Encoder(enc_hook=_encoded).encode


def _reading(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=_decoded)


_STATES: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "credential": _reading(Credential | None),
    "issuer": _reading(Issuer | None),
    "status-lists": _reading(ListSets | None),
    "own-lists": _reading(OwnLists | None),
    "list-entry": _reading(Entry | None),
    "api-keys": _reading(ApiKeyRing | None),
    "slug": _reading(UUID | None),
    "log": _reading(OpenedLog | None),
}
"""By the kind of stream, as `registry.domain.streams` folds them."""

_SHAPE: Final = _reading(ListShape)

_CHUNK: Final = msgspec.defstruct(
    "_Chunk", [(name, kind) for name, kind in get_type_hints(CarryOutRows).items() if name != "rows"]
)
"""A chunk of a batch without its rows, which are of many classes."""

_chunk: Final = _reading(_CHUNK)


def kinds_of(root: type[T]) -> Iterator[type[T]]:
    """Yield *root* and every class below it.

    A dataclass with slots leaves behind the class that it was made from; only the one that its module has counts.
    """
    if vars(sys.modules[root.__module__]).get(root.__name__) is root:
        yield root
    for one in root.__subclasses__():
        yield from kinds_of(one)


@cache
def _commands() -> dict[str, msgspec.json.Decoder[Any]]:
    return {one.__name__: _reading(one) for one in kinds_of(Command) if one is not CarryOutRows}


@cache
def _rows() -> dict[str, type]:
    """What the rows of a batch can be."""
    return {one.__name__: one for one in (*kinds_of(CredentialCommand), RefusedRow)}


@cache
def _errors() -> dict[str, type[RegistryError]]:
    return {one.__name__: one for one in kinds_of(RegistryError)}


def command_bytes(command: Command) -> tuple[str, bytes]:
    """Return the name of *command*'s class, and its fields as JSON; rows follow in a line of their own, each named."""
    name = type(command).__name__
    if not isinstance(command, CarryOutRows):
        return name, _encode(command)
    fields = {field: getattr(command, field) for field in _CHUNK.__struct_fields__}
    return name, b"%s\n%s" % (_encode(fields), _encode([(type(row).__name__, row) for row in command.rows]))


def command_of(name: str, content: bytes) -> Command:
    """Return the command again; raises `KeyError` or `ValueError` for what is none."""
    if name != CarryOutRows.__name__:
        command: Command = _commands()[name].decode(content)
        return command
    fields, _, rows = content.partition(b"\n")
    kinds = _rows()
    read: Iterator[Row] = (msgspec.convert(row, kinds[kind], dec_hook=_decoded) for kind, row in orjson.loads(rows))
    return CarryOutRows(rows=tuple(read), **msgspec.structs.asdict(_chunk.decode(fields)))


def shape_bytes(shape: ListShape) -> bytes:
    """Return *shape* as JSON."""
    return _encode(shape)


def shape_of(content: bytes) -> ListShape:
    """Return it again."""
    shape: ListShape = _SHAPE.decode(content)
    return shape


def state_bytes(state: State) -> bytes:
    """Return the *state* of a stream as JSON."""
    return _encode(state)


def state_of(stream: Stream, content: bytes) -> State:
    """Return the state of *stream* again."""
    return _STATES[stream.partition("/")[0]].decode(content)


def asked_list(asked: Asked) -> list[str | None]:
    """Return *asked* as a JSON array."""
    return [
        *(asked.log, asked.actor, asked.caller, asked.request_id),
        *(asked.idempotency_key, asked.request_hash.hex()),
        *((asked.after[0], asked.after[1].hex()) if asked.after else ()),
    ]


def asked_of(listed: list[str]) -> Asked:
    """Return it again."""
    log, actor, caller, request_id, key, request_hash, *after = listed
    follows = (after[0], bytes.fromhex(after[1])) if after else None
    return Asked(LogName(log), actor, caller, request_id, key, bytes.fromhex(request_hash), follows)


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
