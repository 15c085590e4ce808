"""A table as a spreadsheet writes it, and another one written the same way."""

from __future__ import annotations

import csv
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from registry.errors import Malformed

LONGEST_CELL: Final = 16 * 1024 * 1024
TAB: Final = ".tsv"
SEPARATORS: Final = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Table:
    """A file of cells in UTF-8: separated by tabs where its name says so (.tsv), else by what its header shows.

    That is a comma, or where the decimal sign is one, as in most of Europe, a semicolon; or a tab.
    """

    path: Path

    def rows(self) -> Iterator[list[str]]:
        """Return the rows that are not blank, the header first; raise `Malformed`."""
        csv.field_size_limit(LONGEST_CELL)
        is_empty = True
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self._delimiter(self.path), strict=True)
            try:
                for row in reader:
                    if any(cell.strip() for cell in row):
                        yield [name.strip() for name in row] if is_empty else row
                        is_empty = False
            except csv.Error as error:
                raise Malformed(f"{self.path}, line {reader.line_num}: this is no CSV: {error}.") from None
            except UnicodeDecodeError:
                raise Malformed(
                    f"{self.path} is not UTF-8 (near line {reader.line_num}); save it as `CSV UTF-8` and try again."
                ) from None
        if is_empty:
            raise Malformed(f"{self.path} is empty; its first row names the columns.")

    @property
    def encoding(self) -> str:
        """UTF-8, with a byte order mark if the file has one: Excel shows a file without it garbled."""
        with self.path.open("rb") as file:
            return "utf-8-sig" if file.read(len(BOM_UTF8)) == BOM_UTF8 else "utf-8"

    def write(self, path: Path, file: TextIO, rows: Iterable[list[str]]) -> None:
        """Write *rows* to *file*, whose name is *path*, so that it is read as this table is."""
        csv.writer(file, delimiter=self._delimiter(path), lineterminator="\n").writerows(rows)

    def _delimiter(self, path: Path) -> str:
        """Return what separates the cells of *path*, this table or one that is made of it."""
        return "\t" if path.suffix.lower() == TAB else max(SEPARATORS, key=self._columns)  # the first, if equal

    def _columns(self, delimiter: str) -> int:
        """Return how many columns the header has if they are separated so."""
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.reader(file, delimiter=delimiter)
            try:
                return next((len(row) for row in rows if any(cell.strip() for cell in row)), 0)
            except csv.Error:
                return 0
