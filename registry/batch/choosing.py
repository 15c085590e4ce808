"""Which columns of a table are sent, and as which members of a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from registry.errors import Malformed
from registry.http.batch_files import IGNORED
from registry.http.batch_rows import columns
from registry.http.faults import unknown_member

ALIKE: Final = 0.8
"""How much of two names must agree for one to be taken for the other, misspelt: `validUntill` does by 0.95."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person said of the columns of their table."""

    mapping: Mapping[str, str] = field(default_factory=dict)
    """Column → the member that it is."""
    operation: str | None = None
    """What rows ask for that do not say it; columns that say nothing to it are not sent."""
    ignored: Collection[str] = ()
    """Columns that are not sent, whatever they are called."""

    def of(self, header: list[str]) -> dict[int, str]:
        """Return which columns are sent (by their places), and as which members.

        Raises `Malformed` for a column that is not there, and for one that would not be sent though it was probably
        meant to be: a registration never changes, so an end that was left out is left out for ever.
        """
        self._require(header)
        named = {at: self.mapping.get(name, name) for at, name in enumerate(header) if name not in self.ignored}
        known = self._known(named.values())
        taken = set(self.mapping.values())
        chosen = {
            at: name
            for at, name in named.items()
            if name in known and (header[at] in self.mapping or name not in taken)
        }
        self._refuse_misspelt([header[at] for at in named if at not in chosen], set(known) - set(chosen.values()))
        if not chosen:
            raise Malformed(
                f"None of the columns {', '.join(header)[:200]} is known; say which is which: --column "
                f"'credentialId={header[0]}'. Known are {', '.join(known)}."
            )
        return chosen

    def left_out(self, header: list[str]) -> list[str]:
        """Return the columns that are not sent, because they say nothing to what is asked for."""
        chosen = self.of(header)
        return [
            name for at, name in enumerate(header) if at not in chosen and name != IGNORED and name not in self.ignored
        ]

    def _known(self, named: Collection[str]) -> list[str]:
        """Return the members that a row may have; fewer where all rows ask for the same."""
        return columns() if "operation" in named else columns(self.operation)

    def _require(self, header: list[str]) -> None:
        known = columns()
        for column, member in self.mapping.items():
            if column not in header:
                raise Malformed(f"--column {member}={column}: {unknown_member(column, header, 'column')}")
            if member not in known:
                raise Malformed(f"--column {member}={column}: {unknown_member(member, known)}")
        for column in self.ignored:
            if column not in header:
                raise Malformed(f"--leave-out {column}: {unknown_member(column, header, 'column')}")

    def _refuse_misspelt(self, left_out: list[str], unused: set[str]) -> None:
        """Refuse a column that is called almost like a member for which there is none."""
        wanted = {_plain(name): name for name in unused if name != "operation" or self.operation is None}
        for column in left_out:
            if column in self.mapping or column in columns():  # they say something to another operation
                continue
            if alike := get_close_matches(_plain(column), wanted, 1, ALIKE):
                member = wanted[alike[0]]
                raise Malformed(
                    f"The column {column} is not known here; do you mean {member}? Then say --column "
                    f"'{member}={column}'; if it is another thing, --leave-out '{column}'."
                )


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
