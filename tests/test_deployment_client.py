"""How the load generator for people's own deployments asks: in whose time, how often, and which times it counts."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from load_tests.deployment import client as module
from load_tests.deployment.client import TRIES, Bounds, Client, NoAnswer, Over

LOST = 0


class Server:
    """A deployment on a clock that only moves when somebody waits: for an answer, or asleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers: list[tuple[int, float]] = []
        """(status, seconds that it takes), one after the other; then 200 at once."""
        self.asked: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    @asynccontextmanager
    async def request(self, *_: object, **__: object) -> Any:
        self.asked.append(self.now)
        status, took_s = self.answers.pop(0) if self.answers else (200, 0.0)
        self.now += took_s
        if status == LOST:
            raise aiohttp.ServerDisconnectedError
        yield SimpleNamespace(status=status, headers={}, content=SimpleNamespace(read=self._read))

    async def _read(self, _: int) -> bytes:
        return b""


@pytest.fixture
def server(monkeypatch) -> Server:
    server = Server()
    monkeypatch.setattr(module, "time", server)
    monkeypatch.setattr(module, "asyncio", server)
    return server


def client_of(server: Any, *, seconds: float = 1_000, requests: int = 1_000) -> Client:
    """A client that asks ten times a second."""
    client = Client(server, "http://status.example", Bounds(seconds, requests, 10))
    client.begin()
    return client


async def ask(client: Client, times: int) -> None:
    for _ in range(times):
        await client.ask("list", "GET", "/")


async def test_what_a_stall_makes_late_counts_from_when_it_was_due(server):
    client = client_of(server)
    server.answers = [(200, 10.0)]
    await ask(client, 100)
    took = client.took["list"]
    assert took.count == 100
    assert took.percentile_s(0.5) > 7
    assert client.took_from_sending.percentile_s(0.98) < 0.01


async def test_arrears_are_made_up_for_at_twice_the_rate_and_no_faster(server):
    client = client_of(server)
    server.answers = [(200, 10.0)]
    await ask(client, 400)
    gaps = [after - before for before, after in zip(server.asked, server.asked[1:], strict=False)]
    assert min(gaps) == pytest.approx(0.05)
    assert gaps[-1] == pytest.approx(0.1)
    assert client.reached_per_s() == pytest.approx(10)


async def test_a_rate_that_is_not_reached_is_told(server):
    client = client_of(server)
    server.answers = [(200, 0.2)] * 50
    await ask(client, 50)
    assert client.reached_per_s() == pytest.approx(5, rel=0.05)


async def test_refusals_make_no_percentile_better(server):
    client = client_of(server)
    server.answers = [(200, 0.08), (500, 0.0), (200, 0.08), (404, 0.0)]
    await ask(client, 4)
    assert client.took["list"].count == 2
    assert client.took["list"].percentile_s(0.5) >= 0.08


@pytest.mark.parametrize("status", [LOST, 429, 503])
async def test_what_had_to_be_tried_again_counts_once_with_all_its_tries(server, status):
    client = client_of(server)
    server.answers = [(status, 3.0), (200, 1.0)]
    await ask(client, 1)
    assert client.took["list"].count == 1
    assert client.took["list"].slowest_s > 4
    assert client.tried_again == 1


async def test_what_was_never_answered_counts_as_long_as_it_took_to_give_up(server):
    client = client_of(server)
    server.answers = [(LOST, 30.0)] * TRIES
    with pytest.raises(NoAnswer):
        await ask(client, 1)
    assert client.took["list"].count == 1
    assert client.took["list"].slowest_s > 30 * TRIES


async def test_what_was_under_way_when_the_time_was_up_counts_too(server):
    client = client_of(server, seconds=20)
    server.answers = [(LOST, 30.0)]
    with pytest.raises(Over):
        await ask(client, 1)
    assert client.took["list"].slowest_s > 29
    assert len(server.asked) == 1


async def test_no_arrears_are_worked_off_when_the_time_is_up(server):
    client = client_of(server, seconds=20)
    server.answers = [(200, 30.0)]
    with pytest.raises(Over):
        await ask(client, 2)
    assert len(server.asked) == 1
