"""Names are looked up by few threads, and nobody waits for a name server that does not answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from registry.verifier.names import Names


async def test_a_name_has_addresses_and_no_name_has_none() -> None:
    names = Names(2)
    assert "127.0.0.1" in {one["host"] for one in await names.resolve("localhost", 443, socket.AF_INET)}
    for wrong in ("nowhere.invalid", "x" * 70 + ".example", "\udcff.example"):
        with pytest.raises(OSError):  # noqa: PT011  # whatever the system says
            await names.resolve(wrong, 443)


async def test_who_stops_waiting_leaves_his_thread_and_his_turn_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), []

    def slow(host: str, *_: Any) -> list[Any]:
        asked.append(host)
        answers.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    names = Names(2)
    for number, host in enumerate(("a", "b"), 1):
        waiting = asyncio.ensure_future(names.resolve(host, 443))
        while len(asked) < number:  # noqa: ASYNC110  # threads set no event
            await asyncio.sleep(0.001)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    third = asyncio.ensure_future(names.resolve("c", 443))
    await asyncio.sleep(0.05)
    assert asked == ["a", "b"]
    answers.set()
    assert [one["host"] for one in await third] == ["192.0.2.1"]


async def test_a_domain_that_does_not_answer_leaves_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), []

    def slow(host: str, *_: Any) -> list[Any]:
        asked.append(host)
        if host.endswith("slow.example"):
            answers.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    names = Names(16)
    waiting = [asyncio.ensure_future(names.resolve(f"h{number}.slow.example", 443)) for number in range(40)]
    while len(asked) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    quick = names.resolve("quick.example.org", 443)
    assert [one["host"] for one in await asyncio.wait_for(quick, 30)] == ["192.0.2.1"]
    assert len(asked) == 3
    waiting.pop().cancel()
    answers.set()
    assert len(await asyncio.gather(*waiting)) == 39
