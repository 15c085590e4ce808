"""Where credentials stand, for whoever asks: one, many, or an issuer's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from asyncpg import Pool, Record

from projections import cursor as cursors
from projections.credential_status.codes import PURPOSES, STATUS_CODES, STATUSES, credential_keys
from projections.projection import Executor
from projections.visibility import visible
from registry.domain.credential import Status
from registry.domain.events import ListMember, Purpose, Reason, StatusProfile
from registry.domain.names import IssuerId, LogName
from registry.domain.status_list import Entry, message_of, status_claim, status_entries
from registry.errors import AmbiguousCredential, Malformed, UnknownCredential

Reader = Executor | Pool

Query = tuple[str, str | None]
"""A credential id and, if the caller named one, its issuer (slug, DID or UUID)."""

PAGE_MAX = 1_000

AMBIGUOUS, UNKNOWN = "ambiguous", "unknown"
"""Where several issuers use a credential's id, or none does."""

# Columns of one credential, in the order that _row reads them.
_COLUMNS = """credential_id, list_set, status, reason, since, position, registered_position, valid_from, valid_until,
       profile, purposes, index, superseded_by, digest, message"""

# $1 log_name, $2 credential keys
# Issuer and lists come with the first row of each set: all in one round trip, and what a set shares only once.
_BY_KEYS = f"""
SELECT {", ".join(f"one.{name.strip()}" for name in _COLUMNS.split(","))},
       shared.issuer_id, shared.issuer_did, shared.members,
       shared.slug, shared.name, shared.public_reasons, shared.dids
  FROM (SELECT {_COLUMNS}, row_number() OVER (PARTITION BY list_set) AS nth
          FROM projections.credentials
         WHERE log_name = $1 AND credential_key = ANY ($2::bytea[])) AS one
  LEFT JOIN LATERAL (
       SELECT lists.issuer_id, lists.issuer_did, lists.members,
              issuers.slug, issuers.name, issuers.public_reasons, issuers.dids
         FROM projections.credential_lists AS lists
         JOIN projections.credential_issuers AS issuers
           ON issuers.log_name = lists.log_name AND issuers.issuer_id = lists.issuer_id
        WHERE lists.log_name = $1 AND lists.list_set = one.list_set AND one.nth = 1
       OFFSET 0) AS shared ON true
"""  # noqa: S608  # constants of this module

# $1 log_name, $2 credential keys
# One row for all: an id is an IRI and holds no line break, and a status is one character. Both are in the same order.
_STATUSES_BY_KEYS = r"""
SELECT string_agg(credential_id, E'\n'), string_agg(chr(48 + status), '')
  FROM projections.credentials
 WHERE log_name = $1 AND credential_key = ANY ($2::bytea[])
"""

# $1 log_name, $2 issuer, $3 status codes, $4 how many, $5 before this registered position
# One walk along the index per status; a page costs the same wherever it lies.
_OF_ISSUER = f"""
SELECT {", ".join(f"found.{name.strip()}" for name in _COLUMNS.split(","))}
  FROM unnest($3::smallint[]) AS wanted (status)
 CROSS JOIN LATERAL (
       SELECT {_COLUMNS}
         FROM projections.credentials
        WHERE log_name = $1 AND issuer_id = $2 AND status = wanted.status AND registered_position < $5
        ORDER BY registered_position DESC
        LIMIT $4) AS found
 ORDER BY found.registered_position DESC
 LIMIT $4
"""  # noqa: S608  # constants of this module

# $1 log_name, $2 sets
_LISTS = """
SELECT lists.list_set, lists.issuer_id, lists.issuer_did, lists.members,
       issuers.slug, issuers.name, issuers.public_reasons, issuers.dids
  FROM projections.credential_lists AS lists
  JOIN projections.credential_issuers AS issuers
    ON issuers.log_name = lists.log_name AND issuers.issuer_id = lists.issuer_id
 WHERE lists.log_name = $1 AND lists.list_set = ANY ($2::uuid[])
"""


_REASONS: dict[str | None, Reason | None] = {None: None, **{reason.value: reason for reason in Reason}}
_WORDS = {chr(48 + code): status.value for code, status in STATUSES.items()}
_PROFILES = {profile.value: profile for profile in StatusProfile}


@dataclass(frozen=True, slots=True)
class CredentialIssuer:
    """Who issued a credential, under the DID of that time, and which lists speak about it."""

    issuer_id: UUID
    slug: str
    name: str
    did: str
    public_reasons: bool
    """Whether anybody may be told the reason of a status."""
    members: tuple[ListMember, ...]
    names: frozenset[str]
    """Whatever the issuer may be called in a question: slug, UUID, every DID it ever had."""

    def __hash__(self) -> int:
        """Return a hash that costs little: what is made of an issuer's lists is remembered by the issuer."""
        return hash((self.slug, self.did))


@dataclass(slots=True)  # freezing costs 5 µs a row, as much as its lookup, and a batch has 10,000
class CredentialRow:
    """Where one credential stands; to be read, not changed."""

    credential_id: str
    issuer: CredentialIssuer
    status: Status
    reason: Reason | None
    since: datetime
    """The status holds from here."""
    position: int
    """Of the last change of status, or of the registration."""
    registered_position: int
    valid_from: str | None
    valid_until: str | None
    profile: StatusProfile
    purposes: tuple[Purpose, ...]
    index: int
    superseded_by: str | None
    digest_sha256: str | None
    """Of the secured credential, in hexadecimal; None for one that is signed elsewhere."""
    message_value: int

    @property
    def entries(self) -> list[Entry]:
        """The entries of its `credentialStatus` (Bitstring Status List 1.0, section 2.1)."""
        return status_entries(self.issuer.members, self.purposes, self.index)

    @property
    def claim(self) -> Entry | None:
        """The `status` claim of its JWT or CWT form, if there is a list for it."""
        return status_claim(self.issuer.members, self.purposes, self.index)

    @property
    def message(self) -> Entry | None:
        """What its message entry says, if it has one."""
        if Purpose.MESSAGE not in self.purposes:
            return None
        member = next(one for one in self.issuer.members if one.purpose is Purpose.MESSAGE)
        return message_of(member, self.message_value)


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several issuers use this credential id."""

    credential_id: str
    issuers: tuple[str, ...]
    """Their slugs, in alphabetical order."""


@dataclass(frozen=True, slots=True)
class CredentialPage:
    """Credentials of one issuer, the newest first."""

    credentials: tuple[CredentialRow, ...]
    next_cursor: str | None


async def status_of(conn: Reader, log: LogName, credential_id: str, issuer: str | None = None) -> CredentialRow:
    """Return where a credential stands; *issuer* is a slug, DID or UUID.

    Raises `UnknownCredential`, and `AmbiguousCredential` when several issuers use the id and none is named.
    """
    [found] = await statuses_of(conn, log, [(credential_id, issuer)])
    match found:
        case CredentialRow():
            return found
        case Ambiguous(issuers=slugs):
            raise AmbiguousCredential(
                "Several issuers use this credential id; name one, by its slug or DID.", issuers=list(slugs)
            )
    raise UnknownCredential("No credential of this id is registered here.")


@visible
async def statuses_of(conn: Reader, log: LogName, queries: Sequence[Query]) -> list[CredentialRow | Ambiguous | None]:
    """Return an answer per query, in order; None where no credential matches."""
    return answers(queries, await rows_of(conn, log, queries))


@visible
async def status_words(conn: Reader, log: LogName, credential_ids: Sequence[str]) -> list[str]:
    """Return for each id, in order, the word for where the credential stands, `ambiguous`, or `unknown`."""
    [(ids, statuses)] = await conn.fetch(_STATUSES_BY_KEYS, log, credential_keys(credential_ids))
    if ids is None:
        return [UNKNOWN] * len(credential_ids)
    found: list[str] = ids.split("\n")
    words = dict(zip(found, map(_WORDS.__getitem__, statuses), strict=True))
    if len(words) < len(found):
        words |= {credential_id: AMBIGUOUS for credential_id, times in Counter(found).items() if times > 1}
    return [words.get(credential_id, UNKNOWN) for credential_id in credential_ids]


async def rows_of(conn: Reader, log: LogName, queries: Sequence[Query]) -> list[CredentialRow]:
    """Return every credential that one of *queries* may mean."""
    keys = credential_keys([credential_id for credential_id, _ in queries])
    records = await conn.fetch(_BY_KEYS, log, keys)
    issuers = {record[1]: _issuer(*record[15:21], tuple(record[21])) for record in records if record[15] is not None}
    return [_row(record[:15], issuers) for record in records]


def answers(queries: Sequence[Query], rows: Iterable[CredentialRow]) -> list[CredentialRow | Ambiguous | None]:
    """Return which of *rows* each query means, in order."""
    by_id: dict[str, list[CredentialRow]] = {}
    for row in rows:
        by_id.setdefault(row.credential_id, []).append(row)
    return [_answer(by_id.get(credential_id, ()), credential_id, issuer) for credential_id, issuer in queries]


@visible
async def of_issuer(
    conn: Reader, log: LogName, issuer_id: IssuerId, *, status: str | None = None, limit: int = 100,
    cursor: str | None = None,
) -> CredentialPage:  # fmt: skip
    """Return a page of an issuer's credentials, the newest first, of one *status* or of any.

    Raises `Malformed` for a status that does not exist, a limit outside 1 … 1,000 and a cursor that is not ours.
    """
    if not 1 <= limit <= PAGE_MAX:
        raise Malformed(f"A page has 1 to {PAGE_MAX} credentials.", pointer="limit")
    question = ("credentials", log, str(issuer_id), status)
    before = cursors.decode_position(question, cursor) if cursor else 2**63 - 1
    found = await conn.fetch(_OF_ISSUER, log, issuer_id, _codes(status), limit + 1, before)
    rows = await _rows(conn, log, found[:limit])
    more = cursors.encode(question, str(rows[-1].registered_position)) if len(found) > limit else None
    return CredentialPage(tuple(rows), more)


def _codes(status: str | None) -> list[int]:
    if status is None:
        return list(STATUSES)
    if status not in STATUS_CODES:
        raise Malformed(f"A credential's status is one of {', '.join(STATUS_CODES)}.", pointer="status")
    return [STATUS_CODES[Status(status)]]


def _answer(rows: Sequence[CredentialRow], credential_id: str, issuer: str | None) -> CredentialRow | Ambiguous | None:
    found = rows if issuer is None else [row for row in rows if issuer in row.issuer.names]
    if len(found) > 1:
        return Ambiguous(credential_id, tuple(sorted(row.issuer.slug for row in found)))
    return found[0] if found else None


async def _rows(conn: Reader, log: LogName, records: Sequence[Record]) -> list[CredentialRow]:
    issuers = await _issuers(conn, log, {record[1] for record in records})
    return [_row(record, issuers) for record in records]


def _row(record: Record | tuple[Any, ...], issuers: dict[UUID, CredentialIssuer]) -> CredentialRow:
    (
        credential_id, list_set, status, reason, since, position, registered_position, valid_from, valid_until,
        profile, purposes, index, superseded_by, digest, message,
    ) = record  # fmt: skip
    return CredentialRow(
        credential_id, issuers[list_set], STATUSES[status], _REASONS[reason], since, position,
        registered_position, valid_from, valid_until, _PROFILES[profile], PURPOSES[purposes], index,
        superseded_by, digest.hex() if digest else None, message or 0,
    )  # fmt: skip


async def _issuers(conn: Reader, log: LogName, sets: Iterable[UUID]) -> dict[UUID, CredentialIssuer]:
    """Return the issuer and lists of each set; a set is always projected before its first credential."""
    wanted = list(sets)
    if not wanted:
        return {}
    return {row[0]: _issuer(*row[1:7], tuple(row[7])) for row in await conn.fetch(_LISTS, log, wanted)}


@lru_cache(maxsize=1_024)  # the same few are asked about again and again; what stands in their rows is the key
def _issuer(
    issuer_id: UUID, did: str, members: str, slug: str, name: str, public_reasons: bool, dids: tuple[str, ...]
) -> CredentialIssuer:
    names = frozenset((slug, str(issuer_id), *dids))
    return CredentialIssuer(issuer_id, slug, name, did, public_reasons, _members(members), names)


@lru_cache(maxsize=1_024)
def _members(text: str) -> tuple[ListMember, ...]:
    return tuple(map(ListMember.model_validate, orjson.loads(text)))
