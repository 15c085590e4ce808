"""Re-reads a log as an outsider and names the first position that is wrong.

Checked for every position: no gap, the hash chain, that the bytes are canonical and parse, that they belong to this
log and to their row, that streams count 1, 2, 3, …, and that time never runs backwards; at the end the head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import orjson

from registry.domain.events import LogOpened
from registry.domain.names import LogName
from registry.errors import BrokenLog
from registry.log import codec, read
from registry.log.connection import Connection
from registry.log.sql import query

_CHAIN = query("read_chain")
PAGE = 2_000

Progress = Callable[[int, int], None]
"""Told (position reached, position of the head) after each page."""


@dataclass(slots=True)
class _Reader:
    """What must hold of the next row, given all before it."""

    log: LogName
    position: int = 0
    hash: bytes = codec.GENESIS
    log_id: str = ""
    recorded_at: datetime | None = None
    versions: dict[bytes, int] = field(default_factory=dict)

    def read(self, row: asyncpg.Record) -> None:
        position, body = row["position"], row["body"]
        if position != self.position + 1:
            raise self._wrong(self.position + 1, f"is missing; the next one there is {position}")
        self.position = position
        if codec.chain(self.hash, body) != row["hash"]:
            raise self._wrong(position, "does not hash to what was recorded: its body or one before it was changed")
        self.hash = row["hash"]
        self._check_body(row, body)

    def _check_body(self, row: asyncpg.Record, body: bytes) -> None:
        position = self.position
        try:
            recorded = codec.decode(position, body)
            fields = orjson.loads(body)
        except (ValueError, KeyError, TypeError) as error:
            raise self._wrong(position, f"no longer parses as an event: {_first_line(error)}") from error
        if orjson.dumps(fields, option=orjson.OPT_SORT_KEYS) != body:
            raise self._wrong(position, "is not canonical JSON")
        if position == 1:
            self._open(recorded.event)
        if fields["log"] != self.log_id:
            raise self._wrong(position, f"belongs to another log, {fields['log']}")
        row_says = (row["stream"], row["version"], row["type"], row["recorded_at"])
        if row_says != (recorded.stream, recorded.version, recorded.event.type, recorded.recorded_at):
            raise self._wrong(position, "has a row whose stream, version, type or time is not its body's")
        if self.recorded_at is not None and recorded.recorded_at < self.recorded_at:
            raise self._wrong(position, "was recorded before the position in front of it")
        self.recorded_at = recorded.recorded_at
        self._check_version(recorded.stream, recorded.version)

    def _open(self, event: object) -> None:
        if not isinstance(event, LogOpened) or event.log_name != self.log:
            raise self._wrong(1, f"does not open the log {self.log!r}")
        self.log_id = str(event.log_id)

    def _check_version(self, stream: str, version: int) -> None:
        name = codec.digest(stream.encode())  # 16 bytes for each of perhaps millions of streams
        expected = self.versions.get(name, 0) + 1
        if version != expected:
            raise self._wrong(self.position, f"has version {version} of stream {stream}; {expected} was expected")
        self.versions[name] = version

    def _wrong(self, position: int, what: str) -> BrokenLog:
        return BrokenLog(f"Log {self.log!r}: position {position} {what}.", position=position)


async def verify(conn: Connection, log: LogName, progress: Progress = lambda _done, _total: None) -> read.Head:
    """Return the verified end of *log*; raise `BrokenLog` with the first position that is wrong.

    Reads one snapshot, so that a service may go on writing meanwhile.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        head = await read.head(conn, log)
        if head is None:
            raise BrokenLog(f"There is no log {log!r} here.", position=0)
        reader = _Reader(log)
        while rows := await conn.fetch(_CHAIN, log, reader.position, PAGE):
            for row in rows:
                reader.read(row)
            progress(reader.position, head.position)
        _check_head(reader, head)
    return head


def _check_head(reader: _Reader, head: read.Head) -> None:
    log = reader.log
    if reader.position < head.position:
        missing = reader.position + 1
        raise BrokenLog(f"Log {log!r}: position {missing} is missing at its end.", position=missing)
    if reader.position > head.position or reader.hash != head.hash:
        raise BrokenLog(f"Log {log!r}: its head is not that of position {reader.position}.", position=reader.position)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
