"""What `registry batch` does while a registry or what lies before it fails; no service is needed for that."""

from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from registry.batch.client import SILENT, Client, Target
from registry.batch.patience import LONGEST_PAUSE_S, Patience
from registry.errors import Unavailable


def pauses(patience, now):
    """Wait as long as it says, attempt by attempt, and return how long each was."""
    waited = []
    while (pause_s := patience.pause_s()) is not None:
        waited.append(pause_s)
        now[0] += pause_s
        patience.begin()
    return waited


def test_patience_counts_from_when_the_connection_was_lost_and_anew_when_it_came_further():
    now = [0.0]
    patience = Patience(300, lambda: now[0])
    patience.moved(1_000)
    now[0] = 360.0  # an upload that takes longer than patience
    assert patience.pause_s() == 1.0
    patience.begin()
    patience.moved(1_001)
    now[0] = 900.0
    waited = pauses(patience, now)
    assert (waited[:5], max(waited)) == ([1.0, 2.0, 4.0, 8.0, 15.0], LONGEST_PAUSE_S)
    assert 285 < sum(waited) <= 300


def test_patience_is_not_prolonged_by_coming_as_far_again():
    now = [0.0]
    patience = Patience(10, lambda: now[0])
    patience.moved(500)
    assert patience.pause_s() == 1.0
    patience.begin()
    patience.moved(500)
    now[0] = 20.0
    assert patience.pause_s() is None


# ── a registry that fails ────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def answering(*handlers, patience_s=30):
    """Yield a client of a registry that answers by one handler after the other, the last for ever; and what it told."""
    left, lost = [*handlers], []

    async def handle(request):
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(app) as server:
        target = Target(str(server.make_url("")), "acme", "key", patience_s)
        yield Client(target, sent=lambda _: None, lost=lost.append), lost


async def cut_off(request):
    """Answer half a result, and cut the connection."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    await response.write(b'{"row": 1, "problem": {"detail": "No."}}\n{"row": 2, "pro')
    request.transport.abort()
    return response


async def whole(request):
    lines = b'{"row": 1, "problem": {"detail": "No."}}\n{"row": 2, "problem": {"detail": "Nor this."}}\n'
    return web.Response(body=lines, content_type="application/x-ndjson")


async def test_a_result_that_is_cut_off_is_fetched_again_and_its_file_appears_whole(tmp_path):
    path = tmp_path / "result.ndjson"
    async with answering(cut_off, whole) as (client, lost):
        await client.write_result("b", "application/x-ndjson", path)
        assert (len(path.read_bytes().splitlines()), len(lost), [*tmp_path.iterdir()]) == (2, 1, [path])
    async with answering(cut_off, whole) as (client, lost):
        assert await client.reasons("b") == {1: "No.", 2: "Nor this."}
    path.unlink()
    async with answering(cut_off, patience_s=0) as (client, lost):
        with pytest.raises(Unavailable):
            await client.write_result("b", "application/x-ndjson", path)
    assert [*tmp_path.iterdir()] == []


async def busy(_request):
    return web.json_response({"detail": "You are sending 4 batches already."}, status=503)


async def test_a_registry_that_answered_was_reached():
    async with answering(busy, patience_s=0) as (client, _):
        with pytest.raises(Unavailable, match=r"^You are sending 4 batches already\.$"):
            await client.look({})


def told(state, rows):
    async def tell(request):
        assert (request.method, request.path) == ("GET", "/issuers/acme/batches/b")
        counts = {"accepted": rows, "unchanged": 0, "rejected": 2}
        return web.json_response({"id": "b", "state": state, "rows": rows, "counts": counts})

    return tell


async def unknown(_request):
    return web.json_response({"detail": "Nothing is known of such a batch."}, status=404)


async def done(request):
    assert (request.method, request.headers["Idempotency-Key"]) == ("POST", "b")
    return web.json_response({"rows": 9})


async def test_what_a_registry_goes_on_with_is_not_told_again_but_asked_after():
    steps = (cut_off, told("receiving", 3), told("receiving", 6), told("complete", 9), whole)
    async with answering(*steps) as (client, lost):
        summary = await client.carry_out({}, "b")
    assert (summary["rows"], [one["row"] for one in summary["rejected"]], len(lost)) == (9, [1, 2], 1)


@pytest.mark.parametrize("state", [unknown, told("interrupted", 3)])
async def test_what_a_registry_does_not_go_on_with_is_told_again(state):
    async with answering(cut_off, state, done) as (client, _):
        assert await client.carry_out({}, "b") == {"rows": 9}


def test_a_query_may_be_answered_late():
    assert (SILENT.total, SILENT.sock_read) == (None, None)
