"""An outsider: re-reads a whole log from SQL with code of its own and checks it, after each test that wrote.

It shares nothing with `registry.log.verify`, `registry.log.codec` or `projections`: what they get wrong, it sees.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from tests.envelopes import jws, sign1, token_of_cwt, token_of_jwt

Body = dict[str, Any]


@dataclass(frozen=True)
class Checked:
    """A log that holds together: the bodies of its events, in order."""

    events: tuple[Body, ...]

    @property
    def position(self) -> int:
        return len(self.events)

    def of_type(self, name: str) -> list[Body]:
        return [body["event"] for body in self.events if body["event"]["type"] == name]


async def check(dsn: str, log: str = "main") -> Checked:
    """Return the whole log, having found nothing wrong with it."""
    conn = await asyncpg.connect(dsn)
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            rows = await conn.fetch(
                "SELECT position, stream, version, type, body, hash, recorded_at FROM events"
                " WHERE log_name = $1 ORDER BY position",
                log,
            )
            head = await conn.fetchrow("SELECT position, hash, recorded_at FROM log_heads WHERE log_name = $1", log)
            given = await conn.fetch(
                "SELECT list_set, number, index, position FROM status_list_allocations WHERE log_name = $1", log
            )
            kept = await conn.fetch("SELECT position, answer FROM idempotency_keys WHERE log_name = $1", log)
    finally:
        await conn.close()
    checked = Checked(_chained(rows))
    last = rows[-1]
    assert (head["position"], head["hash"]) == (last["position"], last["hash"]), "the head is not the last event"
    assert head["recorded_at"] >= last["recorded_at"]
    _check_allocations(checked, given)
    for row in kept:
        assert 1 <= row["position"] <= checked.position, "a kept answer speaks of a position that is not there"
        assert isinstance(json.loads(row["answer"]), dict)
    return checked


def _chained(rows: list[asyncpg.Record]) -> tuple[Body, ...]:
    """No gap, every hash, versions 1, 2, 3, …, time forwards, and each row is what its body says."""
    previous, recorded_at = bytes(32), ""
    versions: dict[str, int] = defaultdict(int)
    ids, bodies = set(), []
    assert rows, "the log is empty"
    for expected, row in enumerate(rows, 1):
        assert row["position"] == expected, f"position {expected} is missing"
        leaf = hashlib.sha256(b"\x00" + row["body"]).digest()
        previous = hashlib.sha256(previous + leaf).digest()
        assert row["hash"] == previous, f"the chain breaks at {expected}"
        body = json.loads(row["body"])
        versions[row["stream"]] += 1
        assert row["version"] == versions[row["stream"]], f"a version is skipped at {expected}"
        assert (row["stream"], row["version"], row["type"]) == (body["stream"], body["version"], body["event"]["type"])
        assert body["recorded_at"] >= recorded_at, f"time runs backwards at {expected}"
        assert len(bytes.fromhex(body["salt"])) == 16
        recorded_at = body["recorded_at"]
        ids.add(body["id"])
        bodies.append(body)
    assert len(ids) == len(rows), "an event id occurs twice"
    assert bodies[0]["event"]["type"] == "LogOpened"
    assert {body["log"] for body in bodies} == {bodies[0]["event"]["log_id"]}, "another log's event"
    return tuple(bodies)


def _check_allocations(checked: Checked, rows: list[asyncpg.Record]) -> None:
    """The table is what the events say; numbers count 0, 1, 2, … and no index is given out twice."""
    recorded = {
        (UUID(one["set_id"]), one["number"], one["index"], position)
        for position, body in enumerate(checked.events, 1)
        if body["event"]["type"] == "CredentialRegistered"
        for one in [body["event"]["allocation"]]
    }
    assert {tuple(row) for row in rows} == recorded, "the allocations are not those of the events"
    by_set: dict[UUID, list[tuple[int, int]]] = defaultdict(list)
    for set_id, number, index, _ in recorded:
        by_set[set_id].append((number, index))
    for pairs in by_set.values():
        assert sorted(number for number, _ in pairs) == list(range(len(pairs))), "a number is skipped or used twice"
        assert len({index for _, index in pairs}) == len(pairs), "an index is given out twice"


@dataclass
class _List:
    """A list as the events have it."""

    purpose: str
    set_id: str
    size: int
    width: int = 1
    values: dict[int, int] = field(default_factory=dict)
    """Index to value, without those that are 0."""

    def say(self, index: int, value: int) -> None:
        self.values[index] = value
        if not value:
            del self.values[index]


@dataclass(frozen=True)
class Published:
    """One form of a published list, and the position that it stands for."""

    list_id: UUID
    media_type: str
    content: bytes
    position: int


def check_published(checked: Checked, published: Iterable[Published]) -> None:
    """Every form of every published list equals a replay of the log to its position."""
    replays: dict[int, dict[str, _List]] = {}
    for one in published:
        if one.position not in replays:
            replays[one.position] = _replayed(checked.events[: one.position])
        expected = replays[one.position][str(one.list_id)]
        if one.media_type.startswith("application/statuslist+"):
            _check_token_list(one, expected)
        else:
            _check_list_credential(one, expected)


def _check_list_credential(one: Published, expected: _List) -> None:
    read = {"application/vc": lambda content: content, "application/vc+jwt": _jwt, "application/vc+cose": _cose}
    subject = json.loads(read[one.media_type](one.content))["credentialSubject"]
    assert subject["statusPurpose"] == expected.purpose
    assert subject.get("statusSize", 1) == expected.width
    encoded = subject["encodedList"]
    assert encoded[0] == "u", "multibase base64url without padding (Bitstring Status List 1.0, section 2.2)"
    bits = gzip.decompress(base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4)))
    assert len(bits) * 8 == expected.size * expected.width
    assert _values(bits, expected.width) == expected.values, f"list {one.list_id} does not show what the log says"


def _check_token_list(one: Published, expected: _List) -> None:
    """A revocation list, or one that tells revocations and suspensions in one value."""
    is_jwt = one.media_type.endswith("+jwt")
    claims, listed = token_of_jwt(one.content) if is_jwt else token_of_cwt(one.content)
    assert expected.purpose in ("revocation", "token")
    assert str(claims["sub" if is_jwt else 2]).endswith(f"/status-lists/{one.list_id}")
    assert listed.bits == expected.width
    assert len(listed.packed) * 8 == expected.size * expected.width
    assert listed.not_zero() == expected.values, f"list {one.list_id} does not show what the log says"


def _jwt(content: bytes) -> bytes:
    return jws(content).payload


def _cose(content: bytes) -> bytes:
    return sign1(content).payload


def _values(bits: bytes, width: int) -> dict[int, int]:
    """The entries that are not 0: each begins at index * width, most significant bit first (section 3.2)."""
    values: dict[int, int] = {}
    for place in (8 * n + bit for n, byte in enumerate(bits) if byte for bit in range(8) if byte & (0x80 >> bit)):
        values[place // width] = values.get(place // width, 0) | 1 << (width - 1 - place % width)
    return values


def _replayed(events: tuple[Body, ...]) -> dict[str, _List]:
    """The lists after *events*, by the id of the list; what was said before a list was added counts, too."""
    lists: dict[str, _List] = {}
    sizes: dict[str, int] = {}
    said: list[tuple[str, str, int, int]] = []
    for event in (body["event"] for body in events):
        for member in event.get("members") or [event[name] for name in ("member",) if name in event]:
            size = sizes.setdefault(event["set_id"], event.get("size", 0))
            width = member.get("status_size", 1)
            lists[member["status_list_id"]] = _List(member["purpose"], event["set_id"], size, width)
        match event["type"]:
            case "CredentialRevoked":
                said.append(_word(event, "revocation", 1))
            case "CredentialSuspended" | "CredentialReinstated" as name:
                said.append(_word(event, "suspension", int(name == "CredentialSuspended")))
            case "CredentialSuperseded":
                said.append(_word(event, "refresh", 1))
            case "CredentialMessageSet":
                said.append(_word(event, "message", event["value"]))
            case "StatusListEntrySet":
                said.append((event["set_id"], event["purpose"], event["index"], event["value"]))
    for set_id, purpose, index, value in said:
        for one in lists.values():
            if (one.set_id, one.purpose) == (set_id, purpose):
                one.say(index, value)
    for one in lists.values():
        if one.purpose == "token":
            one.values = _in_one_value(one, lists)
    return lists


def _in_one_value(token: _List, lists: Mapping[str, _List]) -> dict[int, int]:
    """1 where the set's revocation list says so, else 2 where its suspension list does and there is room for it."""
    said = {one.purpose: one.values for one in lists.values() if one.set_id == token.set_id}
    suspended = dict.fromkeys(said["suspension"], 2) if token.width > 1 else {}
    return suspended | dict.fromkeys(said["revocation"], 1)


def _word(event: Body, purpose: str, value: int) -> tuple[str, str, int, int]:
    allocation = event["allocation"]
    return allocation["set_id"], purpose, allocation["index"], value
