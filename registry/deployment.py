"""What an operator does to a deployment from the command line; each function is one command's work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from shlex import quote
from typing import TypeVar

import asyncpg
from pydantic import SecretStr

from projections import generations
from projections.catalog import PROJECTIONS
from projections.rebuild import Rebuilt, rebuild_together
from projections.status_lists.frontier import disputed_head
from projections.status_lists.store import prepare as prepare_published
from registry import doctor, embedded, file_publishing, origins
from registry.app import Process
from registry.commands.api_keys import KeyRing
from registry.commands.idempotency import system
from registry.commands.restore import record_restore
from registry.doctor import Finding, Verdict
from registry.domain.commands import AcceptRestore
from registry.domain.events import StatusListSetOpened
from registry.domain.names import LOG_STREAM, IssuerId, LogName, log_name
from registry.errors import DatabaseUnavailable, NotYetVisible, RegistryError, SettingsRefused, Unfit
from registry.lifetime import Databases
from registry.log import migrate as migrating
from registry.log import read
from registry.log.append import open_log
from registry.log.connection import LOST, Connection, connect, pool, reason
from registry.log.verify import verify as verify_log
from registry.remote import open_resolver
from registry.settings import Settings
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from registry.wiring import utc_now

Say = Callable[[str], None]
Told = Callable[[int, int], None]
T = TypeVar("T")

EMBEDDED_DATABASE = "registry"
"""The database in an embedded PostgreSQL."""


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what PostgreSQL or the disk refuses in this block as a sentence."""
    try:
        yield
    except RegistryError:
        raise
    except OSError as error:
        if error.filename is not None:
            raise Unfit(f"{error.filename}: {(error.strerror or str(error)).lower()}.") from error
        raise DatabaseUnavailable(f"PostgreSQL cannot be reached: {reason(error)}.") from error
    except (*LOST, asyncpg.PostgresError) as error:
        raise Unfit(f"PostgreSQL refused: {reason(error)}.") from error


def with_embedded(settings: Settings, server: embedded.Embedded) -> Settings:
    """Return *settings* that name the database in *server*, role by role."""
    writer, projector, owner = (
        SecretStr(server.dsn(user=f"registry_{role}", database=EMBEDDED_DATABASE))
        for role in ("writer", "projector", "owner")
    )
    named = {"database_url": writer, "projector_database_url": projector, "owner_database_url": owner}
    env = {} if "env" in settings.model_fields_set else {"env": "dev"}  # whose keys `registry dev` takes
    return settings.model_copy(update={**named, **env})


@asynccontextmanager
async def attached(settings: Settings) -> AsyncIterator[Settings]:
    """Yield *settings* that name a database: as they are, or the embedded one that `registry dev` left in the home.

    That one is started for as long as the block lasts, unless it runs already. What PostgreSQL or the disk refuses
    in the block is raised as a sentence.
    """
    named = (settings.database_url, settings.projector_database_url, settings.owner_database_url)
    with refusals():
        if any(named) or not (settings.home / "pg" / "data").is_dir():
            yield settings
            return
        async with embedded.running(settings.home, bindir=settings.pg_bindir) as server:
            yield with_embedded(settings, server)


def _dsn(secret: SecretStr | None, name: str) -> str:
    if secret is None:
        raise SettingsRefused(f"{name} is not set; name the database. (`registry dev` has one of its own in its home.)")
    return secret.get_secret_value()


def _owner(settings: Settings) -> str:
    return _dsn(settings.owner_database_url, "REGISTRY_OWNER_DATABASE_URL")


def _writer(settings: Settings) -> str:
    return _dsn(settings.database_url, "REGISTRY_DATABASE_URL")


def _projector(settings: Settings) -> str:
    return _dsn(settings.projector_database_url or settings.database_url, "REGISTRY_PROJECTOR_DATABASE_URL")


async def _on(dsn: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Return what *work* makes of a connection to *dsn*."""
    conn = await connect(dsn)
    try:
        return await work(conn)
    finally:
        await conn.close()


async def examine(settings: Settings) -> list[Finding]:
    """Return everything there is to say about the deployment."""
    async with attached(settings) as settings:
        findings = await doctor.examine(settings, _writer(settings))
        if any(one.verdict is Verdict.REFUSED for one in findings):
            return findings
        return [*findings, *await _on(_writer(settings), lambda conn: _running(conn, settings))]


async def _running(conn: Connection, settings: Settings) -> list[Finding]:
    """What only a deployment that runs can be asked: a start of one process says nothing about the others."""
    projecting = [await doctor.projecting(conn, log, utc_now()) for log in settings.origins]
    return [*projecting, *await _delegations(conn, settings)]


async def _delegations(conn: Connection, settings: Settings) -> list[Finding]:
    """Ask the documents of the DIDs that are controlled elsewhere; a start asks nobody, only `registry doctor` does."""
    if not settings.fetch:
        return []
    async with AsyncExitStack() as stack:
        _, resolver = await open_resolver(stack, settings, own=_nothing, cut_off_of=_nothing, clock=utc_now)
        with suppress(NotYetVisible):  # no directory yet, so nobody who delegated
            return [
                finding
                for log in settings.origins
                for finding in await doctor.delegations(conn, log, resolver.resolve, utc_now())
            ]
    return []


async def _nothing(_name: str) -> None:
    """Know nothing: everything is asked elsewhere."""


async def require_fit(settings: Settings, *, writing: bool) -> list[Finding]:
    """Return the warnings; raise `Unfit` for what forbids a start of a process that serves, or projects."""
    dsn = _writer(settings) if writing else _projector(settings)
    return doctor.require_fit(await doctor.examine(settings, dsn, writing=writing))


async def migrate(settings: Settings) -> list[str]:
    """Apply the migrations that are missing; return their names."""
    async with attached(settings) as settings:
        return await migrating.migrate(_owner(settings), lock_timeout_s=settings.lock_timeout_s)


async def init(settings: Settings, say: Say, *, superuser_dsn: str | None, database: str, operator: str | None) -> None:
    """Set the deployment up, telling each step; safe to repeat."""
    with refusals():
        await _init(settings, say, superuser_dsn, database, operator)


async def _init(settings: Settings, say: Say, superuser_dsn: str | None, database: str, operator: str | None) -> None:
    owner = _owner(settings)
    if operator is not None:
        _writer(settings)  # its absence is better told before anything is done
    if superuser_dsn is not None:
        await embedded.ensure_roles_and_database(superuser_dsn, database)
        say(f"roles and database {database}: there")
    applied = await migrating.migrate(owner, lock_timeout_s=settings.lock_timeout_s)
    say(f"migrations: {', '.join(applied) or 'up to date'}")
    if settings.master_keys is None and not settings.master_key_path.exists():
        MasterKeys.generate_file(settings.master_key_path)
        say(f"master key made: {settings.master_key_path}; keep a copy where the database's backups are not")

    async def open_logs(conn: Connection) -> None:
        for log, origin in settings.origins.items():
            if await open_log(conn, log, origin, utc_now()):
                say(f"log {log}: opened for {origin}")
            else:
                recorded = origins.opened_for(await read.stream(conn, log, LOG_STREAM))
                say(f"log {log}: there; its origin is {origins.told(recorded, origin)}")
            if unset := origins.unset(settings, log):
                say(f"warning: {unset}")

    await _on(owner, open_logs)
    if operator is not None:
        await _operator_key(settings, operator, say)


async def _operator_key(settings: Settings, name: str, say: Say) -> None:
    quiet = settings.model_copy(update={"metrics_port": 0})
    process = Process(quiet, Databases.of(settings), door=True, projecting=False, listening=False)
    async with process.running() as service:
        assert service.keys is not None, "the process has a write side"
        for log in settings.origins:
            if live := await _live_keys(service.keys, log, name):
                say(f"operator key for {log}: {name} has one, {' and '.join(live)}, shown when it was made")
                say(f"if it is lost: {_keys_command('revoke', live[0], log)}, then {_keys_command('make', name, log)}")
                continue
            _, text = await service.keys.create(system(log, "init"), None, name=name, scopes=None, expires=None)
            say(f"operator key for {log}, shown this once: {text}")


def _keys_command(verb: str, argument: str, log: LogName) -> str:
    where = "" if log == "main" else f" --log {log}"
    return f"`registry operator-keys {verb} {quote(argument)}{where}`"


async def _live_keys(keys: KeyRing, log: LogName, operator: str) -> list[str]:
    """Return the ids of the keys by which *operator* may operate *log* now."""
    there = [one.facts for one in await keys.list(log, None)]
    return [one.created.key_id for one in there if one.created.name == operator and one.is_live(utc_now())]


async def rebuild(settings: Settings, names: Sequence[str], told: Told, *, accept_difference: bool) -> list[Rebuilt]:
    """Rebuild the named projections, or all; return what became of each."""
    known = {one.name: one for one in PROJECTIONS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsRefused(f"There is no projection {unknown[0]!r}; there are {', '.join(known)}.")
    wanted = [known[name] for name in names] or list(PROJECTIONS)
    async with attached(settings) as settings:
        dsn = _projector(settings)
        await _on(dsn, migrating.check)
        return await rebuild_together(dsn, wanted, progress=told, accept_difference=accept_difference)


async def verify(settings: Settings, name: str | None, told: Told) -> dict[LogName, read.Head]:
    """Return the verified head of every log, or of the one named; raise `BrokenLog`."""

    async def work(conn: Connection) -> dict[LogName, read.Head]:
        logs = [log_name(name)] if name else await read.logs(conn)
        return {log: await verify_log(conn, log, told) for log in logs}

    async with attached(settings) as settings:
        return await _on(_writer(settings), work)


async def accept_restore(settings: Settings, name: str, agree: Callable[[str], None]) -> str:
    """Record that *name* goes on from an earlier point than it had published; say what was done.

    If there is anything to accept, *agree* is told what that means, and raises if nobody wants it.
    """
    log = log_name(name)
    async with attached(settings) as settings:
        await _on(_projector(settings), _prepare)
        return await _accept_restore(settings, log, agree)


async def _prepare(conn: Connection) -> None:
    """Make the read side's tables: the restored point may lie before the first projection."""
    await prepare_published(conn)
    await generations.prepare(conn)


async def _accept_restore(settings: Settings, log: LogName, agree: Callable[[str], None]) -> str:
    published = await _on(_writer(settings), lambda conn: disputed_head(conn, log, settings.heads_path))
    if published is None:
        return f"{log} continues what was published; nothing to accept."
    head = await _on(_writer(settings), lambda conn: read.head(conn, log))
    if head is None:
        raise SettingsRefused(f"The log {log!r} is not opened here.")
    agree(
        f"{log} was published up to position {published.position}, and ends at {head.position} now. What is missing is "
        "lost for ever, and all open status list sets are closed. `registry serve` must not run."
    )
    quiet = settings.model_copy(update={"metrics_port": 0})
    process = Process(quiet, Databases.of(settings), door=True, projecting=False, listening=False)
    async with process.running() as service:
        assert service.commands is not None, "the process has a write side"
        opened = await _on(_writer(settings), lambda conn: read.of_type(conn, log, "StatusListSetOpened"))
        issuers = {one.event.issuer_id for one in opened if isinstance(one.event, StatusListSetOpened)}
        accepted = AcceptRestore(utc_now(), published.position, published.hash.hex(), head.position)
        closed = await record_restore(service.commands, log, accepted, [IssuerId(one) for one in issuers])
    return (
        f"{log} goes on from position {head.position} ({published.position} was published); "
        f"{closed} open status list sets were closed. Publishing resumes by itself."
    )


async def publish_files(settings: Settings, told: Told, *, repairing: bool) -> file_publishing.Report:
    """Compare every published file, and write what differs if *repairing*."""
    async with attached(settings) as settings:
        return await file_publishing.compare(settings, _projector(settings), told, repairing=repairing)


async def rewrap(settings: Settings, told: Told) -> int:
    """Wrap every secret anew under the first master key; return how many were."""
    async with attached(settings) as settings:
        opened = await pool(_writer(settings), size=2)
        try:
            return await Vault(opened, doctor.load_master_keys(settings), utc_now).rewrap(told)
        finally:
            await opened.close()
