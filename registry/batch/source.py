"""The file that is sent: its rows under the names that the registry knows, and again those that were rejected."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from codecs import BOM_UTF8
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from registry.batch.choosing import Choice
from registry.batch.tables import Table
from registry.http.batch_files import CSV, IGNORED, NDJSON

PIECE: Final = 64 * 1024
ID: Final = "credentialId"
ID_MEMBER: Final = b'"credentialId"'
NO_ID: Final = "(empty)"
"""Sent where the cell of an id is empty: no id at all, so its row is rejected, and stands beside the others'."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows, and if it is a table, which of its columns are sent."""

    path: Path
    choice: Choice = field(default_factory=Choice)

    @property
    def is_table(self) -> bool:
        """Whether it is CSV; everything else is one JSON object a line."""
        return self.path.suffix.lower() in (".csv", ".tsv", ".txt")

    @property
    def media_type(self) -> str:
        """What it is sent as."""
        return CSV if self.is_table else NDJSON

    def pieces(self) -> Iterator[bytes]:
        """Return what is sent, piece by piece, the same every time; raise `Malformed`.

        Cells are sent without the spaces around them, so that an only one is `""` and counts as a row there, too; and
        with line feeds for all their line breaks, since csv puts a lone carriage return into no quotes before 3.13.
        What a row has behind the last column goes along: its cells are shifted, no doubt, and the registry refuses it.
        """
        if not self.is_table:
            with self.path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
            return
        yield from self._table_pieces()

    def _table_pieces(self) -> Iterator[bytes]:
        written = io.StringIO(newline="")
        writer = csv.writer(written, lineterminator="\n")
        rows = self._table.rows()
        header = next(rows)
        chosen = self.choice.of(header)
        writer.writerow(chosen.values())
        for row in rows:
            surplus = row[len(header) :] if any(cell.strip() for cell in row[len(header) :]) else []
            writer.writerow([*self._refusable(_said(row, chosen)).values(), *surplus])
            if written.tell() >= PIECE:
                yield written.getvalue().encode()
                written.seek(0)
                written.truncate()
        yield written.getvalue().encode()

    def _refusable(self, said: dict[str, str]) -> dict[str, str]:
        """Return the cells of a row, with something in the place of an id that is missing: it is not made up then."""
        return {**said, ID: NO_ID} if said.get(ID) == "" and self._registers(said) else said

    def _registers(self, said: Mapping[str, Any]) -> bool:
        return (said.get("operation") or self.choice.operation) == "register"

    def in_its_words(self, sentence: str) -> str:
        """Return why a row was rejected, as its file shows it: fewer columns may be sent, under other names."""
        if self.is_table and sentence.startswith("The row has "):
            return "The row has more cells than the header has columns; is a separator in a cell without quotes?"
        pointer, colon, detail = sentence.partition(": ")
        if not (self.is_table and colon and pointer.startswith("/")):
            return sentence
        member = pointer[1:].partition("/")[0]
        column = next((one for one, mapped in self.choice.mapping.items() if mapped == member), member)
        return f"{column}: {detail}"

    def left_out(self) -> list[str]:
        """Return the columns that are not sent, because they say nothing to what is asked for."""
        if not self.is_table:
            return []
        return self.choice.left_out(next(self._table.rows()))

    def first_issuing(self) -> int | None:
        """Return the first row of JSON that itself asks to issue, from 1; None if there is none."""
        for number, line in enumerate(self._lines(), 1):
            if b'"issue"' in line and _object(line).get("operation") == "issue":
                return number
        return None

    def summary(self) -> tuple[str, int]:
        """Return a digest of what is sent, and its bytes."""
        digest, size = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            size += len(piece)
        return digest.hexdigest(), size

    def ids(self, numbers: Container[int]) -> dict[int, str]:
        """Return what the rows of *numbers* have for a credential id, though it be none; only to be shown."""
        return {number: one for number, one in enumerate(self._ids(), 1) if number in numbers and one}

    def _ids(self) -> Iterator[str]:
        if self.is_table:
            yield from (said.get(ID, "") for said in self._table_rows())
        else:
            yield from (str(_object(line).get(ID) or "") for line in self._lines())

    def nameless(self) -> int:
        """Return how many rows register a credential without saying an id: the registry makes one up for each."""
        if self.is_table:
            has_ids = ID in self.choice.of(next(self._table.rows())).values()
            return 0 if has_ids else sum(map(self._registers, self._table_rows()))
        return sum(self._is_nameless(line) for line in self._lines())

    def _is_nameless(self, line: bytes) -> bool:
        row = {} if ID_MEMBER in line else _object(line)
        document = row.get("credential")
        is_named = isinstance(document, dict) and document.get("id")
        return bool(row) and self._registers(row) and not is_named

    def _table_rows(self) -> Iterator[dict[str, str]]:
        """Return what each row says, by members; a cell that is not there is empty."""
        rows = self._table.rows()
        chosen = self.choice.of(next(rows))
        yield from (_said(row, chosen) for row in rows)

    def _lines(self) -> Iterator[bytes]:
        """Return the rows of JSON: the lines that are not blank."""
        with self.path.open("rb") as lines:
            for line in lines:
                if line.removeprefix(BOM_UTF8).strip():
                    yield line

    def write_rejected(self, reasons: Mapping[int, str], path: Path, file: IO[bytes]) -> None:
        """Write the rows of *reasons* (row → why), as they stand here, each with its reason; *path* names *file*."""
        encoding = self._table.encoding if self.is_table else "utf-8"
        text = io.TextIOWrapper(file, encoding, errors="backslashreplace", newline="")  # half a surrogate pair: \ud83d
        if self.is_table:
            self._table.write(path, text, self._with_reasons(reasons))
        else:
            rows = ((line, reasons.get(number)) for number, line in enumerate(self._lines(), 1))
            text.writelines(_with_reason(line, reason) + "\n" for line, reason in rows if reason is not None)
        text.detach()

    def _with_reasons(self, reasons: Mapping[int, str]) -> Iterator[list[str]]:
        rows = self._table.rows()
        header = next(rows)
        kept = [at for at, name in enumerate(header) if name != IGNORED]
        yield [*(header[at] for at in kept), IGNORED]
        for number, row in enumerate(rows, 1):
            if number in reasons:
                yield [*(row[at] if at < len(row) else "" for at in kept), reasons[number]]

    @property
    def _table(self) -> Table:
        return Table(self.path)


def _said(row: list[str], chosen: Mapping[int, str]) -> dict[str, str]:
    return {name: _plain(row[at]) if at < len(row) else "" for at, name in chosen.items()}


def _plain(cell: str) -> str:
    return cell.strip().replace("\r\n", "\n").replace("\r", "\n")


def _with_reason(line: bytes, reason: str) -> str:
    """Return a row of JSON with its reason in it; as it stands, if it is no JSON object."""
    text = line.decode(errors="replace").strip().removeprefix("\ufeff")
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps({**row, IGNORED: reason}, ensure_ascii=False) if isinstance(row, dict) else text


def _object(line: bytes) -> dict[str, Any]:
    """Return the object of a line; an empty one, if it is none."""
    try:
        row = json.loads(line.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
