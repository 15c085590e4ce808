"""The file of a batch as it streams in: records, then chunks of records; never more of it in memory than one chunk.

Where a chunk ends depends on the content alone, so that the same file, sent again, is cut in the same places.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from registry.errors import Malformed, TooLarge, UnsupportedMediaType
from registry.http.faults import unknown_member
from registry.strict_json import loads

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
TYPES: Final = (NDJSON, CSV)

CHUNK_ROWS: Final = 25
CHUNK_BYTES: Final = 128 * 1024
"""Of either a chunk is full: another number would make batches that were begun before it impossible to go on with."""
MOST_ROWS: Final = 1_000_000
MOST_COLUMNS: Final = 64

IGNORED: Final = "problem"
"""The member or column in which rejected rows carry why; it may be sent along."""
LISTS: Final = frozenset({"type"})
FLAGS: Final = {"true": True, "false": False}

Pieces = AsyncIterator[bytes]
Members = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive records."""

    number: int
    """From 0."""
    first_row: int
    """From 1; a CSV file's header and blank lines are no rows."""
    records: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of all records."""
        return sum(map(len, self.records))

    def digest(self, parameters: bytes) -> bytes:
        """Return SHA-256 of the records and of what else decides what they mean."""
        digest = hashlib.sha256()
        for part in (parameters, *self.records):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()


@dataclass(slots=True)
class _Lines:
    """Bytes → lines without their ends; a line may be at most *longest* bytes."""

    longest: int
    number: int = 0
    """Of the last line that was returned."""
    _rest: bytearray = field(default_factory=bytearray)

    def of(self, piece: bytes) -> Iterator[bytes]:
        """Return the lines that *piece* completes."""
        if b"\n" not in piece:
            self._rest += piece
        else:
            *lines, rest = (bytes(self._rest) + piece).split(b"\n")
            self._rest = bytearray(rest)
            for line in lines:
                yield self._one(line)
        if len(self._rest) > self.longest:
            raise self._too_long(self.number + 1)

    def last(self) -> Iterator[bytes]:
        """Return the last line, if it has no end."""
        if self._rest:
            yield self._one(bytes(self._rest))

    def _one(self, line: bytes) -> bytes:
        self.number += 1
        if len(line) > self.longest:
            raise self._too_long(self.number)
        if self.number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line.removesuffix(b"\r")

    def _too_long(self, number: int) -> TooLarge:
        return TooLarge(f"Line {number:,} is longer than {self.longest:,} bytes.", line=number)


class JsonRows:
    """A file of JSON objects, one a line (NDJSON)."""

    parameters = b"ndjson"

    async def records(self, pieces: Pieces, longest: int) -> AsyncIterator[bytes]:
        """Return the lines that are not blank."""
        lines = _Lines(longest)
        async for piece in pieces:
            for line in lines.of(piece):
                if line.strip():
                    yield line
        for line in lines.last():
            if line.strip():
                yield line

    def members(self, record: bytes) -> Members:
        """Return what a line says; raise `Malformed`."""
        value = loads(record, "The row")
        if not isinstance(value, dict):
            raise Malformed("A row is a JSON object.")
        value.pop(IGNORED, None)
        return value


class CsvRows:
    """A file of comma-separated values with a header (RFC 4180); a field with line breaks is in quotes."""

    def __init__(self, known: Callable[[], list[str]]) -> None:
        self._known = known
        self._columns: list[str] = []

    @property
    def parameters(self) -> bytes:
        """What decides what the records mean: the header."""
        return b"csv:" + ",".join(self._columns).encode()

    async def records(self, pieces: Pieces, longest: int) -> AsyncIterator[bytes]:
        """Return what lies between the header and the end, record by record; raise `Malformed` for a bad header."""
        lines = _Lines(longest)
        begun = bytearray()
        began = quotes = 0

        def taken(line: bytes) -> bytes | None:
            nonlocal began, quotes
            if not begun and not line.strip():
                return None
            if not begun:
                began, quotes = lines.number, 0
            quotes += line.count(b'"')
            begun.extend(b"\n" + line if begun else line)
            if len(begun) > longest:
                raise TooLarge(
                    f"The row that begins in line {began:,} is longer than {longest:,} bytes; is a quote missing?",
                    line=began,
                )
            if quotes % 2:
                return None
            record = bytes(begun)
            begun.clear()
            return record

        async for line in _all(lines, pieces):
            record = taken(line)
            if record is not None and self._columns:
                yield record
            elif record is not None:
                self._columns = self._header(record)
        if begun:
            raise Malformed(f"The quotes that begin in line {began:,} never end.", line=began)
        if not self._columns:
            raise Malformed("A CSV file begins with the names of its columns; this one is empty.")

    def members(self, record: bytes) -> Members:
        """Return what a record says: empty cells say nothing; raise `Malformed`."""
        cells = _cells(record)
        if len(cells) != len(self._columns):
            raise Malformed(f"The row has {len(cells)} cells, and the header names {len(self._columns)} columns.")
        said = {name: cell.strip() for name, cell in zip(self._columns, cells, strict=True) if cell.strip()}
        said.pop(IGNORED, None)
        return {name: _value(name, cell) for name, cell in said.items()}

    def _header(self, record: bytes) -> list[str]:
        names = [name.strip() for name in _cells(record)]
        known = self._known()
        for name in names:
            if name not in known and name != IGNORED:
                raise Malformed(f"{name[:80]!r}: {unknown_member(name, known, 'column')}", line=1)
        if len(set(names)) < len(names) or len(names) > MOST_COLUMNS:
            raise Malformed("The header names each column once.", line=1)
        return names


async def _all(lines: _Lines, pieces: Pieces) -> AsyncIterator[bytes]:
    async for piece in pieces:
        for line in lines.of(piece):
            yield line
    for line in lines.last():
        yield line


def _cells(record: bytes) -> list[str]:
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The row is not UTF-8: byte {error.start} does not belong there.") from None
    if "\0" in text:
        raise Malformed("The row contains U+0000, which cannot be stored.")
    try:
        return next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration):
        raise Malformed(
            "The row is no CSV: look for a quote inside a cell that is not written twice, or a lone line break (CR)."
        ) from None


def _value(name: str, cell: str) -> Any:
    """Return what a cell stands for: several types are separated by spaces or |."""
    if name in LISTS:
        return cell.replace("|", " ").split()
    return FLAGS.get(cell.lower(), cell) if name == "revoke" else cell


Form = JsonRows | CsvRows


def form_of(content_type: str, charset: str | None, columns: Callable[[], list[str]]) -> Form:
    """Return how a body of this media type is read; raise `UnsupportedMediaType`."""
    if (charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("Send the rows in UTF-8.")
    if content_type == NDJSON:
        return JsonRows()
    if content_type == CSV:
        return CsvRows(columns)
    raise UnsupportedMediaType(f"Send the rows as {NDJSON} (one JSON object a line) or as {CSV}.")


async def chunks(form: Form, pieces: Pieces, longest: int) -> AsyncIterator[Chunk]:
    """Return the records in chunks; raise `TooLarge` after a million rows, and what *form* raises."""
    records: list[bytes] = []
    number = size = 0
    row = 1
    async for record in form.records(pieces, longest):
        if row + len(records) > MOST_ROWS:
            raise TooLarge(f"A batch has at most {MOST_ROWS:,} rows; send the others as another one.")
        records.append(record)
        size += len(record)
        if len(records) >= CHUNK_ROWS or size >= CHUNK_BYTES:
            yield Chunk(number, row, records)
            number, row, records, size = number + 1, row + len(records), [], 0
    if records:
        yield Chunk(number, row, records)
