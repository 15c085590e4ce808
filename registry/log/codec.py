"""A fact ↔ the bytes that are stored and hashed: canonical JSON (RFC 8785), and the hash chain over them.

`orjson` with sorted keys writes RFC 8785 for what events hold (ASCII keys, strings, integers below 2^53); a property
test holds it to a second implementation. Exactly these bytes are hashed, so nothing may ever re-serialise them.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from registry.domain.events import EVENT_TYPES, AnyEvent, Event, Recorded, Stored
from registry.domain.names import Stream
from registry.domain.upcast import upcast
from registry.errors import TooLarge
from registry.log.typed import Typed

BODY_MAX_BYTES = 60 * 1024
_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
GENESIS = bytes(32)
"""The hash before position 1."""
_TYPED = Typed()


@lru_cache(maxsize=64)  # a batch has one moment
def stamp(moment: datetime) -> str:
    """Return *moment* as it is stored: UTC with microseconds and `Z`."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")  # strftime writes the year 900 as `900`
    return text.replace("+00:00", "Z")


def encode(log_id: str, salt: bytes, recorded: Recorded) -> bytes:
    """Return the canonical bytes of *recorded* in the log *log_id*; raise `TooLarge` over 60 KiB.

    The position is not among them: the chain gives the order, stream and version the place. *salt* (16 random
    bytes) keeps a published hash from telling anything about a guessable event.
    """
    event = recorded.event
    fields = _fields(event)
    if (allocation := fields.get("allocation")) is not None:
        fields["allocation"] = allocation.__dict__  # which has all its fields; orjson takes its time to ask us for them
    body: dict[str, Any] = {
        "actor": recorded.actor,
        "event": fields,
        "id": recorded.event_id,
        "log": log_id,
        "recorded_at": stamp(recorded.recorded_at),
        "request_id": recorded.request_id,
        "salt": salt.hex(),
        "schema": event.schema_number,
        "stream": recorded.stream,
        "version": recorded.version,
    }
    if recorded.effective_at is not recorded.recorded_at and recorded.effective_at != recorded.recorded_at:
        body["effective_at"] = stamp(recorded.effective_at)
    encoded = orjson.dumps(body, _part, _CANONICAL)
    if len(encoded) > BODY_MAX_BYTES:
        raise TooLarge(f"The facts to record take {len(encoded)} bytes; an event has at most {BODY_MAX_BYTES}.")
    return encoded


def _fields(part: Stored) -> dict[str, Any]:
    """What is stored of an event or a part of one: the fields that hold anything."""
    fields = part.__dict__.copy()
    for name in part.left_out:
        if fields[name] is None:
            del fields[name]
    return fields


def _part(part: object) -> dict[str, Any]:
    if isinstance(part, Stored):
        return _fields(part)
    raise TypeError(f"An event cannot hold {type(part).__name__}.")


def decode(position: int, body: bytes) -> Recorded:
    """Return the fact in *body*, in today's shape.

    Raises `ValueError` (as pydantic's and orjson's errors are), `KeyError` or `TypeError` when the bytes are no event.
    """
    if (read := _TYPED.read(body)) is None:
        return decode_loosely(position, body)
    around, event = read
    return Recorded(
        position,
        Stream(around.stream),
        around.version,
        around.recorded_at,
        around.effective_at or around.recorded_at,
        around.actor,
        around.request_id,
        around.id,
        event,
    )


def decode_loosely(position: int, body: bytes) -> Recorded:
    """Return the same as `decode`, by way of dictionaries and pydantic: whatever shape it has, in twice the time."""
    fields = orjson.loads(body)
    recorded_at = datetime.fromisoformat(fields["recorded_at"])
    effective_at = fields.get("effective_at")
    return Recorded(
        position=position,
        stream=Stream(fields["stream"]),
        version=fields["version"],
        recorded_at=recorded_at,
        effective_at=datetime.fromisoformat(effective_at) if effective_at else recorded_at,
        actor=fields["actor"],
        request_id=fields["request_id"],
        event_id=UUID(str(fields["id"])),  # whatever else it is, it is no id
        event=_event(fields["schema"], fields["event"]),
    )


def log_id(body: bytes) -> str:
    """Return the id of the log that *body* says it belongs to."""
    return str(orjson.loads(body)["log"])


def _event(schema_number: int, fields: dict[str, Any]) -> AnyEvent:
    name = fields["type"]
    today: type[Event] | None = EVENT_TYPES.get(name)
    if today is None:
        raise ValueError(f"no event type is named {name!r}")
    if schema_number > today.schema_number:
        raise ValueError(f"{name} has shape {schema_number}; this version knows shapes up to {today.schema_number}")
    if schema_number < today.schema_number:
        fields = upcast(name, schema_number, fields)
    return today.model_validate(fields)  # type: ignore[return-value]  # EVENT_TYPES holds the union's members


def chain(previous: bytes, body: bytes) -> bytes:
    """Return hash(n) = SHA-256(hash(n-1) ‖ leaf(n)) with leaf = SHA-256(0x00 ‖ body), RFC 6962's leaf hash."""
    return hashlib.sha256(previous + hashlib.sha256(b"\x00" + body).digest()).digest()


def digest(text: bytes) -> bytes:
    """Return 16 bytes that stand for *text* where memory matters more than reading it again."""
    return hashlib.blake2b(text, digest_size=16).digest()
