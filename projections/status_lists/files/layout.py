"""Which files a published list becomes, and what their names say. Pure.

::

    <log>/status-lists/<list>                 → ../versions/<list>/<version>   one link is what a publication moves
    <log>/versions/<list>/<version>/
        vc.json, vc.json.gz, vc.jwt, …         each form in each coding
        fresh/<ttl>-<unix seconds ÷ 1000>      one for every thousand seconds in which `max-age=<ttl>` may be told

A server that finds no mark of the present must not answer with the file: a max-age told then would reach past the
signed validity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

import asyncpg

from projections.status_lists.representation import EMBEDDED, STATUSLIST_CWT, STATUSLIST_JWT, VC_COSE, VC_JWT
from registry.domain.names import LogName

SUFFIXES: Final = {
    EMBEDDED: "vc.json",
    VC_JWT: "vc.jwt",
    VC_COSE: "vc.cose",
    STATUSLIST_JWT: "statuslist.jwt",
    STATUSLIST_CWT: "statuslist.cwt",
}
"""How the file of a form is called; every server knows more of an ending than of a media type."""
GZIP: Final = ".gz"
MARK_S: Final = 1000
"""How long a mark of freshness holds: nginx can cut three digits off a number, but not compare it."""


@dataclass(frozen=True, slots=True)
class FormFile:
    """One form of a list in one coding."""

    name: str
    """By which it is asked for: `vc.json`, `vc.json.gz`."""
    media_type: str
    is_gzip: bool
    etag: str
    """SHA-256 of the content, hexadecimal: the entity tag that the service sends, too."""
    content: bytes | None
    """None where only the names were read."""


@dataclass(frozen=True, slots=True)
class ListFiles:
    """All files of a published list; they stand for one position of the log."""

    log: LogName
    status_list_id: UUID
    sequence: int
    ttl_s: int
    valid_until: datetime
    published_at: datetime
    files: tuple[FormFile, ...]
    """The default form first; of each form identity, then gzip."""

    @property
    def version(self) -> str:
        """The name of this version; other bytes have another, also when a restored database counts anew."""
        return f"{self.sequence}-{self.files[0].etag[:16]}"

    @property
    def cache_control(self) -> str:
        """What caches are told."""
        return f"public, max-age={self.ttl_s}"

    @property
    def fresh(self) -> tuple[str, ...]:
        """The marks: whoever is told at such a time to keep the list for the ttl has a valid one until the end."""
        first = int(self.published_at.timestamp()) // MARK_S
        end = (int(self.valid_until.timestamp()) - self.ttl_s) // MARK_S
        return tuple(f"{self.ttl_s}-{mark}" for mark in range(first - 1, end))  # one before: clocks differ


def list_files(log: LogName, rows: Iterable[asyncpg.Record]) -> Iterator[ListFiles]:
    """Return the files of each list in *rows*, which are ordered by list, as `read_files` and `read_file_names` are."""
    for status_list_id, forms in groupby(rows, key=lambda row: row["status_list_id"]):
        ours = list(forms)
        first = ours[0]
        files = tuple(file for row in ours for file in _coded(row))
        yield ListFiles(
            log,
            status_list_id,
            first["sequence"],
            first["ttl_s"],
            first["valid_until"],
            first["published_at"],
            files,
        )


def _coded(row: asyncpg.Record) -> Sequence[FormFile]:
    media_type, body, compressed = row["media_type"], row.get("body"), row.get("gzip")
    suffix = SUFFIXES[media_type]
    return (
        FormFile(suffix, media_type, False, row["etag"], body),
        FormFile(suffix + GZIP, media_type, True, row["gzip_etag"], compressed),
    )
