"""An issuer's revoked credentials, all of them, for the lists that name them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncpg import Pool

from projections.projection import Executor
from projections.visibility import visible
from registry.domain.events import LegacyList
from registry.domain.names import LogName
from registry.errors import UnknownIssuer

Reader = Executor | Pool

# $1 log_name, $2 slug
_SETTINGS = """
SELECT issuer_id, dids, legacy_lists, public_reasons, revoked_position
  FROM projections.credential_issuers
 WHERE log_name = $1 AND slug = $2
"""

# $1 log_name, $2 issuer, $3 after this registered position, $4 how many; 2 is the code of "revoked"
_REVOKED = """
SELECT registered_position, credential_id, reason
  FROM projections.credentials
 WHERE log_name = $1 AND issuer_id = $2 AND status = 2 AND registered_position > $3
 ORDER BY registered_position
 LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class LegacySettings:
    """Which lists an issuer chose, and what they depend on."""

    issuer_id: UUID
    did: str
    """The one it speaks under now."""
    lists: frozenset[LegacyList]
    public_reasons: bool
    revoked_position: int
    """Where the log has the issuer's last revocation; 0: there is none."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """One revoked credential."""

    registered_position: int
    credential_id: str
    reason: str | None


@visible
async def legacy_settings(conn: Reader, log: LogName, slug: str) -> LegacySettings:
    """Return what the issuer of this *slug* chose; raise `UnknownIssuer`."""
    row = await conn.fetchrow(_SETTINGS, log, slug)
    if row is None or not row["dids"]:
        raise UnknownIssuer("No issuer answers to this name.")
    lists = frozenset(map(LegacyList, row["legacy_lists"]))
    return LegacySettings(row["issuer_id"], row["dids"][-1], lists, row["public_reasons"], row["revoked_position"])


@visible
async def revoked(conn: Reader, log: LogName, issuer_id: UUID, *, after: int, limit: int) -> list[Revoked]:
    """Return at most *limit* of the issuer's revoked credentials, registered later than position *after*, in order."""
    return [Revoked(*row) for row in await conn.fetch(_REVOKED, log, issuer_id, after, limit)]
