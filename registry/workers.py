"""Runs `registry serve` as several processes: starts them, starts again what ends, and lets them leave in order.

One of them, the writer, sequences all logs and has no door; the workers share the ports and hand it their commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from registry.child import VERSION, Child, environment
from registry.errors import Unfit
from registry.http.access import warn
from registry.http.merging import merged
from registry.http.metrics import Metrics
from registry.lifetime import Databases, Lifetime, require_free
from registry.meeting_place import meeting_place
from registry.part import WRITER, Part
from registry.settings import Settings

PARENT: Final = "parent"
"""What we are called beside the parts, in metrics and in the log."""
STEADY_S: Final = 10.0
"""What works so long and then ends is started again at once."""
PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""Before what ended sooner is started again: doubled each time."""
HOPELESS: Final = 3
"""Failed starts in a row with no worker left, after which the whole ends with the reason."""
LEAVING_S: Final = 6.0
"""How long parts may take to leave beyond the times that are set for it."""


class Workers:
    """The parts of one service."""

    def __init__(self, settings: Settings, folder: Path, options: tuple[str, ...] = ()) -> None:
        self._settings = settings
        self._metrics = Metrics(version=VERSION)
        self.life = Lifetime(settings, Databases.of(settings), self._metrics)
        seen = environment(settings.workers)
        self._writer = Child(Part(WRITER, folder), seen, options)
        self._doors = [Child(Part(str(number), folder), seen, options) for number in range(settings.workers)]
        self._keeping: list[asyncio.Task[None]] = []
        self._is_leaving = False
        for one in (self._writer, *self._doors):
            self._metrics.worker_up.labels(one.part.name).set_function(partial(_works, one))
            self._metrics.worker_restarts.labels(one.part.name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Start all; yield the port of the metrics. When the block is left, let all leave in order.

        Raises what the first part that cannot start refuses with.
        """
        self.life.begin()
        async with self.life.stack:
            try:
                await self._writer.start()
                await _all(one.start() for one in self._doors)
                self._keeping = [asyncio.ensure_future(self._keep(one)) for one in (self._writer, *self._doors)]
                yield await self._open_metrics()
            finally:
                self._is_leaving = True
                await self._leave()

    # ── starting again ───────────────────────────────────────────────────────────────────────────────────────

    async def _keep(self, child: Child) -> None:
        """Start *child* again whenever it ends, each time saying why."""
        pause_s = 0.0
        while True:
            why = await child.ended()
            if self._is_leaving:
                return
            pause_s = 0.0 if child.has_worked_s >= STEADY_S else max(PAUSE_S, min(2 * pause_s, LONGEST_PAUSE_S))
            self._metrics.worker_restarts.labels(child.part.name).inc()
            warn(f"{child} ended and is started again{_after(pause_s)}: {why}")
            pause_s = await self._started_again(child, pause_s)

    async def _started_again(self, child: Child, pause_s: float) -> float:
        """Start *child*, as often as it takes; return the last pause. With no worker left, give up soon."""
        failures = 0
        while True:
            await asyncio.sleep(pause_s)
            try:
                await child.start()
            except Unfit as error:
                failures += 1
                if failures >= HOPELESS and not any(one.is_up for one in self._doors):
                    self.life.fail(error)
                    return pause_s
                pause_s = max(PAUSE_S, min(2 * pause_s, LONGEST_PAUSE_S))
                warn(f"{child} cannot start and is tried again{_after(pause_s)}: {error.detail}")
            else:
                return pause_s

    # ── leaving ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _leave(self) -> None:
        """Let the workers drain and leave, then the writer; end what takes too long."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        within_s = self._settings.drain_s + self._settings.shutdown_s + LEAVING_S
        await _gone(self._doors, within_s)
        await _gone([self._writer], LEAVING_S)

    # ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _open_metrics(self) -> int:
        """Serve all parts' metrics on one port; return it."""
        app = web.Application()
        app.router.add_get("/metrics", self._tell_metrics)
        served = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        settings = self._settings
        return await self.life.serve(served, settings.metrics_host, settings.metrics_port, "REGISTRY_METRICS_PORT")

    async def _tell_metrics(self, _: web.Request) -> web.Response:
        children = (self._writer, *self._doors)
        pages = await asyncio.gather(*(one.metrics() for one in children))
        ours = generate_latest(self._metrics.registry).decode()
        page = merged({PARENT: ours, **{one.part.name: page for one, page in zip(children, pages, strict=True)}})
        return web.Response(body=page.encode(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@asynccontextmanager
async def running(settings: Settings, options: tuple[str, ...] = ()) -> AsyncIterator[tuple[Workers, int]]:
    """Run *settings.workers* workers and a writer until the block is left; yield them and the metrics' port."""
    for host, port, name in _ports(settings):
        require_free(host, port, name)
    with meeting_place(settings.home, settings.workers) as folder:
        workers = Workers(settings, folder, options)
        async with workers.running() as port:
            yield workers, port


def _ports(settings: Settings) -> Iterator[tuple[str, int, str]]:
    """The ports that the workers will share."""
    yield settings.host, settings.port, "REGISTRY_PORT"
    if settings.dcc_port is not None:
        yield settings.dcc_host, settings.dcc_port, "REGISTRY_DCC_PORT"


async def _all(starts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; raise the first refusal."""
    for one in await asyncio.gather(*starts, return_exceptions=True):
        if one is not None:
            raise one


async def _gone(children: list[Child], within_s: float) -> None:
    """Ask *children* to leave; return when they have, or were ended."""
    for one in children:
        one.terminate()
    leaving = [asyncio.ensure_future(one.wait()) for one in children]
    await asyncio.wait(leaving, timeout=within_s)
    for one in children:
        one.kill()
    await asyncio.wait(leaving)


def _works(child: Child) -> float:
    return float(child.is_up)


def _after(pause_s: float) -> str:
    return f" in {pause_s:g} s" if pause_s else ""
