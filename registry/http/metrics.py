"""What the process counts, and the page that Prometheus reads; base units, and no label per list or credential.

One registry per process, on a port of its own. The other rooms are handed the callables they need by `registry.app`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from registry.http.tallies import Lookups, Requests, Route

_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_VISIBLE_S = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 900)
_BATCH = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Every metric of the process, by the names that the alerts know."""

    def __init__(self, *, version: str, registry: CollectorRegistry | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for every counter, which nobody reads
        self.registry = registry if registry is not None else CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._of_requests()
        self._of_the_log()
        self._of_projections()
        self._of_lists()
        self._of_elsewhere()
        self._of_workers()
        info = self._gauge("registry_build_info", "Which version runs here.", "version")
        info.labels(version).set(1)

    def _of_requests(self) -> None:
        self._requests = Requests(_FAST_S, self.registry)
        self.auth_failures = self._counter("registry_auth_failures", "Requests whose key did not hold.", "reason")
        self.lookup_seconds = Lookups(("credential", "batch", "lists"), _FAST_S, self.registry).seconds
        self.cache_requests = self._counter("registry_cache_requests", "Uses of a cache.", "cache", "result")
        self.verifications = self._counter(
            "registry_verifications", "Documents verified; refused: malformed or badly signed.", "verdict"
        )
        self.verification_seconds = self._histogram(
            "registry_verification_step_duration_seconds", "One group of steps of a verification.", _FAST_S, "step"
        )
        self.loop_lag = self._gauge("registry_event_loop_lag_seconds", "How late the event loop last woke up.")
        self.pool = self._gauge("registry_db_pool_connections", "Connections of a pool.", "pool", "state")

    def _of_the_log(self) -> None:
        self.append_seconds = self._histogram(
            "registry_append_duration_seconds", "Appending one batch.", _FAST_S, "outcome"
        )
        self.append_batch = self._histogram("registry_append_batch_events", "Events committed together.", _BATCH)
        self.append_rejected = self._counter("registry_append_rejected", "Commands that were refused.", "reason")
        self.replays = self._counter("registry_idempotent_replays", "Repeated requests given their first answer.")
        self.log_head = self._gauge("registry_log_head_position", "Position of the log's last event.", "log")

    def _of_projections(self) -> None:
        labels = ("projection", "log")
        self.projection_position = self._gauge(
            "registry_projection_position", "Position a projection has reached.", *labels
        )
        self.projection_lag = self._gauge("registry_projection_lag_events", "Events not projected yet.", *labels)
        self.projection_lag_seconds = self._gauge(
            "registry_projection_lag_seconds", "Age of the oldest event not projected yet.", *labels
        )
        self.projecting = self._gauge("registry_projecting", "1 in the process that projects; 0 in those standing by.")
        self.projection_errors = self._counter(
            "registry_projection_errors", "Batches that failed and were tried again.", "projection"
        )

    def _of_lists(self) -> None:
        self.lists_dirty = self._gauge("registry_status_lists_dirty", "Lists with changes not published yet.")
        self.oldest_pending = self._gauge(
            "registry_status_list_oldest_pending_seconds", "Age of the oldest change not published yet."
        )
        self.publishing_halted = self._gauge(
            "registry_publishing_halted", "1 while nothing of the log is published, for it was restored; else 0.", "log"
        )
        self.publish_seconds = self._histogram(
            "registry_status_list_publish_duration_seconds", "Publishing one batch of lists.", _FAST_S
        )
        self.valid_until = self._gauge(
            "registry_status_list_valid_until_seconds", "Unix time at which the first published list expires."
        )
        self.revocation_visible = self._histogram(
            "registry_revocation_visible_seconds", "From a status change to its publication.", _VISIBLE_S
        )

        self.files_written = self._counter("registry_files_written", "Files of lists written.")
        self.files_repaired = self._counter("registry_files_repaired", "Lists whose files were not as written.")
        self.files_failures = self._counter("registry_files_failures", "Failed attempts to publish files.")
        self.files_pending = self._gauge("registry_files_pending", "Lists whose files are not up to date.")
        self.files_oldest_pending = self._gauge(
            "registry_files_oldest_pending_seconds", "Age of the oldest publication that is not in the files yet."
        )

    def _of_elsewhere(self) -> None:
        self._fetches = self._counter("registry_remote_fetches", "Documents asked for elsewhere.", "outcome")
        self._fetch_seconds = self._histogram(
            "registry_remote_fetch_duration_seconds", "From asking elsewhere to the last byte, or the refusal.", _FAST_S
        )

    def _of_workers(self) -> None:
        self.worker_up = self._gauge("registry_worker_up", "1 while a part of `serve --workers` works.", "worker")
        self.worker_restarts = self._counter(
            "registry_worker_restarts", "Times that a part of `serve --workers` ended and was started again.", "worker"
        )

    def fetched(self, outcome: str, seconds: float) -> None:
        """Count one document that was asked for elsewhere: `fetched`, or what came in between."""
        self._fetches.labels(outcome).inc()
        self._fetch_seconds.observe(seconds)

    def route(self, template: str) -> Route:
        """Return the counters of one route, named by its template."""
        return self._requests.route(template)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


def metrics_app(registry: CollectorRegistry) -> web.Application:
    """Return the application of the metrics port: GET /metrics, and nothing else."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


async def watch_loop(lag: Gauge, *, every_s: float = 1, clock: Callable[[], float] = time.monotonic) -> None:
    """Keep telling how late the event loop wakes up; runs until cancelled."""
    while True:
        before = clock()
        await asyncio.sleep(every_s)
        lag.set(max(0.0, clock() - before - every_s))
