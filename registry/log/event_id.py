"""Ids of events: version 7 of RFC 9562, which begins with the time."""

from __future__ import annotations

from uuid import UUID, SafeUUID

from uuid_utils import uuid7

_new = object.__new__
_int, _is_safe = (UUID.__dict__[name].__set__ for name in ("int", "is_safe"))
_UNKNOWN = SafeUUID.unknown


def event_id() -> UUID:
    """Return a new id; `UUID` itself would read a text for it, which takes several times as long."""
    made = _new(UUID)
    _int(made, uuid7().int)
    _is_safe(made, _UNKNOWN)
    return made
