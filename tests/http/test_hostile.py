"""Requests that nobody friendly sends: each gets its problem document, none a 500, and nothing is recorded."""

import asyncio
import gzip
import json
from urllib.parse import urlsplit

import pytest

from registry.http.routes import ROUTES
from tests.http.test_isolation import recorded

DEEP = b'{"credential": ' + b'{"a": ' * 70 + b"1" + b"}" * 71
JSON = {"Content-Type": "application/json"}


def slug_of(problem):
    return problem["type"].rpartition("/")[2]


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", JSON, (400, "malformed")),
        (b"{", JSON, (400, "malformed")),
        (b"[]", JSON, (400, "malformed")),
        (b"null", JSON, (400, "malformed")),
        (b'"text"', JSON, (400, "malformed")),
        (b'{"type": ["A"], "type": ["B"]}', JSON, (400, "malformed")),
        (b'{"type": ["A"], "validFrom": NaN}', JSON, (400, "malformed")),
        (b'{"type": ["A"], "validFrom": 1e400}', JSON, (400, "malformed")),
        (b'{"type": ["A\\u0000"]}', JSON, (400, "malformed")),
        (b'{"type": ["\\ud800"]}', JSON, (400, "malformed")),
        (b'{"type": "A"}', JSON, (400, "malformed")),
        (b'{"type": []}', JSON, (400, "malformed")),
        (b'{"type": [1]}', JSON, (400, "malformed")),
        (b'{"type": ["A"], "unknown": 1}', JSON, (400, "malformed")),
        (b'{"type": ["A"], "credentialId": "no iri"}', JSON, (400, "malformed")),
        (b'{"type": ["A"], "credential": {}}', JSON, (400, "malformed")),
        (b'{"type": ["A"], "validFrom": "yesterday"}', JSON, (400, "malformed")),
        (DEEP, JSON, (400, "malformed")),
        (b"\xff\xfe", JSON, (400, "malformed")),
        (b'{"type": ["A"]}', {"Content-Type": "text/plain"}, (415, "unsupported-media-type")),
        (b'{"type": ["A"]}', {"Content-Type": "application/x-www-form-urlencoded"}, (415, "unsupported-media-type")),
        (b'{"type": ["A"]}', {"Content-Type": "application/json; charset=utf-16"}, (415, "unsupported-media-type")),
        (b'{"type": ["A"]}', {"Content-Type": ";;"}, (415, "unsupported-media-type")),
        (
            gzip.compress(b'{"type": ["A"]}', mtime=0),
            {**JSON, "Content-Encoding": "gzip"},
            (415, "unsupported-media-type"),
        ),
        (b'{"type": ["A"]}', {**JSON, "Content-Encoding": "br"}, (415, "unsupported-media-type")),
        (b'{"type": ["A"]}' + b" " * 1_048_576, JSON, (413, "too-large")),
        (b'{"type": ["A"]}', {**JSON, "Idempotency-Key": "with space"}, (400, "malformed")),
        (b'{"type": ["A"]}', {**JSON, "Idempotency-Key": "x" * 256}, (400, "malformed")),
        (b'{"type": ["A"]}', {**JSON, "Idempotency-Key": ""}, (400, "malformed")),
        (b'{"type": ["A"]}', {**JSON, "Expect": "a-miracle"}, (417, "expectation-failed")),
    ],
)
async def test_a_bad_body_or_header_is_refused_by_name(service, body, headers, expected):
    before = await recorded(service)
    url = f"{service.url}/issuers/{service.issuer_slug}/credentials"
    async with service.session.post(url, data=body, headers={**service.headers(), **headers}) as response:
        assert response.content_type == "application/problem+json"
        problem = await response.json(content_type=None)
    assert (response.status, slug_of(problem)) == expected
    assert problem["detail"].endswith(".")
    assert await recorded(service) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"queries": {}},
        {"queries": [], "more": 1},
        {"queries": [7]},
        {"queries": [{}]},
        {"queries": [{"credentialId": 1}]},
        {"queries": [{"credentialId": "urn:a:b", "issuer": None}]},
        {"queries": [{"credentialId": "urn:a:b", "statusListIndex": "1"}]},
        {"queries": [{"statusListCredential": "https://a.example"}]},
        {"queries": [{"statusListCredential": "https://a.example", "statusListIndex": "01"}]},
        {"queries": [{"statusListCredential": "https://a.example", "statusListIndex": -1}]},
        {"queries": [{"statusListCredential": "https://a.example", "statusListIndex": True}]},
        {"queries": [{"statusListCredential": "https://a.example", "statusListIndex": 1.5}]},
        {"queries": [{"statusListCredential": "https://a.example", "statusListIndex": "1", "x": 1}]},
    ],
)
async def test_a_malformed_question_names_its_place(service, body):
    status, problem = await service.ask("POST", "/status-lookups", key="", json=body)
    assert (status, slug_of(problem)) == (400, "malformed")
    assert problem["pointer"].startswith("/queries")


async def test_too_many_questions_are_413_and_as_many_as_allowed_are_answered(service):
    queries = [{"credentialId": f"urn:nobody:{number}"} for number in range(10_001)]
    status, problem = await service.ask("POST", "/status-lookups", key="", json={"queries": queries})
    assert (status, slug_of(problem)) == (413, "too-large")
    status, answer = await service.ask("POST", "/status-lookups", key="", json={"queries": queries[:10_000]})
    assert (status, {one["status"] for one in answer["results"]}) == (200, {"unknown"})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/nowhere", (404, "no-such-path")),
        ("/", (404, "no-such-path")),
        ("/a%0Ab", (404, "no-such-path")),
        ("/%ff%zz/../..", (404, "no-such-path")),
        ("/status-lists/not-a-uuid", (404, "unknown-status-list")),
        ("/status-lists/00000000-0000-4000-8000-000000000000", (404, "unknown-status-list")),
        ("/status-lists/00000000-0000-4000-8000-00000000000%00", (404, "unknown-status-list")),
        ("/credentials/urn%3Anobody%3A1/status", (404, "unknown-credential")),
        ("/credentials/%00/status", (400, "malformed")),
        ("/credentials/no-iri/status", (400, "malformed")),
        ("/credential-status", (400, "malformed")),
        ("/credential-status?id=urn:a:b%00", (400, "malformed")),
        ("/credential-status?id=urn:a:b&issuer=%00", (400, "malformed")),
        ("/credential-status?id=urn:a:b&issuer=NOT+A+SLUG", (400, "malformed")),
        ("/issuers/nobody", (404, "unknown-issuer")),
        ("/issuers/NOT%20A%20SLUG%00", (404, "unknown-issuer")),
        ("/issuers?limit=0", (400, "malformed")),
        ("/issuers?limit=1e3", (400, "malformed")),
        ("/issuers?cursor=forged", (400, "malformed")),
        ("/issuers?kind=nothing", (400, "malformed")),
        ("/issuers?q=%00", (400, "malformed")),
        ("/issuers?q=" + "x" * 300, (400, "malformed")),
        ("/problems/none", (404, "not-found")),
        ("/.well-known/did.json", (404, "unknown-issuer")),
    ],
)
async def test_a_bad_path_or_query_is_refused_by_name(service, path, expected):
    from yarl import URL

    async with service.session.get(URL(service.url + path, encoded=True)) as response:
        problem = await response.json(content_type=None)
    assert (response.status, slug_of(problem)) == expected


@pytest.mark.parametrize("position", ["main", "other:1", "main:-1", "main:1x", "main:" + "9" * 30])
async def test_a_position_that_is_none_is_400(service, position):
    status, problem = await service.ask("GET", "/issuers", key="", headers={"Registry-Position": position})
    assert (status, slug_of(problem)) == (400, "malformed")


@pytest.mark.parametrize("path", sorted({one.path for one in ROUTES}))
async def test_another_method_is_405_with_those_that_are_allowed(service, path):
    url = service.url + path.format(slug="a-b", id="urn%3Aa%3Ab", keyId="k", kind="malformed", purpose="refresh")
    methods = {one.method for one in ROUTES if one.path == path}
    async with service.session.request("PURGE", url) as response:
        problem = await response.json(content_type=None)
    assert (response.status, slug_of(problem)) == (405, "method-not-allowed")
    assert methods <= set(response.headers["Allow"].split(", "))
    assert ("HEAD" in response.headers["Allow"]) is ("GET" in methods)


@pytest.mark.parametrize("path", sorted({one.path for one in ROUTES if one.scope is None}))
async def test_a_browser_may_ask_beforehand(service, path):
    url = service.url + path.format(slug="a-b", id="urn%3Aa%3Ab", kind="malformed", purpose="refresh")
    headers = {"Origin": "https://v.example", "Access-Control-Request-Method": "GET"}
    async with service.session.options(url, headers=headers) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (204, "*")
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"accept", "cache-control", "content-type", "if-none-match", "pragma", "registry-position"} == set(allowed)
    expected = {one.method for one in ROUTES if one.path == path and one.scope is None}
    assert expected <= set(response.headers["Access-Control-Allow-Methods"].split(", "))


async def test_head_says_what_get_would_say(service):
    for path in ("/issuers", "/openapi.json", "/livez", "/readyz"):
        async with service.session.get(service.url + path) as got, service.session.head(service.url + path) as head:
            assert (head.status, await head.read()) == (got.status, b"")
            assert head.headers["Content-Type"] == got.headers["Content-Type"]


async def test_a_request_id_comes_back_and_a_forged_one_does_not(service):
    async with service.session.get(f"{service.url}/livez", headers={"X-Request-Id": "mine-1"}) as response:
        assert response.headers["X-Request-Id"] == "mine-1"
    async with service.session.get(f"{service.url}/livez", headers={"X-Request-Id": "a b" * 40}) as response:
        assert response.headers["X-Request-Id"] not in ("", "a b" * 40)


# ── below HTTP libraries ─────────────────────────────────────────────────────────────────────────────────────


async def raw(service, data, *, patience_s=5.0):
    """Send bytes, return all that comes back until the server closes or falls silent."""
    parts = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data)
    received = b""
    try:
        async with asyncio.timeout(patience_s):
            while chunk := await reader.read(65_536):
                received += chunk
    except TimeoutError:
        pass
    finally:
        writer.close()
    return received


@pytest.mark.parametrize(
    "data",
    [
        b"NOT HTTP AT ALL\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nX: \x00\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(70)) + b"\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
        b"POST /status-lookups HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_a_problem_document_and_the_end_of_the_connection(service, data):
    head, _, body = (await raw(service, data)).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert b"application/problem+json" in head
    assert b"\nserver:" not in head.lower()
    assert json.loads(body)["type"] == "/problems/bad-http"


async def test_a_target_that_is_no_path_gets_a_problem_document(service):
    received = await raw(service, b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 "))
    assert b"application/problem+json" in received


async def test_a_body_longer_than_allowed_is_refused_before_it_is_sent(service):
    head = (
        b"POST /status-lookups HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n"
    )
    received = await raw(service, head + b"\r\n")
    assert received.startswith(b"HTTP/1.1 413 ")


async def test_chunks_beyond_the_limit_are_refused_though_no_length_was_told(service):
    head = (
        b"POST /status-lookups HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    )
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    received = await raw(service, head + b"\r\n" + chunk * 3 + b"0\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_waits_for_100_continue_gets_it(service):
    head = b"POST /status-lookups HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
    received = await raw(service, head + b'Expect: 100-continue\r\nContent-Length: 14\r\n\r\n{"queries":[]}')
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
