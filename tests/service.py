"""The whole service on loopback, in a thread of its own with its own event loop: what tests over HTTP speak to."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from projections.catalog import PROJECTIONS
from registry.app import Process, utc_now
from registry.commands.idempotency import system
from registry.dev import LOG
from registry.lifetime import Databases
from registry.log.append import open_log
from registry.log.connection import connect
from registry.settings import Settings, load
from registry.vault.master import MasterKeys
from registry.verifier.fetcher import Trust
from tests.servers import TestDatabase

_TIMES = ("connect_timeout_s", "command_timeout_s", "statement_timeout_s", "lock_timeout_s", "body_timeout_s")
PATIENT = dict.fromkeys((*_TIMES, "visibility_wait_s"), 60)
"""No test is about these times, and on two busy cores the service's own ones are sometimes not enough."""

_numbers = count(1)


@dataclass
class Service:
    """A running service, with an operator and an issuer of profile `vc2` that is ready to issue."""

    url: str
    metrics_url: str
    operator_key: str
    issuer_slug: str
    issuer_key: str
    database: TestDatabase
    settings: Settings
    session: aiohttp.ClientSession = field(init=False)

    def headers(self, key: str | None = None) -> dict[str, str]:
        """The issuer's Authorization, or that of *key*."""
        return {"Authorization": f"Bearer {key or self.issuer_key}"}

    async def ask(self, method: str, path: str, *, key: str | None = None, **how: Any) -> tuple[int, Any]:
        """Return status and JSON of one request; anonymous for an empty *key*."""
        headers = {**({} if key == "" else self.headers(key)), **how.pop("headers", {})}
        async with self.session.request(method, self.url + path, headers=headers, **how) as response:
            return response.status, await response.json(content_type=None)

    async def issuer(self, **fields: Any) -> tuple[str, str]:
        """Register another issuer; its slug and key."""
        slug = f"issuer-{next(_numbers)}"
        body = {"slug": slug, "name": slug.title(), "kind": "school", "jurisdiction": "US-CO", "did": "key", **fields}
        status, answer = await self.ask("POST", "/issuers", key=self.operator_key, json=body)
        assert status == 201, answer
        status, made = await self.ask("POST", f"/issuers/{slug}/api-keys", key=self.operator_key, json={"name": "test"})
        assert status == 201, made
        return slug, made["key"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def service_settings(home: Path, **changes: Any) -> Settings:
    """Settings of a service that publishes five times a second, and is patient with a slow machine."""
    quick: dict[str, Any] = {"tick_s": 0.2, "ttl_s": 2, "env": "test", "metrics_port": 0, "canonicaliser_workers": 1}
    return load(**{"home": home, "port": free_port(), **quick, **PATIENT, **changes})


@asynccontextmanager
async def running_service(
    database: TestDatabase, settings: Settings, *, trust: Trust | None = None
) -> AsyncIterator[Service]:
    """Open the logs, run the process, and make the keys."""
    MasterKeys.generate_file(settings.master_key_path)
    conn = await connect(database.owner)
    for log, origin in settings.origins.items():
        await open_log(conn, log, origin, utc_now())
    await conn.close()
    databases = Databases(database.writer, database.writer, database.writer, database.projector)
    async with Process(settings, databases, door=True, projecting=True, trust=trust).running() as process:
        assert process.keys is not None
        _, operator = await process.keys.create(system(LOG, "test"), None, name="test", scopes=None, expires=None)
        service = Service(
            f"http://127.0.0.1:{settings.port}",
            f"http://127.0.0.1:{process.metrics_port}",
            operator,
            "",
            "",
            database,
            settings,
        )
        async with aiohttp.ClientSession() as service.session:
            service.issuer_slug, service.issuer_key = await service.issuer()
            assert process.progress is not None
            for projection in PROJECTIONS:  # whichever test comes first finds a read side that answers
                await process.progress.reach(LOG, projection.name, 1, timeout_s=90)
            yield service


@contextmanager
def service_in_a_thread(opening: Any) -> Iterator[Service]:
    """Run the async context manager *opening* of a service in a thread until the block is left."""
    ready: list[Service | BaseException] = []
    is_ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def live() -> None:
        async with opening as service:
            ready.append(service)
            is_ready.set()
            await stop.wait()

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(live())
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
            ready.append(error)
        finally:
            is_ready.set()

    thread = threading.Thread(target=run, name="service", daemon=True)
    thread.start()
    is_ready.wait(100)
    if isinstance(ready[-1], BaseException):
        raise ready[-1]
    try:
        yield ready[-1]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive(), "the service did not stop"
        if isinstance(ready[-1], BaseException):
            raise ready[-1]
