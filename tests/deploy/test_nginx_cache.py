"""nginx as a cache in front: one request for many, stale only within the validity that is told, no refusals."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.deploy.nginx import cache_server, free_port, nginx, running_nginx
from tests.servers import TestDatabase
from tests.service import running_service, service_settings

pytestmark = pytest.mark.slow

LIST = "/status-lists/00000000-0000-4000-8000-000000000001"


@dataclass
class Upstream:
    """What the service would say, made up; it counts who asks."""

    port: int
    url: str = ""
    status: int = 200
    body: bytes = b"the list"
    stale_s: int = 60
    takes_s: float = 0
    asked: list[tuple[str, str, CIMultiDict[str]]] = field(default_factory=list)
    runner: web.AppRunner | None = None
    session: aiohttp.ClientSession = field(init=False)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        assert self.runner is not None
        await self.runner.cleanup()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path_qs, CIMultiDict(request.headers)))
        await asyncio.sleep(self.takes_s)
        if self.status != 200:
            return web.json_response({"status": self.status}, status=self.status, headers={"Cache-Control": "no-store"})
        headers = {
            "Content-Type": "application/vc", "ETag": f'"{self.body.hex()}"', "Vary": "Accept, Accept-Encoding",
            "Cache-Control": f"public, max-age=60, stale-while-revalidate=1, stale-if-error={self.stale_s}",
        }  # fmt: skip
        body = self.body
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        return web.Response(body=body, headers=headers)

    async def ask(self, path: str = LIST, method: str = "GET", **headers: str) -> tuple[int, CIMultiDict[str], bytes]:
        named = {"Accept": "application/vc", "Accept-Encoding": "identity"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, headers=named) as response:
            return response.status, CIMultiDict(response.headers), await response.read()


@pytest.fixture
async def upstream(tmp_path: Path) -> AsyncIterator[Upstream]:
    nginx()
    there = Upstream(free_port())
    await there.start()
    with running_nginx(tmp_path / "nginx", cache_server(tmp_path / "nginx", there.port)) as there.url:
        async with aiohttp.ClientSession(auto_decompress=False) as there.session:
            yield there
    await there.stop()


async def test_of_many_who_ask_at_once_one_reaches_the_service(upstream: Upstream):
    upstream.takes_s = 0.3
    answers = await asyncio.gather(*(upstream.ask() for _ in range(40)))
    assert {(status, body) for status, _, body in answers} == {(200, b"the list")}
    assert len(upstream.asked) == 1


async def test_clients_with_one_wish_share_an_answer_and_others_do_not_get_it(upstream: Upstream):
    for accept in ("application/vc", "*/*", "text/html, */*;q=0.8", "application/json, text/plain, */*"):
        assert (await upstream.ask(Accept=accept))[2] == b"the list"
    assert len(upstream.asked) == 1
    for number, accept in enumerate(("application/json", "application/vc+jwt", "application/vc;q=0.3, a/b;q=0.1"), 2):
        await upstream.ask(Accept=accept)
        assert len(upstream.asked) == number
    status, headers, body = await upstream.ask(Accept_Encoding="gzip, br")
    assert (status, headers["Content-Encoding"], gzip.decompress(body)) == (200, "gzip", b"the list")
    assert headers["Vary"] == "Accept, Accept-Encoding"
    assert "X-Accel-Expires" not in headers
    assert (await upstream.ask())[2] == b"the list"


UNUSUAL = [
    ("application/vc+jwt;q=0.9, application/statuslist+jwt;q=0.8", "identity"),
    ("application/vc;q=0.9, application/json;q=0.5", "identity"),
    ("application/vc+jwt;q=0.9, application/statuslist+jwt;q=0.8", "br;q=1, gzip;q=0.8"),
    ("application/vc", "br;q=1, gzip;q=0.8"),
    ("application/vc", "gzip;q=0, identity;q=1"),
]
"""Of which nginx leaves the decision to the service."""


async def test_whose_wish_only_the_service_understands_gets_no_answer_of_others(upstream: Upstream):
    for number, (accept, coding) in enumerate(UNUSUAL, 1):
        await upstream.ask(Accept=accept, Accept_Encoding=coding)
        assert len(upstream.asked) == number, (accept, coding)
        told = upstream.asked[-1][2]
        assert (told["Accept"], told["Accept-Encoding"]) == (accept, coding)


async def test_a_header_that_is_there_twice_reaches_the_service_as_the_key_has_it(upstream: Upstream):
    """Else whoever says two things would be answered by the second one, and others get that by the first."""
    twice = CIMultiDict([("Accept", "application/vc"), ("Accept", "application/vc+jwt")])
    async with upstream.session.get(upstream.url + LIST, headers=twice) as response:
        assert response.status == 200
    [(_, _, told)] = upstream.asked
    assert len(told.getall("Accept")) == 1


async def test_whoever_has_it_gets_304_from_the_cache_and_head_no_body(upstream: Upstream):
    _, headers, _ = await upstream.ask()
    status, again, body = await upstream.ask(If_None_Match=headers["ETag"])
    assert (status, again["ETag"], body) == (304, headers["ETag"], b"")
    status, whole, body = await upstream.ask(method="HEAD")
    assert (status, whole["Content-Length"], body) == (200, str(len(upstream.body)), b"")
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("status", [404, 406, 421, 429, 500])
async def test_a_refusal_is_never_kept(upstream: Upstream, status: int):
    upstream.status = status
    for number in (1, 2):
        assert (await upstream.ask())[0] == status
        assert len(upstream.asked) == number
    upstream.status = 200
    assert (await upstream.ask())[2] == b"the list"


async def test_what_is_asked_with_a_key_or_of_the_past_or_elsewhere_goes_through(upstream: Upstream):
    await upstream.ask()
    others = [
        (f"{LIST}?timestamp=2026-01-01T00:00:00Z", "GET", {}),
        (LIST, "GET", {"Authorization": "Bearer x"}),
        ("/credential-status?id=a", "GET", {"Registry_Position": "main:7"}),
        ("/issuers/a/credentials", "POST", {"Idempotency_Key": "k"}),
    ]
    for path, method, headers in others * 2:
        await upstream.ask(path, method, **headers)
    assert len(upstream.asked) == 1 + 2 * len(others)
    assert upstream.asked[3][2]["Registry-Position"] == "main:7"
    assert upstream.asked[2][2]["Authorization"] == "Bearer x"


async def test_what_is_new_is_seen_soon_though_max_age_is_long(upstream: Upstream):
    assert (await upstream.ask())[2] == b"the list"
    upstream.body = b"a newer list"
    began = time.monotonic()
    while (await upstream.ask())[2] != b"a newer list":
        assert time.monotonic() - began < 60
        await asyncio.sleep(0.1)


async def test_a_restart_of_the_service_is_not_noticed_but_the_validity_is(upstream: Upstream):
    upstream.stale_s = 3
    await upstream.ask()
    kept = time.monotonic()
    await upstream.stop()
    answers = []
    while time.monotonic() - kept < 6.5:
        asked = time.monotonic()
        status, headers, _ = await upstream.ask()
        answers.append((asked - kept, time.monotonic() - kept, status, headers))
        await asyncio.sleep(0.2)
    assert all(status == 200 for _, at, status, _ in answers if at < 3)
    assert all(status == 503 for at, _, status, _ in answers if at > 5.5)  # 1 s, 3 s, and what whole seconds hide
    assert answers[-1][3]["Content-Type"] == "application/problem+json"
    assert answers[-1][3]["Cache-Control"] == "no-store"
    await upstream.start()
    assert (await upstream.ask())[0] == 200


async def test_a_service_that_cannot_answer_just_now_is_as_one_that_is_away(upstream: Upstream):
    await upstream.ask(Accept="application/vc+jwt")
    await asyncio.sleep(2.5)  # it is neither fresh nor being renewed
    upstream.status = 503
    assert (await upstream.ask(Accept="application/vc+jwt"))[2] == b"the list"
    status, headers, _ = await upstream.ask()
    assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "application/problem+json", "2")
    upstream.status = 200
    assert (await upstream.ask())[0] == 200


async def test_in_front_of_the_real_service_every_answer_is_the_services(database: TestDatabase, tmp_path: Path):
    nginx()
    configured = service_settings(tmp_path / "home", ttl_s=60)
    async with running_service(database, configured) as service:
        base = f"/issuers/{service.issuer_slug}/credentials"
        async with asyncio.timeout(90):
            while (made := await service.ask("POST", base, json={"type": ["VerifiableCredential"]}))[0] != 201:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        listed = made[1]["credentialStatus"][0]["statusListCredential"]
        path = listed[listed.index("/status-lists/") :]
        with running_nginx(tmp_path / "nginx", cache_server(tmp_path / "nginx", configured.port)) as url:
            for accept in ("application/vc", "application/statuslist+jwt", "text/html"):
                for coding in ("gzip", "identity"):
                    answers = []
                    for origin in (url, url, service.url):
                        headers = {"Accept": accept, "Accept-Encoding": coding}
                        async with service.session.get(origin + path, headers=headers) as response:
                            shown = {name: response.headers.get(name) for name in ("ETag", "Content-Type", "Vary")}
                            answers.append(
                                (response.status, shown, b"" if accept == "text/html" else await response.read())
                            )
                    assert answers[0] == answers[1] == answers[2]
