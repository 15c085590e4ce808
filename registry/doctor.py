"""Is this deployment fit to serve? The same findings stop a start and are printed by `registry doctor`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import asyncpg

from projections.issuer_directory import view as directory
from projections.status_lists.files.behind import behind
from projections.status_lists.files.opening import open_target
from projections.status_lists.files.target import TargetFailed
from projections.status_lists.frontier import disputed_head
from registry import lagging, origins
from registry.commands.delegation import Resolve, listed
from registry.domain.events import VerificationMethod
from registry.domain.names import LOG_STREAM, LogName, slug_stream
from registry.errors import (
    DatabaseUnavailable,
    ForkedLog,
    Refused,
    RegistryError,
    RemoteUnavailable,
    SettingsRefused,
    Unfit,
)
from registry.log import migrate, read
from registry.log.connection import LOST, Connection, connect, reason
from registry.securing.contexts import load_contexts
from registry.settings import Settings, unknown_variables
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from registry.vault.queries import Kind

OLDEST_SERVER = 15

_UNTIL_THEN = "Until that is mended, verifiers refuse what is signed under this DID, its status lists included."

_COMPROMISED = """
SELECT count(*)
  FROM projections.published_status_lists AS p
 WHERE p.log_name = $1
   AND p.verification_methods && ARRAY(SELECT c.method_id
                                         FROM projections.status_list_compromises AS c
                                        WHERE c.log_name = $1)
"""


class Verdict(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what is so, and what to do about it."""

    subject: str
    verdict: Verdict
    sentence: str


def good(subject: str, sentence: str) -> Finding:
    """A finding that needs nothing."""
    return Finding(subject, Verdict.GOOD, sentence)


def load_master_keys(settings: Settings) -> MasterKeys:
    """Return the master keys from the environment or their file; raise `MasterKeyUnusable`."""
    if settings.master_keys is not None:
        return MasterKeys.from_text(settings.master_keys.get_secret_value(), "REGISTRY_MASTER_KEYS")
    return MasterKeys.from_file(settings.master_key_path)


async def examine(settings: Settings, dsn: str, *, writing: bool = True) -> list[Finding]:
    """Return all findings about the deployment that *settings* describe, its database at *dsn*.

    *writing*: as the role that serves; otherwise as the one that projects, which sees fewer secrets.
    """
    findings = [
        good("settings", "complete and free of contradictions"),
        *(Finding("settings", Verdict.WARNING, one) for one in unknown_variables(os.environ)),
        await _finding("contexts", _contexts, settings),
        await _finding("master key", _master_keys, settings),
    ]
    try:
        conn = await connect(dsn)
    except DatabaseUnavailable as error:
        return [*findings, Finding("database", Verdict.REFUSED, f"{error.detail.rstrip('.')}. {_remedy(error)}")]
    try:
        findings += await _server(conn)
        findings += await _workers(conn, settings) if writing else []
        findings.append(await _finding("schema", _schema, conn))
        if all(one.verdict is not Verdict.REFUSED for one in findings):
            findings.append(await _finding("secrets", _secrets, conn, settings, writing))
            findings += [one for log in settings.origins for one in await _log(conn, settings, log, writing)]
            findings += await _dcc(conn, settings) if writing else []
            findings += await _files(conn, settings)
    except LOST as error:
        findings.append(Finding("database", Verdict.REFUSED, f"went away: {reason(error)}"))
    finally:
        await conn.close()
    return findings


def _remedy(error: DatabaseUnavailable) -> str:
    """Return what to do about a database that cannot be connected to."""
    match error.__cause__:
        case asyncpg.InvalidCatalogNameError():
            return "`registry init --superuser-dsn …` makes it, or the DSN names another one than was meant."
        case asyncpg.InvalidAuthorizationSpecificationError():
            return "Give the role in the DSN the password that PostgreSQL has for it, and let pg_hba.conf admit it."
        case asyncpg.TooManyConnectionsError():
            return "Raise max_connections, or lower REGISTRY_WORKERS or REGISTRY_POOL_SIZE."
    return "Start PostgreSQL, or mend host and port in the DSN."


def require_fit(findings: list[Finding]) -> list[Finding]:
    """Return the warnings among *findings*; raise `Unfit` with every sentence that forbids a start."""
    refused = [one for one in findings if one.verdict is Verdict.REFUSED]
    if refused:
        raise Unfit(" ".join(f"{one.subject}: {one.sentence}" for one in refused))
    return [one for one in findings if one.verdict is Verdict.WARNING]


async def _finding(subject: str, look: Callable[..., Awaitable[str]], *arguments: object) -> Finding:
    """Return what *look* says; a refusal of its becomes a finding."""
    try:
        return good(subject, await look(*arguments))
    except RegistryError as error:
        return Finding(subject, Verdict.REFUSED, error.detail)


async def _contexts(settings: Settings) -> str:
    load_contexts(settings.contexts)
    return "every pinned JSON-LD context has its digest"


async def _master_keys(settings: Settings) -> str:
    keys = load_master_keys(settings)
    return f"{keys.ids[0]} wraps new secrets"


async def _workers(conn: Connection, settings: Settings) -> list[Finding]:
    """Whether the server has connections for all workers: each has pools of its own, and the writer has a few."""
    if settings.workers == 1:
        return []
    needed = settings.workers * (settings.pool_size + 5) + 4 + 3 * len(settings.origins)
    allowed = int(
        await conn.fetchval(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
    )
    if needed <= allowed:
        return [good("workers", f"{settings.workers}, with at most {needed} of {allowed} connections")]
    sentence = (
        f"{settings.workers} may want {needed} connections, and PostgreSQL allows {allowed} to everybody; raise "
        "max_connections, or lower REGISTRY_WORKERS or REGISTRY_POOL_SIZE."
    )
    return [Finding("workers", Verdict.WARNING, sentence)]


async def _server(conn: Connection) -> list[Finding]:
    findings = []
    major = conn.get_server_version().major
    if major < OLDEST_SERVER:
        findings.append(Finding("server", Verdict.REFUSED, f"PostgreSQL {major} is too old; use 15 or newer."))
    else:
        findings.append(good("server", f"PostgreSQL {major}"))
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if await conn.fetchval("SELECT current_setting($1)", setting) == "off":
            findings.append(
                Finding(setting, Verdict.REFUSED, f"{setting} is off: acknowledged events could be lost; set it to on.")
            )
        else:
            findings.append(good(setting, "on"))
    if await conn.fetchval("SELECT current_setting('data_checksums')") == "off":
        findings.append(
            Finding(
                "data_checksums",
                Verdict.WARNING,
                "off: a failing disk would go unnoticed; run pg_checksums --enable while the server is stopped.",
            )
        )
    else:
        findings.append(good("data_checksums", "on"))
    return findings


async def _schema(conn: Connection) -> str:
    await migrate.check(conn)
    if await conn.fetchval("SELECT has_table_privilege('events', 'UPDATE') OR has_table_privilege('events', 'DELETE')"):
        raise SettingsRefused(
            "REGISTRY_DATABASE_URL names a role that could change or delete events; use registry_writer."
        )
    return "the schema is this version's, and the role can only add to the log"


async def _secrets(conn: Connection, settings: Settings, writing: bool) -> str:
    kinds = tuple(Kind) if writing else (Kind.SIGNING,)
    await Vault(conn, load_master_keys(settings), lambda: datetime.now(UTC)).check(kinds)
    return "every secret's master key is at hand"


async def _log(conn: Connection, settings: Settings, log: LogName, writing: bool) -> list[Finding]:
    subject = f"log {log}"
    opening = await read.stream(conn, log, LOG_STREAM)
    if not opening:
        return [Finding(subject, Verdict.REFUSED, "is not opened yet; run `registry init`.")]
    continues = await _finding(subject, _heads, conn, settings, log)
    if continues.verdict is Verdict.REFUSED and not writing:
        # The publisher halts such a log by itself, and must run for an accepted restore to be taken up.
        continues = Finding(subject, Verdict.WARNING, continues.sentence)
    findings = [continues, await _origin(conn, settings, log, origins.opened_for(opening))]
    if doubtful := await _signed_by_compromised(conn, log):
        sentence = (
            f"{doubtful} published lists are signed by a compromised key; `registry project` signs them anew at its "
            "next tick, or says why it cannot."
        )
        findings.append(Finding(f"{subject}, lists", Verdict.WARNING, sentence))
    return findings


async def _origin(conn: Connection, settings: Settings, log: LogName, recorded: str | None) -> Finding:
    subject, origin = f"log {log}, origin", settings.origins[log]
    if unset := origins.unset(settings, log):
        return Finding(subject, Verdict.WARNING, unset)
    if elsewhere := await origins.elsewhere(conn, log, origin):
        sentence = f"is now {origin}; published lists name {', '.join(elsewhere)}, which must keep resolving here."
        return Finding(subject, Verdict.WARNING, sentence)
    return good(subject, origins.told(recorded, origin))


async def _dcc(conn: Connection, settings: Settings) -> list[Finding]:
    """Whether the issuer that the listener for DCC coordinators speaks for is there."""
    if settings.dcc_tenant is None:
        return []
    log, name = settings.dcc_tenant
    if await read.stream(conn, log, slug_stream(name)):
        return [good("DCC listener", f"speaks for {name}")]
    sentence = f"no issuer is registered under {name!r}, its REGISTRY_DCC_ISSUER; it answers 404 until there is one."
    return [Finding("DCC listener", Verdict.WARNING, sentence)]


async def _files(conn: Connection, settings: Settings) -> list[Finding]:
    """Whether published files, where there should be any, are those of the latest publications; bytes are not read."""
    if not settings.files:
        return []
    try:
        late = await behind(conn, open_target(settings.files), list(settings.origins))
    except SettingsRefused as error:
        return [Finding("files", Verdict.REFUSED, error.detail)]
    except TargetFailed as error:
        return [Finding("files", Verdict.WARNING, f"{error} They are not kept up; the service answers instead.")]
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.UndefinedColumnError):
        return []  # nothing is published yet
    if late:
        what = f"{len(late)} lists or documents have no up-to-date files"
        sentence = f"{what}, such as {late[0]}; `registry project` writes them."
        return [Finding("files", Verdict.WARNING, sentence)]
    return [good("files", "every list that was looked at has its files")]


async def _signed_by_compromised(conn: Connection, log: LogName) -> int:
    try:
        return int(await conn.fetchval(_COMPROMISED, log))
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):  # the read side is not of this version yet
        return 0


async def projecting(conn: Connection, log: LogName, now: datetime) -> Finding:
    """Return whether somebody projects *log*, and how far what is projected is behind it."""
    subject = f"log {log}, projections"
    if not await lagging.is_begun(conn, log):
        return good(subject, "not begun yet; `registry project` does, and /readyz waits for it")
    wrong = await lagging.complaint(conn, log, now)
    return good(subject, "up to the log") if wrong is None else Finding(subject, Verdict.WARNING, wrong)


async def delegations(conn: Connection, log: LogName, resolve: Resolve, now: datetime) -> list[Finding]:
    """Return what there is to say about every issuer whose DID is controlled elsewhere: *resolve* asks there."""
    return [await _delegation(conn, log, slug, did, resolve, now) for slug, did in await directory.delegated(conn, log)]


async def _delegation(conn: Connection, log: LogName, slug: str, did: str, resolve: Resolve, now: datetime) -> Finding:
    subject = f"issuer {slug}"
    held = [one for one in await directory.methods(conn, log, slug) if one.controller == did and one.is_signing]
    methods = [
        VerificationMethod(id=one.method_id, controller=did, public_key_multibase=one.public_key_multibase)
        for one in held
    ]
    try:
        found = listed(await resolve(did), did, methods, now)
    except (Refused, RemoteUnavailable) as error:
        return Finding(subject, Verdict.WARNING, f"{error.detail} {_UNTIL_THEN}")
    renamed = [one.id for one, given in zip(methods, found, strict=True) if one.id != given.id]
    if renamed:
        sentence = f"The document of {did} lists the key of {renamed[0]} under another id."
        return Finding(subject, Verdict.WARNING, f"{sentence} {_UNTIL_THEN}")
    return good(subject, f"{did} lists every key that signs here")


async def _heads(conn: Connection, settings: Settings, log: LogName) -> str:
    head = await read.head(conn, log)
    end = head.position if head else 0
    disputed = await disputed_head(conn, log, settings.heads_path)
    if disputed is not None:
        now = f"ends at position {end}" if end < disputed.position else "has another history up to there"
        raise ForkedLog(
            f"The log was published up to position {disputed.position}, but now it {now}: it was restored to "
            f"an earlier point. Restore a later backup, or run `registry accept-restore {log}`."
        )
    return f"ends at position {end}, not behind what the world has seen"
