"""The directory of issuers, for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Pool, Record

from projections import cursor as cursors
from projections.issuer_directory.searching import QUESTION_MAX, fold, question_grams
from projections.projection import Executor
from projections.visibility import visible
from registry.domain.events import IssuerKind, StatusProfile
from registry.domain.issuer import IssuerStatus
from registry.domain.keys import KeyState, counts_at
from registry.domain.names import LogName
from registry.errors import Malformed, UnknownIssuer

Reader = Executor | Pool

PAGE_MAX = 200

_COLUMNS = """issuer_id, slug, did, name, legal_name, url, logo, kind, jurisdiction, identifiers, status, since,
       status_profile, public_reasons, position"""

# $1 log_name, $2 after this slug, $3 how many, $4 kind, $5 jurisdiction, $6 status (NULL: any)
_PAGE = f"""
SELECT {_COLUMNS}
  FROM projections.issuers
 WHERE log_name = $1 AND slug > $2 AND did IS NOT NULL
   AND ($4::text IS NULL OR kind = $4)
   AND ($5::text IS NULL OR jurisdiction = $5 OR starts_with(jurisdiction, $5 || '-'))
   AND ($6::text IS NULL OR status = $6)
 ORDER BY slug
 LIMIT $3
"""  # noqa: S608  # constants of this module

# as above, and: $7 pieces of the folded question, $8 the question itself (nothing in it is a wildcard)
_SEARCH = _PAGE.replace(" ORDER BY", "   AND grams @> $7::text[] AND strpos(search_text, $8) > 0\n ORDER BY")

# $1 log_name, $2 slug
_BY_SLUG = f"""
SELECT {_COLUMNS}
  FROM projections.issuers
 WHERE log_name = $1 AND slug = $2 AND did IS NOT NULL
"""  # noqa: S608  # constants of this module

# $1 log_name, $2 DID: of all that ever had it, the one that took it last
_BY_DID = f"""
SELECT {_COLUMNS}
  FROM projections.issuers
 WHERE log_name = $1 AND did IS NOT NULL AND issuer_id = (
       SELECT issuer_dids.issuer_id
         FROM projections.issuer_dids
        WHERE issuer_dids.log_name = $1 AND issuer_dids.did = $2
        ORDER BY issuer_dids.position DESC
        LIMIT 1)
"""  # noqa: S608  # constants of this module

# $1 log_name
_DELEGATED = """
SELECT slug, did
  FROM projections.issuers
 WHERE log_name = $1 AND is_delegated
 ORDER BY slug
"""

_METHOD_COLUMNS = """methods.method_id, methods.controller, methods.public_key_multibase, methods.key_id,
       methods.added_at, methods.position, methods.state, methods.until"""

# $1 log_name, $2 method id
_METHOD = f"""
SELECT {_METHOD_COLUMNS}
  FROM projections.issuer_methods AS methods
 WHERE methods.log_name = $1 AND methods.method_id = $2
 ORDER BY methods.position DESC
 LIMIT 1
"""  # noqa: S608  # constants of this module

# $1 log_name, $2 slug
_METHODS = f"""
SELECT {_METHOD_COLUMNS}
  FROM projections.issuers
  JOIN projections.issuer_methods AS methods
    ON methods.log_name = issuers.log_name AND methods.issuer_id = issuers.issuer_id
 WHERE issuers.log_name = $1 AND issuers.slug = $2
 ORDER BY methods.position
"""  # noqa: S608  # constants of this module

# $1 log_name, $2 slug
_DIDS = """
SELECT dids.did, dids.adopted_at, dids.position
  FROM projections.issuers
  JOIN projections.issuer_dids AS dids
    ON dids.log_name = issuers.log_name AND dids.issuer_id = issuers.issuer_id
 WHERE issuers.log_name = $1 AND issuers.slug = $2
 ORDER BY dids.position
"""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One issuer."""

    issuer_id: UUID
    slug: str
    did: str
    """The one it speaks under now."""
    name: str
    legal_name: str | None
    url: str | None
    logo: str | None
    kind: IssuerKind
    jurisdiction: str
    identifiers: dict[str, str]
    status: IssuerStatus
    since: datetime
    """The status holds from here."""
    status_profile: StatusProfile
    public_reasons: bool
    position: int
    """Of the last event about the issuer."""


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One verification method of an issuer."""

    method_id: str
    controller: str
    public_key_multibase: str
    key_id: UUID | None
    """In the vault; None: the key is held elsewhere."""
    added_at: datetime
    position: int
    state: KeyState
    until: datetime | None
    """When it was retired, or the cut-off of its compromise."""

    @property
    def is_signing(self) -> bool:
        """Whether it is held here and secures what is issued under its DID now."""
        return self.key_id is not None and self.state is KeyState.ACTIVE

    def counts_at(self, moment: datetime) -> bool:
        """Whether a signature made at *moment* counts as far as the key's history goes."""
        return counts_at(self.state, self.until, moment)


@dataclass(frozen=True, slots=True)
class DidRow:
    """A DID that an issuer adopted."""

    did: str
    adopted_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Page:
    """Issuers in the order of their slugs."""

    issuers: tuple[DirectoryEntry, ...]
    next_cursor: str | None


@visible
async def search(
    conn: Reader, log: LogName, *, q: str | None = None, kind: str | None = None, jurisdiction: str | None = None,
    status: str | None = None, limit: int = 50, cursor: str | None = None,
) -> Page:  # fmt: skip
    """Return a page of the issuers that fit all that is asked, in the order of their slugs.

    *q* is found anywhere in name, legal name, slug or an identifier, whatever the case; *jurisdiction* is ISO 3166-2,
    and a country finds its parts. Raises `Malformed` for values that cannot be and cursors that are not ours.
    """
    _check(kind, jurisdiction, status, limit)
    question = ("issuers", log, q, kind, jurisdiction, status)
    after = cursors.decode(question, cursor) if cursor else ""
    found = await _search(conn, (log, after, limit + 1, kind, jurisdiction, status), _folded(q))
    issuers = tuple(map(_entry, found[:limit]))
    return Page(issuers, cursors.encode(question, issuers[-1].slug) if len(found) > limit else None)


@visible
async def issuer(conn: Reader, log: LogName, slug: str) -> DirectoryEntry:
    """Return the issuer with this slug; raise `UnknownIssuer`."""
    return _one(await conn.fetchrow(_BY_SLUG, log, slug) if _is_text(slug) else None)


@visible
async def by_did(conn: Reader, log: LogName, did: str) -> DirectoryEntry:
    """Return the issuer that speaks, or once spoke, under this DID; raise `UnknownIssuer`."""
    return _one(await conn.fetchrow(_BY_DID, log, did) if _is_text(did) else None)


@visible
async def methods(conn: Reader, log: LogName, slug: str) -> tuple[MethodRow, ...]:
    """Return the issuer's verification methods, oldest first; none for an unknown slug."""
    return tuple(map(_method, await conn.fetch(_METHODS, log, slug))) if _is_text(slug) else ()


@visible
async def method(conn: Reader, log: LogName, method_id: str) -> MethodRow | None:
    """Return the verification method of this id, whoever's it is; None if no issuer here ever had it."""
    row = await conn.fetchrow(_METHOD, log, method_id) if _is_text(method_id) else None
    return None if row is None else _method(row)


@visible
async def dids(conn: Reader, log: LogName, slug: str) -> tuple[DidRow, ...]:
    """Return every DID that the issuer adopted, oldest first; none for an unknown slug."""
    return tuple(DidRow(*row) for row in await conn.fetch(_DIDS, log, slug)) if _is_text(slug) else ()


@visible
async def delegated(conn: Reader, log: LogName) -> tuple[tuple[str, str], ...]:
    """Return slug and DID of every issuer whose DID is controlled elsewhere."""
    return tuple((row["slug"], row["did"]) for row in await conn.fetch(_DELEGATED, log))


async def _search(conn: Reader, asked: tuple[Any, ...], q: str) -> list[Record]:
    if not q:
        return await conn.fetch(_PAGE, *asked)
    return await conn.fetch(_SEARCH, *asked, question_grams(q), q)


def _folded(q: str | None) -> str:
    if q is not None and (len(q) > QUESTION_MAX or not _is_text(q)):
        raise Malformed(f"A search has at most {QUESTION_MAX} characters, none of them NUL.", parameter="q")
    return fold(q or "")


def _check(kind: str | None, jurisdiction: str | None, status: str | None, limit: int) -> None:
    if kind is not None and kind not in set(IssuerKind):
        raise Malformed(f"A kind is one of {', '.join(IssuerKind)}.", parameter="kind")
    if status is not None and status not in set(IssuerStatus):
        raise Malformed(f"An issuer's status is one of {', '.join(IssuerStatus)}.", parameter="status")
    if jurisdiction is not None and not _is_text(jurisdiction):
        raise Malformed("A jurisdiction is an ISO 3166-2 code, such as US-CO.", parameter="jurisdiction")
    if not 1 <= limit <= PAGE_MAX:
        raise Malformed(f"A page has 1 to {PAGE_MAX} issuers.", parameter="limit")


def _is_text(text: str) -> bool:
    """Whether PostgreSQL can be asked about *text*: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _method(row: Record) -> MethodRow:
    return MethodRow(**{**row, "state": KeyState(row["state"])})


def _one(row: Record | None) -> DirectoryEntry:
    if row is None:
        raise UnknownIssuer("No issuer answers to this name.")
    return _entry(row)


def _entry(row: Record) -> DirectoryEntry:
    return DirectoryEntry(
        **{
            **row,
            "kind": IssuerKind(row["kind"]),
            "identifiers": orjson.loads(row["identifiers"]),
            "status": IssuerStatus(row["status"]),
            "status_profile": StatusProfile(row["status_profile"]),
        }
    )
