"""API keys: made, checked, revoked. A key is 256 random bits, so its keyed digest is enough at rest.

Not argon2: a password hash per request would be a lever for denial of service, and guards against
guessing, which nobody does with 256 bits.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

import asyncpg

from registry.domain.names import IssuerId, LogName
from registry.errors import ApiKeyRefused, Malformed, TooManyApiKeys, UnknownApiKey
from registry.vault.callers import ISSUER_SCOPES, OPERATOR_SCOPES, Caller, Scope, known_scopes
from registry.vault.key_text import KeyText, digest_of
from registry.vault.keys import Vault
from registry.vault.lru import Lru
from registry.vault.queries import Executor, query

LIVE_KEYS_PER_ISSUER = 2
"""One in use and one to change over to. Operators' keys are not limited: every operator has one of their own."""

NAME_MAX_CHARACTERS = 200
REFUSED = "The API key is not valid; ask the operator of this registry for one that is."
"""The one sentence for every reason, so that an answer tells nobody how close they came."""

_WRITE_LAST_USE_EVERY = timedelta(minutes=1)


class Reason(StrEnum):
    """Why a key was refused; a metric's label, never part of an answer."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong-secret"  # noqa: S105 (a reason, no secret)
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was made and not stored yet; `key` is its whole text, to be shown once."""

    log: LogName
    id: str
    issuer: IssuerId | None
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires: datetime | None
    key: str = field(repr=False)
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be told of a stored key."""

    id: str
    issuer: IssuerId | None
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """Exact to a minute or two."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A row as it was when last read; None for *caller*: there is no such key."""

    read_at: datetime
    until: datetime
    """When it must be read anew."""
    caller: Caller | None
    digest: bytes = field(repr=False, default=b"")
    expires: datetime | None = None
    is_revoked: bool = False
    last_used_at: datetime | None = None


class ApiKeys:
    """The API keys of one environment (*env* is part of their text), over all logs.

    A check is answered from memory for *ttl* after the row was read: a revocation counts at once in this process
    and within *ttl* in any other. At most *remembered* keys are kept, and as many ids that do not exist.
    """

    def __init__(
        self,
        database: Executor,
        vault: Vault,
        clock: Callable[[], datetime],
        *,
        env: str,
        ttl: timedelta = timedelta(seconds=5),
        remembered: int = 10_000,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._text = KeyText(env)
        self._ttl = ttl
        self._known: Lru[tuple[LogName, str], _Known] = Lru(remembered)
        self._absent: Lru[tuple[LogName, str], _Known] = Lru(remembered)  # apart: guessing must not push good keys out
        self._noted: Lru[tuple[LogName, str], datetime] = Lru(remembered)
        self._used: dict[tuple[LogName, str], datetime] = {}
        self._changes = 0
        self._salt = secrets.token_bytes(16)
        self._verified: Lru[tuple[LogName, bytes], tuple[str, _Known]] = Lru(remembered)
        """Digest of a whole key that was good → its id, and the row that it was compared with."""

    async def prepare(
        self,
        log: LogName,
        *,
        issuer: IssuerId | None,
        name: str,
        scopes: Iterable[str] | None = None,
        expires: datetime | None = None,
    ) -> NewApiKey:
        """Make a key (of an operator, if *issuer* is None) without storing it.

        Raises `Malformed` for an empty or overlong name, a scope that the key cannot have, or an expiry that
        has passed or has no time zone.
        """
        now = self._clock()
        if not name.strip() or len(name) > NAME_MAX_CHARACTERS:
            raise Malformed(f"An API key's name has 1 to {NAME_MAX_CHARACTERS} characters.")
        if expires is not None and (expires.tzinfo is None or expires <= now):
            raise Malformed("An API key's expiry is a time in the future, with its zone.")
        granted = _granted(issuer, scopes)
        key_id, secret, text = self._text.new()
        digest = digest_of(await self._vault.create_pepper(log), secret)
        return NewApiKey(log, key_id, issuer, name, granted, now, expires, text, digest)

    async def store(self, new: NewApiKey) -> None:
        """Store *new*, which counts from now on; storing it again changes nothing.

        Raises `TooManyApiKeys` when its issuer has two live keys: the two slots are a unique constraint, so this
        holds whatever runs in parallel. An expired or revoked key holds no slot.
        """
        slots = (None,) if new.issuer is None else tuple(range(1, LIVE_KEYS_PER_ISSUER + 1))
        if new.issuer is not None:
            await self._database.fetchrow(query("release_expired"), new.log, new.issuer, self._clock())
        for slot in slots:
            row = await self._database.fetchrow(
                query("insert_api_key"),
                *(new.log, new.id, new.issuer, slot, new.name, sorted(new.scopes)),
                *(new.digest, new.created_at, new.expires),
            )
            if row is not None:
                return self._forget(new.log, new.id)
        stored = await self._database.fetchrow(query("read_api_key"), new.log, new.id)
        if stored is None or not hmac.compare_digest(stored["digest"], new.digest):
            raise TooManyApiKeys(f"The issuer has {LIVE_KEYS_PER_ISSUER} live API keys; revoke one first.")
        return None

    async def check(self, log: LogName, presented: str) -> Caller:
        """Return who presents this key; raise `ApiKeyRefused` with one sentence for all, and a `Reason` for metrics.

        The secret is compared before anything else is told, and in constant time.
        """
        now = self._clock()
        seen = (log, blake2b(presented.encode(errors="replace"), key=self._salt).digest())
        key_id, known = self._verified.get(seen) or ("", None)
        if known is None or known is not self._remembered(log, key_id, now):
            key_id, known = await self._compared(log, presented, now)
            self._verified.put(seen, (key_id, known))
        if known.caller is None:
            raise _refused(Reason.UNKNOWN)
        if known.is_revoked:
            raise _refused(Reason.REVOKED)
        if known.expires is not None and known.expires <= now:
            raise _refused(Reason.EXPIRED)
        self._note_use(log, key_id, known.last_used_at, now)
        return known.caller

    async def _compared(self, log: LogName, presented: str, now: datetime) -> tuple[str, _Known]:
        """Return the key's id and row, having compared the secret; raise `ApiKeyRefused`."""
        parts = self._text.read(presented)
        if parts is None:
            raise _refused(Reason.MALFORMED)
        key_id, secret = parts
        known = self._remembered(log, key_id, now) or await self._read(log, key_id)
        if known.caller is None:
            raise _refused(Reason.UNKNOWN)
        if not hmac.compare_digest(known.digest, digest_of(await self._vault.pepper(log), secret)):
            raise _refused(Reason.WRONG_SECRET)
        return key_id, known

    async def revoke(self, log: LogName, key_id: str, *, issuer: IssuerId | None = None) -> ApiKey:
        """Revoke a key for good and return it; the first revocation's time stays. Given *issuer*, only one of its keys.

        Raises `UnknownApiKey`.
        """
        row = await self._database.fetchrow(query("revoke_api_key"), log, key_id, issuer, self._clock())
        if row is None:
            raise UnknownApiKey("No API key has this id.")
        self._forget(log, key_id)
        return _api_key(row)

    async def list(self, log: LogName, issuer: IssuerId | None) -> tuple[ApiKey, ...]:
        """Return all keys of *issuer*, or (None) of the operators, the oldest first; revoked ones too."""
        return tuple(_api_key(row) for row in await self._database.fetch(query("list_api_keys"), log, issuer))

    async def flush_last_used(self) -> int:
        """Write down which keys were used since the last call, and return their number; call it every few seconds.

        Each key is written at most once a minute, whichever process saw it. If the database fails, the uses are
        kept for the next call.
        """
        used, self._used = self._used, {}
        try:
            for log in sorted({log for log, _ in used}):
                mine = {key_id: at for (of, key_id), at in used.items() if of == log}
                columns = (sorted(mine), [mine[key_id] for key_id in sorted(mine)])
                await self._database.fetch(query("touch_api_keys"), log, *columns, _WRITE_LAST_USE_EVERY)
        except BaseException:
            self._used = used | self._used
            raise
        return len(used)

    def _remembered(self, log: LogName, key_id: str, now: datetime) -> _Known | None:
        known = self._known.get((log, key_id)) or self._absent.get((log, key_id))
        is_fresh = known is not None and known.read_at <= now < known.until
        return known if is_fresh else None

    async def _read(self, log: LogName, key_id: str) -> _Known:
        changes, read_at = self._changes, self._clock()
        row = await self._database.fetchrow(query("read_api_key"), log, key_id)
        until = read_at + self._ttl
        known = _Known(read_at, until, None) if row is None else _as_known(row, read_at, until)
        if changes == self._changes:  # else a revocation came by, and this row may be from before it
            (self._absent if known.caller is None else self._known).put((log, key_id), known)
        return known

    def _forget(self, log: LogName, key_id: str) -> None:
        self._changes += 1
        self._known.drop((log, key_id))
        self._absent.drop((log, key_id))

    def _note_use(self, log: LogName, key_id: str, stored: datetime | None, now: datetime) -> None:
        noted = self._noted.get((log, key_id)) or stored
        if noted is None or now - noted >= _WRITE_LAST_USE_EVERY:
            self._noted.put((log, key_id), now)
            self._used[log, key_id] = now


def _granted(issuer: IssuerId | None, scopes: Iterable[str] | None) -> frozenset[Scope]:
    if scopes is None:
        return OPERATOR_SCOPES if issuer is None else ISSUER_SCOPES
    asked = frozenset(scopes)
    possible = frozenset(Scope) if issuer is None else ISSUER_SCOPES
    if not asked or not asked <= possible:
        raise Malformed(f"An API key's scopes are one or more of {', '.join(sorted(possible))}.")
    return known_scopes(asked)


def _refused(reason: Reason) -> ApiKeyRefused:
    return ApiKeyRefused(REFUSED, reason=reason)


def _as_known(row: asyncpg.Record, read_at: datetime, until: datetime) -> _Known:
    caller = Caller(row["key_id"], row["issuer_id"], known_scopes(row["scopes"]))
    is_revoked = row["revoked_at"] is not None
    return _Known(read_at, until, caller, row["digest"], row["expires_at"], is_revoked, row["last_used_at"])


def _api_key(row: asyncpg.Record) -> ApiKey:
    return ApiKey(
        row["key_id"],
        row["issuer_id"],
        row["name"],
        known_scopes(row["scopes"]),
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["last_used_at"],
    )
