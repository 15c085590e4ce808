"""What the door does around any handler; its own routes, so that nothing but the door is judged."""

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.exposition import generate_latest

from registry.errors import DatabaseUnavailable, Unauthenticated
from registry.http.access import JsonLines
from registry.http.application import application, runner
from registry.http.bodies import ReasonBody
from registry.http.limits import Quota
from registry.http.metrics import Metrics
from registry.http.operation import Operation
from registry.http.parts import Limits, Logs, Parts, Remark, Views
from registry.http.progress import Progress
from registry.http.routes import ROUTES


class Lost(Exception):
    pass


async def all_well():
    return {"database": None}


def parts(**changes):
    """Parts without the rooms behind the door; routes that need them are not asked here."""
    nothing = Parts(
        logs=Logs({"main": "https://registry.example"}), commands=None, issuing=None, batches=None, keys=None,
        issuer_keys=None, check_key=None,
        views=Views(*[None] * len(fields(Views))), lists=None, progress=Progress(), metrics=Metrics(version="1"),
        verifier=None, canonical_of=None,
        clock=lambda: datetime.now(UTC), new_uuid=uuid4, checks=all_well, database_lost=(Lost,),
    )  # fmt: skip
    return replace(nothing, **changes)


def operation(handle, **changes):
    made = {"method": "GET", "path": "/it", "operation_id": "it", "summary": "It", "tag": "it", "handle": handle}
    return Operation(**{**made, **changes})


@asynccontextmanager
async def serving(given, *routes):
    running = runner(application(given, routes or ROUTES))
    await running.setup()
    await web.TCPSite(running, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{running.addresses[0][1]}") as session:
            yield session
    finally:
        await running.cleanup()


async def asked(session, path="/it", method="GET", **how):
    async with session.request(method, path, **how) as response:
        return response.status, await response.json(content_type=None), response.headers


async def fine(call):
    return call.json({"fine": True})


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ZeroDivisionError("the secret"), (500, "internal-error")),
        (Lost("dsn with password"), (503, "database-unavailable")),
        (DatabaseUnavailable("Gone."), (503, "database-unavailable")),
    ],
)
async def test_the_unforeseen_is_a_problem_that_tells_nothing_inside(error, expected, caplog):
    async def fail(_):
        raise error

    async with serving(parts(), operation(fail)) as session:
        status, problem, headers = await asked(session)
    assert (status, problem["type"]) == (expected[0], f"https://registry.example/problems/{expected[1]}")
    assert str(error.args[0] if error.args else "x") not in json.dumps(problem) or expected[1] == "database-unavailable"
    assert "password" not in json.dumps(problem)
    assert problem["requestId"] == headers["X-Request-Id"]
    assert headers["Access-Control-Allow-Origin"] == "*"


async def test_a_slow_body_is_408_and_the_end_of_the_connection():
    route = operation(fine, method="POST", body=ReasonBody)

    async def dripping():
        yield b"{"
        await asyncio.Event().wait()

    async with serving(parts(limits=Limits(body_timeout_s=0.05)), route) as session:
        headers = {"Content-Type": "application/json"}
        status, problem, answered = await asked(session, method="POST", data=dripping(), headers=headers)
    assert (status, problem["type"].rpartition("/")[2], answered["Connection"]) == (408, "body-timeout", "close")


async def test_an_address_that_asks_too_often_is_429_with_the_time_to_come_back():
    now = [0.0]
    reads = Quota("reads", 1, 2, lambda: now[0])
    async with serving(parts(reads=reads), operation(fine)) as session:
        assert [(await asked(session))[0] for _ in range(3)] == [200, 200, 429]
        status, problem, headers = await asked(session)
        assert (status, problem["type"].rpartition("/")[2]) == (429, "quota-exceeded")
        assert (headers["Retry-After"], headers["RateLimit-Policy"]) == ("1", '"reads";q=2;w=2')
        assert headers["RateLimit"] == '"reads";r=0;t=1'
        now[0] += 1
        assert (await asked(session))[0] == 200


async def test_an_address_that_guesses_keys_is_429_before_anybody_is_asked():
    asked_for = []

    async def nobody(log, key):
        asked_for.append(key)
        raise Unauthenticated("No.", reason="unknown")

    given = parts(check_key=nobody, reads=Quota("reads", 0.001, 2, lambda: 0.0))
    for method in ("POST", "GET"):
        asked_for.clear()
        given = replace(given, reads=Quota("reads", 0.001, 2, lambda: 0.0))
        async with serving(given, operation(fine, method=method, scope="operator")) as session:
            statuses = [
                (await asked(session, method=method, headers={"Authorization": f"Bearer {n}"}))[0] for n in range(4)
            ]
        assert (statuses, len(asked_for)) == ([401, 401, 429, 429], 2)


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy():
    from ipaddress import ip_network

    async def statuses(limits):
        reads = Quota("reads", 0.001, 1, lambda: 0.0)
        async with serving(parts(reads=reads, limits=limits), operation(fine)) as session:
            hops = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(2)]
            return [(await asked(session, headers=hop))[0] for hop in hops]

    assert await statuses(Limits()) == [200, 429]
    assert await statuses(Limits(trusted_proxies=(ip_network("127.0.0.0/8"),))) == [200, 200]


async def test_with_several_logs_the_host_chooses_and_an_unknown_one_is_421():
    origins = {"main": "https://registry.example", "other": "https://other.example:8443"}
    hosts = {"registry.example": "main", "other.example:8443": "other"}

    async def which(call):
        return call.json({"log": call.log, "origin": call.origin})

    async with serving(parts(logs=Logs(origins, hosts)), operation(which)) as session:
        status, answer, _ = await asked(session, headers={"Host": "OTHER.example:8443"})
        assert (status, answer) == (200, {"log": "other", "origin": "https://other.example:8443"})
        status, problem, _ = await asked(session, headers={"Host": "evil.example"})
        assert (status, problem["type"]) == (421, "/problems/unknown-origin")
        assert (await asked(session, "/nowhere", headers={"Host": "evil.example"}))[0] == 421


async def test_with_a_single_log_any_host_will_do():
    async with serving(parts(), operation(fine)) as session:
        assert (await asked(session, headers={"Host": "anything.example"}))[0] == 200


async def test_a_draining_process_lives_but_is_not_ready():
    given = parts()
    async with serving(given) as session:
        assert (await asked(session, "/readyz"))[0] == 200
        given.drain.begin()
        status, problem, _ = await asked(session, "/readyz")
        assert (status, problem["type"].rpartition("/")[2], "drain" in problem["checks"]) == (503, "not-ready", True)
        assert (await asked(session, "/livez"))[0] == 200


async def test_readiness_names_what_is_not_well():
    async def ailing():
        return {"database": "It is away.", "keys": None}

    async with serving(parts(checks=ailing)) as session:
        status, problem, _ = await asked(session, "/readyz")
    assert (status, problem["checks"]) == (503, {"database": "It is away."})


async def test_a_remark_is_told_and_takes_nothing_down():
    async def late():
        return {"database": None, "projections": Remark("main is 3 events behind, for 17 s")}

    async with serving(parts(checks=late)) as session:
        status, answer, _ = await asked(session, "/readyz")
    assert (status, answer["checks"]) == (200, {"database": "ok", "projections": "main is 3 events behind, for 17 s"})


async def test_readiness_does_not_wait_for_ever():
    async def hanging():
        await asyncio.Event().wait()

    async with serving(parts(checks=hanging, limits=Limits(ready_timeout_s=0.01))) as session:
        assert (await asked(session, "/readyz"))[0] == 503


async def test_readiness_does_not_wait_for_checks_that_cannot_be_cancelled():
    let_go = asyncio.Event()

    async def deaf():
        try:
            await let_go.wait()
        except asyncio.CancelledError:
            await let_go.wait()

    async with serving(parts(checks=deaf, limits=Limits(ready_timeout_s=0.01))) as session:
        async with asyncio.timeout(5):
            assert (await asked(session, "/readyz"))[0] == 503
        let_go.set()


async def test_answers_are_counted_by_route_template_method_and_code():
    given = parts()
    async with serving(given) as session:
        await asked(session, "/problems/malformed")
        await asked(session, "/problems/none")
        await asked(session, "/nowhere")
    page = generate_latest(given.metrics.registry).decode()
    assert 'registry_http_requests_total{code="200",method="GET",route="/problems/{kind}"} 1.0' in page
    assert 'registry_http_requests_total{code="404",method="GET",route="/problems/{kind}"} 1.0' in page
    assert "nowhere" not in page


async def test_refusals_before_any_route_are_timed_like_answers():
    given = parts()
    async with serving(given) as session:
        await asked(session, "/livez", "DELETE")
        await asked(session, "/nowhere")
    page = generate_latest(given.metrics.registry).decode()
    pairs = (line.rsplit(" ", 1) for line in page.splitlines() if "request_duration_seconds_sum" in line)
    sums = {name: float(seconds) for name, seconds in pairs}
    for route in ("/livez", "(no route)"):
        assert 0 < sums[f'registry_http_request_duration_seconds_sum{{route="{route}"}}'] < 60


async def test_what_anybody_can_cause_at_will_leaves_no_trace_in_the_log(caplog):
    async def wait_in_vain(call):
        await call.parts.progress.reach("main", "issuer_directory", 7, timeout_s=0)

    with caplog.at_level(logging.INFO, "registry.http"):
        async with serving(parts(), operation(wait_in_vain, is_quiet=True)) as session:
            status, _, headers = await asked(session)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert [record.message for record in caplog.records if record.exc_info] == []


async def test_a_refused_list_names_its_problem_under_the_origin():
    async with serving(parts()) as session:
        status, problem, _ = await asked(session, "/status-lists/none")
    assert (status, problem["type"]) == (404, "https://registry.example/problems/unknown-status-list")


async def test_an_unforeseen_error_is_logged_on_one_line_without_path_or_query(caplog):
    async def fail(_):
        raise ZeroDivisionError

    with caplog.at_level(logging.INFO, "registry.http"):
        async with serving(parts(), operation(fail, path="/it/{id}")) as session:
            await asked(session, "/it/urn%3Asecret?token=hidden", headers={"X-Request-Id": "r-7"})
    lines = [JsonLines().format(record) for record in caplog.records if record.name == "registry.http"]
    assert any(json.loads(line).get("route") == "/it/{id}" for line in lines)
    assert all("\n" not in line and "urn:secret" not in line and "hidden" not in line for line in lines)


def test_a_log_line_cannot_be_forged():
    record = logging.makeLogRecord({"msg": 'a"\n{"level": "info"}\u202e\x9b', "name": "n", "levelname": "INFO"})
    line = JsonLines().format(record)
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line)["message"] == 'a"\n{"level": "info"}\u202e\x9b'
