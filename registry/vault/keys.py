"""Signing keys, the permutation keys of status list sets, and the peppers of API keys.

A key management service could stand here in two places, and nobody outside would notice: under `MasterKeys`
(it wraps, we sign), or under `Vault.signer` (it signs; whatever has a `public_key` and a `sign` is a signer).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from registry.domain.mechanisms import KeyAlgorithm
from registry.domain.names import LogName
from registry.errors import MasterKeyUnusable
from registry.vault.lru import Lru
from registry.vault.master import MasterKeys, Wrapped
from registry.vault.queries import Executor, Kind, query
from registry.vault.rotation import Progress, check_openable, count_wrapped, rewrap_all
from registry.vault.signing import Signer, new_secret, opened

SECRET_BYTES = 32
_PEPPER_ID = UUID(int=0)
_ALL_KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The public side of a key that was just made."""

    id: UUID
    public_key: bytes
    """As `Signer.public_key`."""
    created_at: datetime
    algorithm: KeyAlgorithm = KeyAlgorithm.ED25519


class Vault:
    """Makes keys and opens them again; the opened ones are kept in memory, at most *remembered* of each kind.

    *database*: as `registry_writer` for everything; as `registry_projector` only `signer` and
    `check((Kind.SIGNING,))` work. Every method raises `MasterKeyUnusable` when a secret does not open,
    and lets through what *database* raises.
    """

    def __init__(
        self, database: Executor, master: MasterKeys, clock: Callable[[], datetime], *, remembered: int = 10_000
    ) -> None:
        self._database = database
        self._master = master
        self._clock = clock
        self._signers: Lru[tuple[LogName, UUID], Signer] = Lru(remembered)
        self._secrets: Lru[tuple[Kind, LogName, UUID], bytes] = Lru(remembered)

    def __repr__(self) -> str:
        return f"Vault({self._master!r})"

    async def create_signing_key(
        self, log: LogName, owner: UUID, algorithm: KeyAlgorithm = KeyAlgorithm.ED25519
    ) -> SigningKey:
        """Make and store a new key for *owner*; it is stored for good when this returns."""
        secret = new_secret(algorithm)
        key = SigningKey(uuid4(), opened(algorithm, secret).public_key, self._clock(), algorithm)
        wrapped = self._master.wrap(secret, bound_to(Kind.SIGNING, log, key.id))
        await self._database.fetchrow(
            query("insert_signing_key"),
            *(log, key.id, owner, key.public_key, wrapped.blob, wrapped.master_key_id, key.created_at, str(algorithm)),
        )
        return key

    async def signer(self, log: LogName, key_id: UUID) -> Signer:
        """Return the signer of *key_id*; its public key comes from the private one, never from the row alone."""
        if (known := self._signers.get((log, key_id))) is not None:
            return known
        row = await self._database.fetchrow(query("read_signing_key"), log, key_id)
        secret = self._opened(Kind.SIGNING, log, key_id, row)
        signer = _belonging(secret, row)
        if signer is None:
            raise MasterKeyUnusable(f"The signing key {key_id} of log {log} is stored beside another's public key.")
        self._signers.put((log, key_id), signer)
        return signer

    async def create_permutation_key(self, log: LogName, set_id: UUID) -> bytes:
        """Return the 32-byte permutation key of a status list set, made now if it has none; the first one stays."""
        return await self._created(Kind.PERMUTATION, log, set_id)

    async def permutation_key(self, log: LogName, set_id: UUID) -> bytes:
        """Return the 32-byte permutation key of a set that has one."""
        return await self._secret(Kind.PERMUTATION, log, set_id)

    async def create_pepper(self, log: LogName) -> bytes:
        """Return the 32 bytes that key the digests of the log's API keys, made now if there are none."""
        return await self._created(Kind.PEPPER, log, _PEPPER_ID)

    async def pepper(self, log: LogName) -> bytes:
        """Return the pepper of a log that has one."""
        return await self._secret(Kind.PEPPER, log, _PEPPER_ID)

    async def rewrap(self, progress: Progress | None = None, *, batch: int = 500) -> int:
        """Bring every secret under the current master key and return how many were not; *progress*(done, all).

        Safe while others serve, if they have the current key at hand; stopped anywhere, a second call goes on.
        """
        return await rewrap_all(self._database, self._master, bound_to, batch, progress)

    async def wrapped_under(self, kinds: tuple[Kind, ...] = _ALL_KINDS) -> dict[str, int]:
        """Return how many secrets each master key wraps, by its id."""
        return await count_wrapped(self._database, kinds)

    async def check(self, kinds: tuple[Kind, ...] = _ALL_KINDS) -> None:
        """Open one secret per kind and master key; raise `MasterKeyUnusable`, naming the key, if one stays shut."""
        await check_openable(self._database, self._master, bound_to, kinds)

    async def _created(self, kind: Kind, log: LogName, key_id: UUID) -> bytes:
        if (known := self._secrets.get((kind, log, key_id))) is not None:
            return known
        wrapped = self._master.wrap(os.urandom(SECRET_BYTES), bound_to(kind, log, key_id))
        await self._database.fetchrow(
            query("insert_secret", kind), log, key_id, wrapped.blob, wrapped.master_key_id, self._clock()
        )
        return await self._secret(kind, log, key_id)  # whoever was first, all see the same

    async def _secret(self, kind: Kind, log: LogName, key_id: UUID) -> bytes:
        if (known := self._secrets.get((kind, log, key_id))) is not None:
            return known
        row = await self._database.fetchrow(query("read_secret", kind), log, key_id)
        secret = self._opened(kind, log, key_id, row)
        self._secrets.put((kind, log, key_id), secret)
        return secret

    def _opened(self, kind: Kind, log: LogName, key_id: UUID, row: asyncpg.Record | None) -> bytes:
        if row is None:
            raise MasterKeyUnusable(
                f"The vault has no {key_id} among the {kind.value} of log {log}; the database was restored in part, "
                "or is another log's."
            )
        return self._master.unwrap(Wrapped(row["master_key_id"], row["wrapped"]), bound_to(kind, log, key_id))


def _belonging(secret: bytes, row: asyncpg.Record | None) -> Signer | None:
    """The signer of *secret*, if the algorithm and the public key in its *row* are its own."""
    try:
        signer = opened(KeyAlgorithm(row["algorithm"]), secret) if row else None
    except ValueError:
        return None
    return signer if signer and row and signer.public_key == row["public_key"] else None


def bound_to(kind: Kind, log: str, key_id: UUID) -> bytes:
    """Return what a wrapped secret is bound to, so that no row can be shown as another's (GCM's associated data)."""
    return "\0".join(("registry vault 1", kind.value, log, str(key_id))).encode()
