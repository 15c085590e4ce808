"""Canonical bodies → facts, faster than by way of dictionaries: types that are derived from the events'.

`registry.domain.events` stays the one definition of what is stored: each of its classes is turned into a msgspec
structure once, at import, and what msgspec has read is put into an instance of the class as it is. Whatever is not
read like that (retired shapes, unknown types, odd values) is left to pydantic, so that there is one answer always; a
property test holds both ways together.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, BaseModel

from registry.domain.events import EVENT_TYPES, AnyEvent, Stored

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_PLAIN = (str, int, bool, UUID, types.NoneType)
_KEPT = ("extra", "private", "fields_set")

Built = Callable[[Any], Any]
"""Puts what msgspec has read into what an event holds."""


class _NotTyped(Exception):
    """An annotation that is left to pydantic."""


class Body(msgspec.Struct, gc=False):
    """What surrounds an event; its fields have the names that are stored."""

    event: Any
    actor: str
    id: UUID
    recorded_at: _Moment
    request_id: str
    schema: int
    stream: str
    version: int
    effective_at: _Moment | None = None


class Typed:
    """Reads the bodies of all events whose fields msgspec can tell."""

    def __init__(self) -> None:
        self._built: dict[type, tuple[Built, int]] = {}
        structures = []
        for name, event in EVENT_TYPES.items():
            try:
                structure, built = _structure(event, tag=name)
            except _NotTyped:
                continue
            structures.append(structure)
            self._built[structure] = (built, event.schema_number)
        any_of_them: Any = Union[tuple(structures)]  # noqa: UP007  # made at run time
        body = msgspec.defstruct("_Body", [("event", any_of_them)], bases=(Body,), gc=False)
        self._decode = msgspec.json.Decoder(body).decode

    def read(self, body: bytes) -> tuple[Body, AnyEvent] | None:
        """Return what *body* says, its event in today's shape; None if it takes pydantic to tell."""
        try:
            read: Any = self._decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        built, schema_number = self._built[type(read.event)]
        return (read, built(read.event)) if read.schema == schema_number else None


def _structure(part: type[Stored], tag: str | None = None) -> tuple[Any, Built]:
    """Return the msgspec structure of *part*, and what makes one of *part* out of it."""
    fields: list[Any] = []
    nested: dict[str, Built] = {}
    for name, field in part.model_fields.items():
        if tag is not None and name == "type":
            continue
        wanted, built = _wanted(field.rebuild_annotation())
        if built is not None:
            nested[name] = built
        if field.is_required():
            fields.append((name, wanted))
        elif field.default_factory is not None or isinstance(field.default, Stored):
            raise _NotTyped
        else:
            fields.append((name, wanted, field.default))
    tagged: dict[str, Any] = {"tag_field": "type", "tag": tag} if tag else {}
    structure = msgspec.defstruct(f"_{part.__name__}", fields, gc=False, kw_only=True, **tagged)
    return structure, _builder(part, nested, {"type": tag} if tag else {})


def _wanted(annotation: Any) -> tuple[Any, Built | None]:
    """Return *annotation* as msgspec reads it, and what is still to be done with the value; raise `_NotTyped`."""
    if annotation in _PLAIN:
        return annotation, None
    if annotation == AwareDatetime:
        return _Moment, None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return annotation, None
    if origin in (Union, types.UnionType):
        return _optional(arguments)
    if origin is tuple and arguments[1:] == (...,):
        wanted, built = _wanted(arguments[0])
        return types.GenericAlias(tuple, (wanted, ...)), None if built is None else _each(built)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return annotation, None
    if isinstance(annotation, type) and issubclass(annotation, Stored):
        return _structure(annotation)
    raise _NotTyped


def _optional(arguments: tuple[Any, ...]) -> tuple[Any, Built | None]:
    (some,) = [one for one in arguments if one is not types.NoneType] if len(arguments) == 2 else [object]
    wanted, built = _wanted(some)
    return wanted | None, None if built is None else _if_there(built)


def _each(built: Built) -> Built:
    return lambda values: tuple(map(built, values))


def _if_there(built: Built) -> Built:
    return lambda value: None if value is None else built(value)


def _builder(part: type[Stored], nested: dict[str, Built], constant: dict[str, Any]) -> Built:
    """An instance of *part* with the values of a structure, which need no second look."""
    new, as_dict, more = part.__new__, msgspec.structs.asdict, tuple(nested.items())
    put = object.__setattr__
    # What pydantic keeps of every instance, set as its own validation sets it; past the guard of frozen models.
    extra, private, fields_set = (BaseModel.__dict__[f"__pydantic_{name}__"].__set__ for name in _KEPT)
    all_fields = set(part.model_fields)

    def built(structure: Any) -> Any:
        values = constant.copy()
        values.update(as_dict(structure))
        for name, make in more:
            values[name] = make(values[name])
        made = new(part)
        put(made, "__dict__", values)
        extra(made, None)
        private(made, None)
        fields_set(made, all_fields)
        return made

    return built
