"""`registry load`: a made-up registry of millions of credentials in minutes, to measure with.

In a script: `await load(owner_dsn, LogName("main"), "https://registry.example", Plan(credentials=1_000_000), master)`,
with the `MasterKeys` that the service will have; then the service serves it, signs for it and goes on registering.
`Plan` tells issuers' slugs and credentials' ids without asking the database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from registry.deployment import attached
from registry.doctor import load_master_keys
from registry.domain.events import VerificationMethod
from registry.domain.names import IssuerId, LogName, Slug, log_name
from registry.errors import LoadRefused, SettingsRefused
from registry.log import load as loading
from registry.log.connection import Timeouts, connect
from registry.log.read import Head
from registry.log.synthetic import Plan
from registry.settings import Settings
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from registry.wiring import did_of, utc_now

__all__ = ["Plan", "load", "load_as_set"]

_TRIALS = ("dev", "test")
_PATIENT = Timeouts(command_s=7200, statement_s=7200, idle_in_transaction_s=7200)


@dataclass(frozen=True, slots=True)
class _Keys:
    """The vault, as a load asks it: did:key for every issuer, with one Ed25519 key."""

    vault: Vault
    log: LogName
    origin: str

    async def method(self, issuer_id: IssuerId, slug: Slug) -> VerificationMethod:
        key = await self.vault.create_signing_key(self.log, issuer_id)
        made = did_of({self.log: self.origin})("key", self.log, slug, key)
        return made.model_copy(update={"key_id": key.id})

    async def permutation(self, set_id: UUID) -> bytes:
        return await self.vault.create_permutation_key(self.log, set_id)


async def load(
    owner_dsn: str,
    log: LogName,
    origin: str,
    plan: Plan,
    master: MasterKeys,
    *,
    clock: Callable[[], datetime] = utc_now,
    progress: loading.Progress = lambda _done, _total: None,
    processes: int | None = None,
) -> Head:
    """Fill *log* (opened here if it is not yet) and return its head; all of it, or nothing.

    *owner_dsn*: as registry_owner, of a migrated database. *progress*(credentials so far, all). *processes* make the
    events: by default one for each core, 0 none but this one. A core makes, chains and copies some 20,000 a second.
    Raises `LoadRefused` for a log that holds anything but its opening, and `DatabaseUnavailable`.
    """
    conn = await connect(owner_dsn, _PATIENT)
    try:
        keys = _Keys(Vault(conn, master, clock), log, origin)
        return await loading.load(conn, log, origin, plan, keys, now=clock(), progress=progress, processes=processes)
    finally:
        await conn.close()


async def load_as_set(settings: Settings, log: str, plan: Plan, progress: loading.Progress, *, is_meant: bool) -> Head:
    """Fill *log* of the deployment that *settings* name; *is_meant*: also where it is in earnest.

    Raises `LoadRefused`, `SettingsRefused` for a log it does not have, and `MasterKeyUnusable`.
    """
    async with attached(settings) as settings:
        _require_trial(settings.env, is_meant=is_meant)
        name = log_name(log)
        if name not in settings.origins:
            raise SettingsRefused(f"There is no log {log!r} here; REGISTRY_LOGS names {', '.join(settings.origins)}.")
        if settings.owner_database_url is None:
            raise SettingsRefused("REGISTRY_OWNER_DATABASE_URL is not set; name the database.")
        dsn = settings.owner_database_url.get_secret_value()
        plan = replace(plan, list_size=settings.list_size)
        return await load(dsn, name, settings.origins[name], plan, load_master_keys(settings), progress=progress)


def _require_trial(env: str, *, is_meant: bool) -> None:
    """Raise `LoadRefused` unless *env* (REGISTRY_ENV) is a word for trying things out, or whoever asks insists."""
    if env not in _TRIALS and not is_meant:
        raise LoadRefused(
            f"REGISTRY_ENV is {env}: made-up credentials do not belong there, and nothing ever leaves a log. Set it to "
            f"{' or '.join(_TRIALS)}; for a registry that is empty and only measured, say --into-production."
        )
