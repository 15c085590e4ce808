"""While PostgreSQL is away, the log of a process says so once, and once when it is back."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import DatabaseUnavailable
from registry.http.access import configure
from registry.log.outage import LONGEST_PAUSE_S, SHORTEST_PAUSE_S, Outage
from tests.log.proxy import proxied
from tests.servers import TestDatabase
from tests.service import Service, running_service, service_settings


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_said_once_when_it_goes_and_once_when_all_found_it_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    outage = Outage(clock)
    outage.found("projecting")
    assert not caplog.messages
    outage.lost("projecting", ConnectionRefusedError("refused"))
    clock.now += 2
    outage.lost("publishing", DatabaseUnavailable("away"))
    outage.lost("projecting", ConnectionRefusedError("refused"))
    clock.now += 5
    outage.found("projecting")
    assert [one[:48] for one in caplog.messages] == ["PostgreSQL does not answer (projecting: refused)"]
    outage.found("publishing")
    assert caplog.messages[1:] == ["PostgreSQL answers again, after 7.0 s"]


def test_the_longer_it_is_away_the_more_rarely_it_is_asked() -> None:
    clock = Clock()
    outage = Outage(clock)
    assert outage.pause_s == SHORTEST_PAUSE_S
    outage.lost("projecting", OSError())
    pauses = []
    for _ in range(8):
        clock.now += outage.pause_s
        pauses.append(outage.pause_s)
    assert pauses == sorted(pauses)
    clock.now += 60
    assert outage.pause_s == LONGEST_PAUSE_S
    outage.found("projecting")
    assert outage.pause_s == SHORTEST_PAUSE_S


@pytest.fixture
def configured(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Logging as the commands set it up."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure(level=logging.WARNING)
    root.addHandler(caplog.handler)
    yield caplog
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_a_service_says_it_in_two_sentences_and_every_503_is_found_by_its_id(
    database: TestDatabase, tmp_path: Path, configured: pytest.LogCaptureFixture
) -> None:
    with_a_way_round = {"owner": database.owner, "superuser": database.superuser}
    async with proxied(database.writer, tmp_path) as (proxy, writer):
        through = {"writer": writer, "projector": writer.replace("registry_writer", "registry_projector")}
        behind = replace(database, **with_a_way_round, **through)
        upstream = proxy.upstream
        async with running_service(behind, service_settings(tmp_path / "home")) as service:
            proxy.upstream = str(tmp_path / "nowhere")
            proxy.cut_all()
            status, request_id = await written(service)
            await said(configured, "does not answer")
            proxy.upstream = upstream
            await said(configured, "answers again")
    assert status == 503
    [failed] = [one for one in configured.records if one.getMessage() == "failed"]
    assert failed.fields["requestId"] == request_id  # type: ignore[attr-defined]
    assert not [one for one in configured.records if one.exc_info]
    told = [one.getMessage() for one in configured.records if re.search("PostgreSQL", one.getMessage())]
    assert len(told) == 2, told


async def written(service: Service) -> tuple[int, str]:
    body = {"credentialId": "urn:example:1", "type": ["VerifiableCredential"]}
    url = f"{service.url}/issuers/{service.issuer_slug}/credentials"
    async with service.session.post(url, json=body, headers=service.headers()) as response:
        return response.status, response.headers["X-Request-Id"]


async def said(caplog: pytest.LogCaptureFixture, words: str) -> None:
    async with asyncio.timeout(60):
        while not any(words in one for one in caplog.messages):  # noqa: ASYNC110  # a log tells nobody
            await asyncio.sleep(0.02)
