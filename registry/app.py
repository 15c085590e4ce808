"""The composition root: the only module that knows every room. It opens what a process needs, and closes it again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from time import monotonic
from uuid import uuid4

import asyncpg
from aiohttp import web

from projections import advance
from projections.catalog import PROJECTIONS
from projections.runner import Runner
from projections.status_lists.publish import Publisher, PublishSettings
from projections.status_lists.store import CHANNEL as PUBLISHED_CHANNEL
from projections.status_lists.store import prepare as prepare_published
from projections.status_lists.ticking import publish_for_ever
from projections.status_lists.view import PublishedLists
from registry import upkeep
from registry.commands.api_keys import KeyRing
from registry.commands.handle import Commands
from registry.commands.issue import Issuing
from registry.commands.keys import IssuerKeys
from registry.commands.list_sets import ListSetKeeper
from registry.doctor import load_master_keys
from registry.domain.names import LogName
from registry.errors import RegistryError, SettingsRefused, Unfit
from registry.http.drain import Drain
from registry.http.limits import Quota
from registry.http.metrics import Metrics, metrics_app, watch_loop
from registry.http.parts import Parts
from registry.http.progress import Progress
from registry.list_signer import list_signer
from registry.log import read
from registry.log.connection import LOST, Pool, Repeating, Timeouts, connect, pool, reason
from registry.log.lease import Lease
from registry.log.sequencer import Limits as QueueLimits
from registry.log.sequencer import Sequencer
from registry.remote import Remote, open_remote, own_cut_offs, own_documents
from registry.securing.canonicalise import Canonicaliser
from registry.securing.contexts import Contexts, load_contexts
from registry.securing.worker_process import WorkerLimits
from registry.settings import Settings
from registry.vault.api_keys import ApiKeys
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from registry.verifier.fetcher import Trust
from registry.verifying import verifier
from registry.wiring import (
    Observer,
    bound_views,
    did_of,
    door_limits,
    history_of,
    listeners,
    logs_by_host,
    readiness,
    securings_reader,
    stream_reader,
    until_listed,
    until_published,
    utc_now,
)

VERSION = version("credential-registry")
PRESENTED_NICENESS, PRESENTED_TIME = 10, 0.5
"""Of the workers that read what strangers present: they step back, and give up sooner than those of issuers."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Databases:
    """The DSNs of one database, by role and by what lies in between."""

    writer: str
    reader: str
    direct: str
    projector: str

    @classmethod
    def of(cls, settings: Settings) -> Databases:
        """Return the DSNs in *settings*; raise `SettingsRefused` when there are none."""
        given = settings.database_url or settings.projector_database_url
        if given is None:
            raise SettingsRefused(
                "REGISTRY_DATABASE_URL is not set. Name the database, or use `registry dev` for an embedded one."
            )
        writer = given.get_secret_value()
        other = (settings.read_database_url, settings.direct_database_url, settings.projector_database_url)
        reader, direct, projector = (one.get_secret_value() if one else writer for one in other)
        return cls(writer, reader, direct, projector)


@dataclass(frozen=True, slots=True)
class Opened:
    """A process that runs: what `registry dev` needs to set up its demo, and how it is stopped."""

    commands: Commands | None
    keys: KeyRing | None
    issuer_keys: IssuerKeys | None
    api_keys: ApiKeys | None
    lists: ListSetKeeper | None
    progress: Progress | None
    metrics_port: int


class Process:
    """One process of a deployment: it serves (`door`), projects, or both; `running` is its life.

    *trust* is what it believes of the internet; None: what everybody does.
    """

    def __init__(
        self,
        settings: Settings,
        databases: Databases,
        *,
        door: bool,
        projecting: bool,
        listening: bool = True,
        trust: Trust | None = None,
    ) -> None:
        self._settings = settings
        self._databases = databases
        self._door = door
        self._projecting = projecting
        self._listening = listening
        self._trust = trust
        self._remote: Remote | None = None
        self._timeouts = Timeouts(
            settings.connect_timeout_s,
            settings.command_timeout_s,
            settings.statement_timeout_s,
            settings.lock_timeout_s,
        )
        self._stack = AsyncExitStack()
        self._metrics = Metrics(version=VERSION)
        self._drain = Drain()
        self._wake_lists, self._wake_progress, self._wake_publisher = (asyncio.Event() for _ in range(3))
        self._failed: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Opened]:
        """Open everything, serve until the block is left, then drain and close everything.

        Raises `RegistryError` when something cannot be opened.
        """
        self._failed = asyncio.get_running_loop().create_future()
        async with self._stack:
            master = load_master_keys(self._settings)
            if self._projecting:
                await self._project(master)
            service = await self._serve(master) if self._door else Opened(None, None, None, None, None, None, 0)
            port = await self._open_metrics()
            self._background(watch_loop(self._metrics.loop_lag), "event loop lag")
            yield replace(service, metrics_port=port)
            self._drain.begin()
            if self._door and self._listening:
                await asyncio.sleep(self._settings.drain_s)

    async def failed(self) -> None:
        """Return never; raise `RegistryError` when the process cannot go on."""
        assert self._failed is not None, "the process runs"
        await asyncio.shield(self._failed)

    def fail(self, error: RegistryError) -> None:
        """Let `failed` raise *error*, unless something failed before."""
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)
            self._failed.exception()  # looked at: a process that leaves for another reason need not hear of it

    # ── the read side's upkeep ───────────────────────────────────────────────────────────────────────────

    async def _project(self, master: MasterKeys) -> None:
        """Project the logs and publish their lists; a lease lets one process of all lead."""
        settings, metrics = self._settings, self._metrics
        database = await self._pool(self._databases.projector, "projector", size=4)
        async with database.acquire() as conn:
            await prepare_published(conn)
        vault = Vault(Repeating(database), master, utc_now)
        projecting = Runner(self._databases.projector, PROJECTIONS)
        publisher = Publisher(
            database,
            list_signer(database, vault, utc_now, until_listed(database)),
            PublishSettings(
                settings.heads_path, settings.tick_s, int(settings.ttl_s), settings.validity_s, settings.resign_at
            ),
            clock=utc_now,
            observe_visible=lambda _log, seconds: metrics.revocation_visible.observe(seconds),
        )
        self._background(projecting.run(), "projecting")
        self._background(
            publish_for_ever(publisher, lambda: read.logs(database), tick_s=settings.tick_s, wake=self._wake_publisher),
            "publishing",
        )
        self._background(self._listen({advance.CHANNEL: self._wake_publisher}), "listening for the publisher")
        self._background(upkeep.tell_publishing(projecting, publisher, self._metrics), "publisher's metrics")

    # ── the write side and the door ──────────────────────────────────────────────────────────────────────

    async def _serve(self, master: MasterKeys) -> Opened:
        settings = self._settings
        origins = settings.origins
        reader = await self._pool(self._databases.reader, "reader", size=settings.pool_size)
        writer = await self._pool(self._databases.writer, "writer", size=4)
        vault = Vault(Repeating(writer), master, utc_now)
        api_keys = ApiKeys(Repeating(writer), vault, utc_now, env=settings.env)
        lists = PublishedLists(reader, max_bytes=settings.list_memory_bytes)
        self._stack.push_async_callback(upkeep.settled, lists)  # after its follower ended, before its pool is closed
        sequencers = {log: await self._sequencer(log) for log in origins}
        keeper = ListSetKeeper(sequencers, origins, vault, lists.published_of, clock=utc_now, size=settings.list_size)
        self._stack.push_async_callback(keeper.close)
        commands = Commands(
            sequencers, keeper, vault, clock=utc_now, did_of=did_of(origins), read_stream=stream_reader(reader)
        )
        contexts, views = load_contexts(settings.contexts), bound_views(reader)
        canonicaliser = await self._canonicaliser(contexts, settings.canonicaliser_workers)
        # Who presents is anonymous: what is hostile there must not hold up who issues.
        presented = await self._canonicaliser(
            contexts, settings.verifier_workers, time=PRESENTED_TIME, niceness=PRESENTED_NICENESS
        )
        cut_off_of = own_cut_offs(views, origins, utc_now)
        self._remote = await open_remote(
            self._stack,
            settings,
            self._metrics,
            own=own_documents(views, origins, utc_now),
            cut_off_of=cut_off_of,
            canonical_of=presented.canonicalise_all,
            clock=utc_now,
            trust=self._trust,
        )
        history = history_of(settings, reader, vault)
        verify = verifier(
            settings,
            self._metrics,
            canonical_of=presented.canonicalise_all,
            contexts=contexts,
            remote=self._remote,
            cut_off_of=cut_off_of,
            lists=lists,
            history=history,
            views=views,
            clock=utc_now,
        )
        issuing = Issuing(commands, vault, canonicaliser.canonicalise, until_published(views.method))
        keys = KeyRing(commands, api_keys)
        resolve = partial(self._remote.resolver.resolve, fresh=True)  # a delegation is proved by today's document
        issuer_keys = IssuerKeys(commands, resolve=resolve, read_securings=securings_reader(reader))
        progress = Progress()
        self._keep_up(reader, lists, progress, api_keys)
        parts = Parts(
            logs=logs_by_host(origins),
            commands=commands,
            issuing=issuing,
            keys=keys,
            issuer_keys=issuer_keys,
            check_key=api_keys.check,
            views=views,
            lists=lists,
            history=history,
            progress=progress,
            metrics=self._metrics,
            verifier=verify,
            canonical_of=presented.canonicalise,
            clock=utc_now,
            new_uuid=uuid4,
            checks=readiness(reader, origins),
            drain=self._drain,
            limits=door_limits(settings),
            writes=Quota("writes", settings.write_quota_per_s, settings.write_burst, monotonic),
            reads=Quota("reads", settings.read_quota_per_s, settings.read_burst, monotonic),
            verifications=Quota("verifications", settings.verify_quota_per_s, settings.verify_burst, monotonic),
            database_lost=LOST,
            version=VERSION,
        )
        for served, host, port, name in listeners(parts, settings):
            await self._listen_on(served, host, port, name)
        return Opened(commands, keys, issuer_keys, api_keys, keeper, progress, 0)

    def _keep_up(self, reader: Pool, lists: PublishedLists, progress: Progress, api_keys: ApiKeys) -> None:
        """Start what keeps this process's picture of the read side fresh."""
        wakes = {PUBLISHED_CHANNEL: self._wake_lists, advance.CHANNEL: self._wake_progress}
        self._background(self._listen(wakes), "listening")
        self._background(lists.follow(self._wake_lists), "following published lists")
        self._background(
            upkeep.follow_progress(reader, progress, self._settings.origins, self._wake_progress),
            "following projections",
        )
        self._background(upkeep.flush_last_used(api_keys), "noting API keys' use")
        self._background(upkeep.tell_logs(reader, self._metrics, self._settings.origins), "log's metrics")

    async def _canonicaliser(
        self, contexts: Contexts, workers: int, *, time: float = 1, niceness: int = 0
    ) -> Canonicaliser:
        limits = WorkerLimits(time_limit_s=self._settings.canonicalise_timeout_s * time, niceness=niceness)
        opened = Canonicaliser(contexts, workers=workers or None, limits=limits)
        await opened.start()
        self._stack.push_async_callback(opened.close)
        return opened

    async def _sequencer(self, log: LogName) -> Sequencer:
        settings = self._settings

        async def direct() -> asyncpg.Connection[asyncpg.Record]:
            return await connect(self._databases.direct, self._timeouts)

        async def to_write() -> asyncpg.Connection[asyncpg.Record]:
            return await connect(
                self._databases.writer, self._timeouts, statement_cache_size=settings.statement_cache_size
            )

        sequencer = Sequencer(
            log,
            to_write,
            Lease(log, direct),
            clock=utc_now,
            observer=Observer(self._metrics),
            limits=QueueLimits(waiting=settings.queue_size),
        )
        self._background(sequencer.run(), f"sequencing {log}")
        return sequencer

    # ── connections, sockets, tasks ──────────────────────────────────────────────────────────────────────

    async def _pool(self, dsn: str, name: str, *, size: int) -> Pool:
        opened = await pool(dsn, self._timeouts, size=size, statement_cache_size=self._settings.statement_cache_size)
        self._stack.callback(opened.terminate)
        gauge = self._metrics.pool
        gauge.labels(name, "open").set_function(opened.get_size)
        gauge.labels(name, "idle").set_function(opened.get_idle_size)
        return opened

    async def _listen(self, wakes: Mapping[str, asyncio.Event]) -> None:
        """Set an event on each notification of its channel; a lost connection is replaced, polling covers the gap."""
        while True:
            with suppress(*upkeep.PASSING):
                conn = await connect(self._databases.direct, self._timeouts)
                try:
                    closed = asyncio.Event()
                    conn.add_termination_listener(lambda _conn, closed=closed: closed.set())
                    for channel, wake in wakes.items():
                        await conn.add_listener(channel, lambda *_, wake=wake: wake.set())
                    await closed.wait()
                finally:
                    conn.terminate()
            await asyncio.sleep(1)

    async def _open_metrics(self) -> int:
        settings = self._settings
        app = metrics_app(self._metrics.registry)
        metrics = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        return await self._listen_on(metrics, settings.metrics_host, settings.metrics_port, "REGISTRY_METRICS_PORT")

    async def _listen_on(self, served: web.AppRunner, host: str, port: int, name: str) -> int:
        if not self._listening:
            return 0
        await served.setup()
        self._stack.push_async_callback(served.cleanup)
        try:
            site = web.TCPSite(served, host, port, reuse_address=True)
            await site.start()
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno else reason(error)
            raise SettingsRefused(f"{host}:{port} cannot be listened on ({why}); choose another {name}.") from error
        return int(served.addresses[0][1])

    def _background(self, work: Awaitable[None], name: str) -> None:
        """Run *work* until the process ends; if it dies before, so does the process."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: self._note_end(done, name))
        self._stack.push_async_callback(_cancelled, task)

    def _note_end(self, task: asyncio.Future[None], name: str) -> None:
        if task.cancelled() or self._failed is None or self._failed.done():
            return
        error = task.exception()
        if isinstance(error, RegistryError):
            self.fail(error)
            return
        _log.critical("%s ended; the process stops", name, exc_info=error)
        why = f": {reason(error)}" if error else ""
        self.fail(Unfit(f"A background task, {name}, ended{why}. The process stops; start it again."))


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await task
