"""nginx with deploy/nginx: whatever it answers is what the service would have answered."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from projections.status_lists.files.layout import SUFFIXES
from projections.status_lists.published_list import published_bits
from registry.errors import NotAcceptable
from registry.http.conditional import FORMS, MEDIA_TYPES, preference
from tests.deploy.nginx import files_server, free_port, nginx, running_nginx
from tests.servers import TestDatabase
from tests.service import Service, running_service, service_settings

pytestmark = pytest.mark.slow

NAMES = {
    "vc": "application/vc", "ldjson": "application/ld+json", "json": "application/json", "vcjwt": "application/vc+jwt",
    "vccose": "application/vc+cose", "sljwt": "application/statuslist+jwt", "slcwt": "application/statuslist+cwt",
}  # fmt: skip


# ── negotiation ──────────────────────────────────────────────────────────────────────────────────────────────

ACCEPTS = [
    None, "", "*/*", "*", "application/*", "application/vc", "APPLICATION/VC", "application/json",
    "application/ld+json, application/json", "application/json, text/plain, */*", "application/vc+jwt",
    "application/vc+jwt, application/vc;q=0.9", "application/vc;q=0.9, application/vc+jwt",
    "application/statuslist+jwt",
    "application/statuslist+cwt,application/statuslist+jwt;q=0.5", "application/vc+ld+json, application/json",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/html, */*;q=0", "text/html, */*;q=0.000", "text/html", "application/vc;q=0", "*/*;q=0.1, application/*;q=0",
    "application/vc; q=1.0", 'application/ld+json; profile="https://www.w3.org/ns/credentials"', ", ,",
    "application/vc foo", "application/json;q=0.5, */*", "*/*, application/json;q=0.5", "application/vc\t,text/html",
]  # fmt: skip
CODINGS = [
    None, "", "gzip", "gzip, deflate, br, zstd", "identity", "br", "*", "x-gzip", "gzip;q=0", "gzip;q=1.0, *;q=0.5",
    "gzip;q=0.5, identity", "gzip;q=0, identity;q=0", "GZIP", "deflate, gzip;q=1.0, *;q=0.5", "identity;q=0", "gzipped",
]  # fmt: skip

_weight = st.sampled_from(
    ["", ";q=1", "; q=0.9", ";q=0.5", ";q=0", ";q=0.000", ";q=1.000", ";q=2", ";level=1", " ;Q=0.3"]
)
_part = st.tuples(
    st.sampled_from([*MEDIA_TYPES, "*/*", "application/*", "text/html", "*", "", "Application/VC"]), _weight
)
_separator = st.sampled_from([",", ", ", " ,"])
accepts = st.builds(
    lambda parts, by: by.join(a + b for a, b in parts), st.lists(_part, min_size=1, max_size=5), _separator
)
_coding = st.tuples(st.sampled_from(["gzip", "x-gzip", "*", "identity", "br", ""]), _weight)
codings = st.builds(
    lambda parts, by: by.join(a + b for a, b in parts), st.lists(_coding, min_size=1, max_size=4), _separator
)


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An nginx that says what it decides."""
    server = """
    include registry-maps.conf;
    server {
        listen 127.0.0.1:PORT;
        return 200 "$registry_form|$registry_coding|$registry_file";
    }
    """
    with running_nginx(tmp_path_factory.mktemp("decisions"), lambda port: server.replace("PORT", str(port))) as url:
        yield url


async def decided(url: str, accept: str | None, coding: str | None) -> list[str]:
    headers = {name: value for name, value in (("Accept", accept), ("Accept-Encoding", coding)) if value is not None}
    skipped = ["Accept", "Accept-Encoding", "User-Agent"]
    async with (
        aiohttp.ClientSession(skip_auto_headers=skipped, auto_decompress=False) as session,
        session.get(url, headers=headers) as response,
    ):
        return (await response.text()).split("|")


def assert_as_the_service(form: str, coding: str, file: str, accept: str | None, accepted_coding: str | None) -> None:
    if "ask" in (form, coding):
        assert file == "ask"
        return
    try:
        wanted = preference(accept, accepted_coding)
    except NotAcceptable:
        raise AssertionError("nginx chose where the service refuses") from None
    assert wanted.is_gzip == (coding == ".gz")
    assert wanted.media_types[0] == NAMES[form]
    assert file == SUFFIXES[FORMS[NAMES[form]]] + coding


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_nginx_understands_accept_as_the_service_does(decisions: str, accept: str | None):
    form, coding, file = await decided(decisions, accept, None)
    assert_as_the_service(form, coding, file, accept, None)


@pytest.mark.parametrize("coding", CODINGS)
async def test_nginx_understands_accept_encoding_as_the_service_does(decisions: str, coding: str | None):
    form, chosen, file = await decided(decisions, "*/*", coding)
    assert_as_the_service(form, chosen, file, "*/*", coding)


def test_what_clients_really_send_is_decided_by_nginx(decisions: str):
    async def all_of_them() -> None:
        for accept in [one for one in ACCEPTS[:14] if one != "application/vc;q=0.9, application/vc+jwt"]:
            assert (await decided(decisions, accept, "gzip, deflate, br"))[0] != "ask", accept
        for coding in ("gzip", "gzip, deflate", "gzip, deflate, br, zstd", "gzip;q=1.0, *;q=0.5", None, "identity"):
            assert (await decided(decisions, None, coding))[1] != "ask", coding

    asyncio.run(all_of_them())


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(accept=accepts, coding=codings)
def test_nginx_never_decides_otherwise_than_the_service(decisions: str, accept: str, coding: str):
    form, chosen, file = asyncio.run(decided(decisions, accept, coding))
    assert_as_the_service(form, chosen, file, accept, coding)


# ── lists as files ───────────────────────────────────────────────────────────────────────────────────────────


VC = "VerifiableCredential"
UNKNOWN = "/status-lists/00000000-0000-4000-8000-000000000000"


Answer = tuple[int, CIMultiDict[str], bytes]


class Front:
    """A service that publishes files, and nginx in front of it."""

    def __init__(self, url: str, service: Service, files: Path, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.service = service
        self.files = files
        self.session = session

    async def ask(
        self, base: str, path: str, method: str = "GET", **headers: str
    ) -> tuple[int, CIMultiDict[str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, base + path, headers=named) as response:
            return response.status, CIMultiDict(response.headers), await response.read()

    def lists(self) -> list[str]:
        return sorted(f"/status-lists/{one.name}" for one in (self.files / "main" / "status-lists").iterdir())

    async def settled(self) -> None:
        """Wait until every list that the service answers is a file, byte for byte."""
        async with asyncio.timeout(20):
            while True:
                try:
                    paths = self.lists()
                except FileNotFoundError:
                    paths = []
                bodies = [await self.ask(self.service.url, path, Accept="application/vc") for path in paths]
                files = [self.files / "main" / path.lstrip("/") / "vc.json" for path in paths]
                if paths and all(
                    status == 406 or one.read_bytes() == body
                    for one, (status, _, body) in zip(files, bodies, strict=True)
                ):
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def front(database: TestDatabase, tmp_path: Path, **differently: Any) -> AsyncIterator[Front]:
    nginx()
    files = tmp_path / "files"
    configured = service_settings(tmp_path / "home", files=str(files), **{"ttl_s": 60, **differently})
    async with running_service(database, configured) as service:
        with running_nginx(tmp_path / "nginx", files_server(files, configured.port)) as url:
            skipped = ["Accept", "Accept-Encoding", "User-Agent"]
            async with aiohttp.ClientSession(skip_auto_headers=skipped, auto_decompress=False) as session:
                yield Front(url, service, files, session)


async def with_every_form(service: Service) -> None:
    """Give the issuer every list there is."""
    for purpose in ("token", "refresh"):
        status, answer = await service.ask("PUT", f"/issuers/{service.issuer_slug}/status-lists/{purpose}")
        assert status in (200, 201), answer


@pytest.fixture
async def files_in_front(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Front]:
    async with front(database, tmp_path) as opened:
        await with_every_form(opened.service)
        await opened.settled()
        yield opened


SAME = ("Content-Type", "Content-Encoding", "Vary", "X-Content-Type-Options", "Access-Control-Allow-Origin",
        "Access-Control-Expose-Headers", "Content-Length")  # fmt: skip


async def test_every_representation_is_what_the_service_answers(files_in_front: Front):
    there = files_in_front
    seen, filed = set(), set()
    for path in there.lists():
        for accept in (None, *MEDIA_TYPES, "text/html, */*;q=0.8", "text/html"):
            for coding in (None, "gzip, br", "identity", "gzip;q=0.5"):
                asked = {
                    name: one for name, one in (("Accept", accept), ("Accept_Encoding", coding)) if one is not None
                }
                for method in ("GET", "HEAD"):
                    status, headers, body = await there.ask(there.url, path, method, **asked)
                    theirs = await there.ask(there.service.url, path, method, **asked)
                    assert status == theirs[0], (path, asked)
                    assert body == theirs[2] or (status == 406 and b"not-acceptable" in body), (path, asked)
                    if status == 200:
                        assert {one: headers.get(one) for one in SAME} == {one: theirs[1].get(one) for one in SAME}
                        seen.add((headers["Content-Type"], headers.get("Content-Encoding")))
                        again = await there.ask(
                            there.url, path, method, **asked, If_None_Match=f'"x", W/{headers["ETag"]}'
                        )
                        assert (again[0], again[2]) == (304, b"")
                        assert again[1]["ETag"] == headers["ETag"]
                        assert again[1]["Cache-Control"] == headers["Cache-Control"]
                        assert headers["Cache-Control"].startswith("public, max-age=60")
                        if headers["Server"].startswith("nginx") and "Last-Modified" not in headers:
                            filed.add((headers["Content-Type"], headers.get("Content-Encoding")))
    assert len(seen) == 2 * len(MEDIA_TYPES)
    assert filed == seen  # each of them was a file, too


async def test_files_are_served_while_the_service_is_away_and_nothing_else_is(database: TestDatabase, tmp_path: Path):
    async with front(database, tmp_path) as there:
        await there.settled()
        paths = there.lists()
        with running_nginx(tmp_path / "other", files_server(there.files, free_port())) as url:
            for path in paths:
                status, headers, body = await there.ask(url, path, Accept="application/vc", Accept_Encoding="gzip")
                assert (status, headers["Content-Encoding"]) == (200, "gzip")
                assert body == (await there.ask(there.url, path, Accept="application/vc", Accept_Encoding="gzip"))[2]
                assert (await there.ask(url, path, If_None_Match="*"))[0] == 304
            for asked in (
                f"{paths[0]}?timestamp=2026-01-01T00:00:00Z",
                "/status-lists/00000000-0000-4000-8000-000000000000",
            ):
                status, headers, body = await there.ask(url, asked)
                assert (status, headers["Content-Type"]) == (503, "application/problem+json")
                assert orjson.loads(body)["status"] == 503
                assert (headers["Retry-After"], headers["Cache-Control"]) == ("2", "no-store")


async def test_the_past_the_unknown_and_the_rest_of_the_registry_are_the_services(files_in_front: Front):
    there, path = files_in_front, files_in_front.lists()[0]
    now = quote(datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
    unknown = "/status-lists/00000000-0000-4000-8000-000000000000"
    for asked in (
        f"{path}?timestamp={now}",
        unknown,
        "/status-lists/x",
        f"{path}/vc.json",
        "/issuers",
        "/nowhere",
        "/-/list.vc",
    ):
        status, headers, body = await there.ask(there.url, asked)
        theirs = await there.ask(there.service.url, asked)
        assert status == theirs[0], asked
        assert headers["Content-Type"] == theirs[1]["Content-Type"]
        if status >= 400:
            assert orjson.loads(body)["type"] == orjson.loads(theirs[2])["type"]
    assert (await there.ask(there.url, UNKNOWN))[0] == 404
    asked = {"Origin": "https://wallet.example", "Access_Control_Request_Method": "GET"}
    statuses = [(await there.ask(base, path, "OPTIONS", **asked))[0] for base in (there.url, there.service.url)]
    assert statuses[0] == statuses[1]
    assert (await there.ask(there.url, path, "POST"))[0] == (await there.ask(there.service.url, path, "POST"))[0]


async def test_a_list_near_its_end_comes_from_the_service(files_in_front: Front):
    """As if nothing had been published for a long time: the same files, without a mark of the present."""
    there = files_in_front
    folders = ((path, there.files / "main" / path.lstrip("/")) for path in there.lists())
    path, folder = next((path, one) for path, one in folders if (one / "vc.json").exists())  # tokens have none
    [mark] = [one for one in (folder / "fresh").iterdir() if int(one.name.split("-")[1]) == int(time.time()) // 1000]
    mark.unlink()
    (folder / "vc.json").write_bytes(b"too old")
    status, _, body = await there.ask(there.url, path, Accept="application/vc")
    assert (status, body) == (200, (await there.ask(there.service.url, path, Accept="application/vc"))[2])


def made_up(files: Path, status_list_id: str) -> Path:
    """Make files of a list, for now; its `vc.json`."""
    folder = files / "main" / "status-lists" / status_list_id
    (folder / "fresh").mkdir(parents=True)
    for mark in range(int(time.time()) // 1000, int(time.time()) // 1000 + 3):
        (folder / "fresh" / f"60-{mark}").touch()
    (folder / "vc.json").write_text(status_list_id)
    return folder / "vc.json"


async def test_more_lists_than_nginx_may_have_files_open(tmp_path: Path):
    nginx()
    names = [f"00000000-0000-4000-8000-{number:012}" for number in range(1100)]
    for name in names:
        made_up(tmp_path / "files", name)
    with running_nginx(tmp_path / "nginx", files_server(tmp_path / "files", free_port())) as url:
        one_worker = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(url, headers={"Accept": "application/vc"}, connector=one_worker) as session:
            for name in names:
                async with session.get(f"/status-lists/{name}", headers={"Accept-Encoding": "identity"}) as response:
                    assert (response.status, await response.text()) == (200, name)


async def test_a_file_that_cannot_be_read_is_left_to_the_service(database: TestDatabase, tmp_path: Path):
    async with front(database, tmp_path, **SECURE) as there:
        document = await kept(there)
        await there.settled()
        copy = tmp_path / "copy"  # of which nobody takes care
        shutil.copytree(there.files, copy, symlinks=True)
        path = there.lists()[0]
        broken = [copy / "main" / path.lstrip("/") / "vc.json", copy / "main" / document.lstrip("/")]
        with running_nginx(tmp_path / "late", files_server(copy, there.service.settings.port)) as url, chdir(tmp_path):
            for file, asked in zip(broken, (path, document), strict=True):
                file.unlink()
                with socket.socket(socket.AF_UNIX) as unreadable:
                    unreadable.bind(str(file.relative_to(tmp_path)))  # to open it is an error that is no 403 and no 404
                headers = {"Accept": "*/*", "Accept_Encoding": "identity"}
                answers = [await there.ask(base, asked, **headers) for base in (url, there.service.url)]
                assert answers[0][::2] == answers[1][::2]
                assert answers[0][0] == 200


async def test_a_publication_under_way_never_gives_a_torn_answer(database: TestDatabase, tmp_path: Path):
    """Every answer is a whole list, and an entity tag stands for the same bytes always."""
    async with front(database, tmp_path, tick_s=0.05, ttl_s=60) as there:
        service = there.service
        base = f"/issuers/{service.issuer_slug}/credentials"
        async with asyncio.timeout(20):
            while (registered := await service.ask("POST", base, json={"type": [VC]}))[0] != 201:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        url = registered[1]["credentialStatus"][0]["statusListCredential"]
        path = url[url.index("/status-lists/") :]
        await there.settled()
        bodies: dict[str, bytes] = {}
        is_over = False

        async def read(number: int) -> None:
            accept, coding = [("application/vc", "gzip"), ("application/vc", "identity"), ("*/*", "gzip")][number % 3]
            while not is_over:
                status, headers, body = await there.ask(there.url, path, Accept=accept, Accept_Encoding=coding)
                assert status == 200
                assert bodies.setdefault(headers["ETag"], body) == body
                published_bits(gzip.decompress(body) if "Content-Encoding" in headers else body)

        readers = [asyncio.create_task(read(number)) for number in range(6)]
        numbers = itertools.count()
        async with asyncio.timeout(60):
            while len(bodies) < 12:  # six versions, each in two codings
                number = next(numbers)
                body = {"credentialId": f"urn:torn:{number}", "type": [VC]}
                assert (await service.ask("POST", base, json=body))[0] == 201
                assert (await service.ask("PUT", f"{base}/urn:torn:{number}/revocation", json={}))[0] == 200
                for failed in (one for one in readers if one.done()):
                    failed.result()
        is_over = True
        await asyncio.gather(*readers)


# ── controller documents as files ────────────────────────────────────────────────────────────────────────────


SECURE = {"logs": "main=https://registry.example"}
"""An origin that did:web can name."""


async def kept(there: Front) -> str:
    """Register an issuer with a did:web, and wait until its document is a file; its path."""
    slug, _ = await there.service.issuer(did="web")
    path = f"/issuers/{slug}/did.json"
    file = there.files / "main" / path.lstrip("/")
    async with asyncio.timeout(20):
        while not (file.exists() and any((file.parents[1] / ".fresh").glob("now-*"))):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return path


async def test_an_issuers_keys_are_answered_from_a_file_as_the_service_does(database: TestDatabase, tmp_path: Path):
    async with front(database, tmp_path, **SECURE) as there:
        path = await kept(there)
        for method in ("GET", "HEAD"):
            status, headers, body = await there.ask(there.url, path, method, Accept_Encoding="gzip")
            theirs = await there.ask(there.service.url, path, method, Accept_Encoding="gzip")
            assert (status, body) == (200, theirs[2])
            for name in ("Content-Type", "Cache-Control", "Content-Length", "Access-Control-Allow-Origin"):
                assert headers.get(name) == theirs[1].get(name), name
            assert headers["Server"].startswith("nginx")
            assert (await there.ask(there.url, path, method, If_None_Match=headers["ETag"]))[0] == 304
        (there.files / "main" / path.lstrip("/")).write_bytes(b"{}")
        assert (await there.ask(there.url, path))[2] == b"{}"  # it is a file
        wanting = await there.ask(there.url, path, Registry_Position="main:1")
        assert wanting[::2] == (await there.ask(there.service.url, path))[::2]  # that one knows what was written
        for other in ("/issuers/nobody/did.json", "/issuers/a%2Fb/did.json", "/issuers/../did.json"):
            assert (await there.ask(there.url, other))[0] == (await there.ask(there.service.url, other))[0]


async def test_keys_that_nobody_compares_are_told_only_while_the_service_is_away(
    database: TestDatabase, tmp_path: Path
):
    async with front(database, tmp_path, **SECURE) as there:
        path = await kept(there)
        body = (await there.ask(there.service.url, path))[2]
        copy = tmp_path / "copy"  # of which nobody takes care
        shutil.copytree(there.files, copy, symlinks=True)
        fresh = copy / "main" / "issuers" / ".fresh"
        (copy / "main" / path.lstrip("/")).write_bytes(b"{}")
        for mark in fresh.glob("now-*"):
            mark.unlink()
        with running_nginx(tmp_path / "late", files_server(copy, there.service.settings.port)) as url:
            assert (await there.ask(url, path))[::2] == (200, body)
        with running_nginx(tmp_path / "away", files_server(copy, free_port())) as url:
            status, headers, told = await there.ask(url, path)
            assert (status, told, headers["Content-Type"]) == (200, b"{}", "application/did+json")
            assert (await there.ask(url, path, Registry_Position="main:1"))[0] == 503
            for mark in fresh.glob("away-*"):
                mark.unlink()
            status, headers, _ = await there.ask(url, path)
            assert (status, headers["Content-Type"]) == (503, "application/problem+json")
