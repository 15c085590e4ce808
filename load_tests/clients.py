"""Clients that keep their connections and ask again as soon as they are answered; cheap, for they share the cores."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat

from load_tests.servers import Server

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
ANSWER_S = 30
NOT_MODIFIED = 304
"""Has no body, whatever its Content-Length says: that one is of the 200 that it stands for."""


@dataclass(frozen=True, slots=True)
class Load:
    """What clients ask, and how much of it."""

    requests: Callable[[Server], Iterable[bytes]]
    """Whole requests for a server; clients take them in turn, and stop when there are none left."""
    expected: int
    """The status that every answer must have."""
    connections: int = 64
    seconds: float = 1.5
    most: int = 50_000


@dataclass(frozen=True, slots=True)
class Rates:
    """What came of it."""

    per_cpu_s: float
    """Answers for each CPU second of the server's process."""
    per_s: float
    p50_ms: float
    """From asking until the whole answer is there, as half of the clients' requests had it at most."""
    p99_ms: float
    answers: int


def request(server: Server, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return one whole HTTP/1.1 request."""
    every = {"Host": f"127.0.0.1:{server.port}", "User-Agent": "load-test", **headers}
    if body:
        every["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def same(method: str, path: str, headers: Mapping[str, str]) -> Callable[[Server], Iterable[bytes]]:
    """Return one request for ever, as `Load` wants it."""
    return lambda server: repeat(request(server, method, path, headers))


async def press(server: Server, load: Load) -> Rates:
    """Put *load* on *server*; raise `RuntimeError` for any answer that is not as expected."""
    loop = asyncio.get_running_loop()
    clients = Clients(load, iter(load.requests(server)))
    opened = [await loop.create_connection(clients.one, "127.0.0.1", server.port) for _ in range(load.connections)]
    try:
        cpu_s, began = server.cpu_s(), time.perf_counter()
        clients.deadline = began + load.seconds
        for _, client in opened:
            client.ask()
        async with asyncio.timeout(load.seconds + ANSWER_S):
            await clients.are_done
        elapsed, cpu_s = time.perf_counter() - began, server.cpu_s() - cpu_s
    finally:
        for transport, _ in opened:
            transport.abort()
    waited = sorted(clients.waited_s)
    p50, p99 = (1000 * waited[int(share * (len(waited) - 1))] for share in (0.5, 0.99))
    return Rates(clients.answered / max(cpu_s, 0.001), clients.answered / elapsed, p50, p99, clients.answered)


class Clients:
    """All clients of one measurement, and what they have in common."""

    def __init__(self, load: Load, requests: Iterable[bytes]) -> None:
        self.deadline = 0.0
        self.answered = 0
        self.waited_s: list[float] = []
        self.are_done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._load = load
        self._requests = iter(requests)
        self._asked = 0

    def one(self) -> Client:
        """Return a client of a connection of its own."""
        return Client(self)

    def next(self) -> bytes | None:
        """Return what to ask next; None when it was enough."""
        if self._asked >= self._load.most or time.perf_counter() >= self.deadline:
            return None
        asked = next(self._requests, None)
        self._asked += asked is not None
        return asked

    def count(self, status: int, body: bytes, waited_s: float) -> None:
        """Count one answer."""
        self.answered += 1
        self.waited_s.append(waited_s)
        if status != self._load.expected:
            self.fail(f"{status} instead of {self._load.expected}: {body[:500]!r}")

    def rest(self) -> None:
        """One client has nothing more to ask: all are done when everything that was asked is answered."""
        if self.answered == self._asked and not self.are_done.done():
            self.are_done.set_result(None)

    def fail(self, sentence: str) -> None:
        """End the measurement."""
        if not self.are_done.done():
            self.are_done.set_exception(RuntimeError(sentence))


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._buffer = b""
        self._asked_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """A server that hangs up spoils the measurement; once it is over, nobody minds."""
        self._clients.fail(f"The server closed a connection: {exc}.")

    def ask(self) -> None:
        """Send the next request, if there is one."""
        asked = self._clients.next()
        if asked is None or self._transport is None:
            self._clients.rest()
        else:
            self._asked_at = time.perf_counter()
            self._transport.write(asked)

    def data_received(self, data: bytes) -> None:
        """Take an answer, whole or in parts, and ask again."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        status = int(self._buffer[9:12])
        length = None if status == NOT_MODIFIED else _LENGTH.search(self._buffer, 0, end)
        if len(self._buffer) >= end + (int(length[1]) if length else 0):
            waited_s = time.perf_counter() - self._asked_at
            self._clients.count(status, self._buffer[end:], waited_s)
            self._buffer = b""
            self.ask()
