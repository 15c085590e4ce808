"""The composition root: the only module that knows every room. It opens what a process needs, and closes it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from time import monotonic
from uuid import uuid4

from aiohttp import web

from projections import advance
from projections.catalog import PROJECTIONS
from projections.credential_status.projector import CREDENTIAL_STATUS
from projections.runner import Runner
from projections.status_lists.history import History
from projections.status_lists.publish import Publisher, PublishSettings
from projections.status_lists.store import CHANNEL as PUBLISHED_CHANNEL
from projections.status_lists.store import prepare as prepare_published
from projections.status_lists.ticking import publish_for_ever
from projections.status_lists.view import PublishedLists
from registry import upkeep
from registry.commands.api_keys import KeyRing
from registry.commands.batches import Batches
from registry.commands.handle import Commands
from registry.commands.issue import Issuing
from registry.commands.keys import IssuerKeys
from registry.commands.list_sets import ListSetKeeper
from registry.doctor import load_master_keys
from registry.file_publishing import keep_files
from registry.http.drain import Drain
from registry.http.limits import Quota
from registry.http.metrics import Metrics, metrics_app, watch_loop
from registry.http.parts import Parts, Views
from registry.http.progress import Progress
from registry.lifetime import Databases, Lifetime
from registry.list_signer import list_signer
from registry.log import read
from registry.log.connection import LOST, Pool, Repeating
from registry.log.outage import Outage
from registry.part import Part
from registry.remote import Remote, open_remote, own_cut_offs, own_documents
from registry.securing.canonicalise import Canonicaliser
from registry.securing.contexts import Contexts, load_contexts
from registry.securing.worker_process import WorkerLimits
from registry.sequencing import WriteSide
from registry.settings import Settings
from registry.vault.api_keys import ApiKeys
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from registry.verifier.fetcher import Trust
from registry.verifier.verifier import Verifier
from registry.verifying import verifier
from registry.wiring import (
    bound_views,
    door_limits,
    history_of,
    kept_reader,
    listeners,
    logs_by_host,
    readiness,
    registrations_reader,
    securings_reader,
    until_listed,
    until_published,
    utc_now,
)

VERSION = version("credential-registry")
PRESENTED_NICENESS, PRESENTED_TIME = 10, 0.5
"""Of the workers that read what strangers present: they step back, and give up sooner than those of issuers."""
LEAVING_S = 3
"""How long the part that sequences stays for the others beyond their own time for leaving."""


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

    *trust* is what it believes of the internet; None: what everybody does. *part* is which of several processes that
    serve together it is; None: it is alone, and sequences the logs itself.
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
        part: Part | None = None,
    ) -> None:
        self._settings = settings
        self._databases = databases
        self._door = door
        self._projecting = projecting
        self._listening = listening
        self._trust = trust
        self._part = part
        self._metrics = Metrics(version=VERSION)
        self._drain = Drain()
        self._outage = Outage()
        self._wake_lists, self._wake_progress, self._wake_publisher = (asyncio.Event() for _ in range(3))
        self.life = Lifetime(settings, databases, self._metrics)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Opened]:
        """Open everything, serve until the block is left, then drain and close everything.

        Raises `RegistryError` when something cannot be opened.
        """
        self.life.begin()
        async with self.life.stack:
            master = load_master_keys(self._settings)
            if self._projecting:
                await self._project(master)
            opened = Opened(None, None, None, None, None, None, 0)
            if self._part is not None and self._part.is_writer:
                await self._sequence(master)
            elif self._door:
                opened = await self._serve(master)
            port = await self._open_metrics()
            self.life.background(watch_loop(self._metrics.loop_lag), "event loop lag")
            yield replace(opened, metrics_port=port)
            self._drain.begin()
            if self._door and self._listening:
                await asyncio.sleep(self._settings.drain_s)

    # ── the read side's upkeep ───────────────────────────────────────────────────────────────────────────

    async def _project(self, master: MasterKeys) -> None:
        """Project the logs and publish their lists; a lease lets one process of all lead."""
        settings, metrics = self._settings, self._metrics
        database = await self.life.pool(self._databases.projector, "projector", size=4)
        async with database.acquire() as conn:
            await prepare_published(conn)
        vault = Vault(Repeating(database), master, utc_now)
        projecting = Runner(self._databases.projector, PROJECTIONS, outage=self._outage)
        publisher = Publisher(
            database,
            list_signer(database, vault, utc_now, until_listed(database)),
            PublishSettings(
                settings.heads_path, settings.tick_s, int(settings.ttl_s), settings.validity_s, settings.resign_at
            ),
            clock=utc_now,
            observe_visible=lambda _log, seconds: metrics.revocation_visible.observe(seconds),
            observe_batch=lambda _log, seconds: metrics.publish_seconds.observe(seconds),
        )
        self.life.background(projecting.run(), "projecting")
        self.life.background(
            publish_for_ever(
                publisher,
                lambda: read.logs(database),
                tick_s=settings.tick_s,
                wake=self._wake_publisher,
                outage=self._outage,
            ),
            "publishing",
        )
        wake_files = asyncio.Event()
        keep_files(self.life, settings, database, metrics, projecting, wake_files)
        wakes = {advance.CHANNEL: self._wake_publisher, PUBLISHED_CHANNEL: wake_files}
        self.life.background(self.life.hear(wakes), "listening for the publisher")
        self.life.background(upkeep.tell_publishing(projecting, publisher, self._metrics), "publisher's metrics")

    # ── the write side and the door ──────────────────────────────────────────────────────────────────────

    async def _serve(self, master: MasterKeys) -> Opened:
        settings, origins = self._settings, self._settings.origins
        reader = await self.life.pool(self._databases.reader, "reader", size=settings.pool_size)
        writer = await self.life.pool(self._databases.writer, "writer", size=4)
        vault = Vault(Repeating(writer), master, utc_now)
        api_keys = ApiKeys(Repeating(writer), vault, utc_now, env=settings.env)
        lists = PublishedLists(reader, max_bytes=settings.list_memory_bytes)
        self.life.stack.push_async_callback(upkeep.settled, lists)  # after its follower ended, before its pool closes
        commands, keeper = self._write_side(WriteSide(self.life, settings, self._metrics, reader, vault), lists)
        contexts = load_contexts(settings.contexts)
        canonicaliser = await self._canonicaliser(contexts, settings.canonicaliser_workers)
        # Who presents is anonymous: what is hostile there must not hold up who issues.
        presented = await self._canonicaliser(
            contexts, settings.verifier_workers, time=PRESENTED_TIME, niceness=PRESENTED_NICENESS
        )
        views, history = bound_views(reader), history_of(settings, reader, vault)
        progress = Progress()
        remote, verify = await self._verifier(presented, contexts, lists, history, views, progress)
        resolve = partial(remote.resolver.resolve, fresh=True)  # a delegation is proved by today's document
        keys = KeyRing(commands, api_keys)
        issuer_keys = IssuerKeys(commands, resolve=resolve, read_securings=securings_reader(reader))
        self._keep_up(reader, lists, progress, api_keys)
        parts = Parts(
            logs=logs_by_host(origins),
            commands=commands,
            issuing=Issuing(commands, vault, canonicaliser.canonicalise, until_published(views.method)),
            batches=Batches(commands, kept_reader(reader), registrations_reader(reader), utc_now),
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
        if self._listening:
            for served, host, port, name in listeners(parts, settings):
                await self.life.serve(served, host, port, name, is_shared=self._part is not None)
        return Opened(commands, keys, issuer_keys, api_keys, keeper, progress, 0)

    def _write_side(self, opening: WriteSide, lists: PublishedLists) -> tuple[Commands, ListSetKeeper | None]:
        """Open what decides and appends, here or in the part that does it for all."""
        return opening.sequenced(lists) if self._part is None else (opening.handed_over(self._part), None)

    async def _sequence(self, master: MasterKeys) -> None:
        """Sequence the logs for the other parts of the service, until they have left."""
        settings, part = self._settings, self._part
        assert part is not None, "only a part of several sequences without a door"
        reader = await self.life.pool(self._databases.reader, "reader", size=2)
        writer = await self.life.pool(self._databases.writer, "writer", size=2)
        vault = Vault(Repeating(writer), master, utc_now)
        lists = PublishedLists(reader, max_bytes=settings.list_memory_bytes)
        write_side = WriteSide(self.life, settings, self._metrics, reader, vault)
        commands, _ = write_side.sequenced(lists)
        taking = await write_side.taking(commands, part)
        within_s = settings.drain_s + settings.shutdown_s + LEAVING_S
        self.life.stack.push_async_callback(taking.until_left, within_s)
        self.life.background(upkeep.tell_logs(reader, self._metrics, settings.origins, self._outage), "log's metrics")

    async def _verifier(
        self,
        presented: Canonicaliser,
        contexts: Contexts,
        lists: PublishedLists,
        history: History | None,
        views: Views,
        progress: Progress,
    ) -> tuple[Remote, Verifier]:
        """Open what verifies, and what it asks elsewhere."""
        cut_off_of = own_cut_offs(views, self._settings.origins, utc_now)
        remote = await open_remote(
            self.life.stack,
            self._settings,
            self._metrics,
            own=own_documents(views, self._settings.origins, utc_now),
            cut_off_of=cut_off_of,
            canonical_of=presented.canonicalise_all,
            clock=utc_now,
            trust=self._trust,
        )
        return remote, verifier(
            self._settings,
            self._metrics,
            canonical_of=presented.canonicalise_all,
            contexts=contexts,
            remote=remote,
            cut_off_of=cut_off_of,
            lists=lists,
            history=history,
            views=views,
            recorded_until=lambda log: progress.as_of(log, CREDENTIAL_STATUS.name).time,
            clock=utc_now,
        )

    def _keep_up(self, reader: Pool, lists: PublishedLists, progress: Progress, api_keys: ApiKeys) -> None:
        """Start what keeps this process's picture of the read side fresh."""
        wakes = {PUBLISHED_CHANNEL: self._wake_lists, advance.CHANNEL: self._wake_progress}
        self.life.background(self.life.hear(wakes), "listening")
        self.life.background(lists.follow(self._wake_lists), "following published lists")
        self.life.background(
            upkeep.follow_progress(reader, progress, self._settings.origins, self._wake_progress, self._outage),
            "following projections",
        )
        self.life.background(upkeep.flush_last_used(api_keys), "noting API keys' use")
        if self._part is None:
            self.life.background(
                upkeep.tell_logs(reader, self._metrics, self._settings.origins, self._outage), "log's metrics"
            )

    async def _canonicaliser(
        self, contexts: Contexts, workers: int, *, time: float = 1, niceness: int = 0
    ) -> Canonicaliser:
        limits = WorkerLimits(time_limit_s=self._settings.canonicalise_timeout_s * time, niceness=niceness)
        opened = Canonicaliser(contexts, workers=workers or None, limits=limits)
        await opened.start()
        self.life.stack.push_async_callback(opened.close)
        return opened

    async def _open_metrics(self) -> int:
        """Return the port that metrics are served on; 0: nothing is listened on."""
        if not self._listening:
            return 0
        settings = self._settings
        app = metrics_app(self._metrics.registry)
        served = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        if self._part is not None:  # who runs all parts gathers what they tell
            await self.life.serve_at(served, self._part.metrics)
            return 0
        return await self.life.serve(served, settings.metrics_host, settings.metrics_port, "REGISTRY_METRICS_PORT")
