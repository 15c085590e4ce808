"""Requests to one deployment: bounded in rate, number and time; lost connections are tried again, and all are timed.

They are due at a steady rate, whatever the answers take: a server that stalls makes all that wait for it late, not only
those few that it was asked already.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import orjson

from load_tests.deployment.histogram import Histogram

TRIES = 5
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_HURRY = 2
"""How many times the rate at most arrears are made up for."""
_ASKED_TO_WAIT = frozenset({429, 503})
_REFUSED = 400
MOST_BYTES = 32 << 20
"""Of an answer."""


class Over(Exception):
    """The time is up, or as much was asked as was meant to be."""


class NoAnswer(Exception):
    """However often it was tried, no answer came; of a write nobody knows whether it was recorded."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, with the times of sending the request and of having all of it, on the clock of `time.monotonic`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: float
    now: float
    tries: int = 1
    """Those before were lost, or the server was full."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether it acknowledges a write."""
        return self.status in (200, 201)

    @property
    def is_refused(self) -> bool:
        """Whether it is certain that a write was not recorded: after an error, or a try that was lost, nobody knows."""
        return 400 <= self.status < 500 and self.tries == 1

    def json(self) -> Any:
        """Return the body; raises `ValueError`."""
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is asked at most."""

    seconds: float
    requests: int
    per_s: float


class Client:
    """Asks one deployment."""

    def __init__(self, session: aiohttp.ClientSession, url: str, bounds: Bounds) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._bounds = bounds
        self._due = self._sent = self.began = time.monotonic()
        self._load_began = self._load_until = self.began
        self._of_load = 0
        self.asked = 0
        self.took: dict[str, Histogram] = defaultdict(Histogram)
        """From when each was due until it was answered as asked, whatever it had to be tried again; or given up."""
        self.took_from_sending = Histogram()
        """Each that was answered as asked, from sending it: nearer to what the server takes, and blind to a queue."""
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.tried_again = 0
        self.unanswered = 0

    @property
    def ends(self) -> float:
        """When the time is up."""
        return self.began + self._bounds.seconds

    async def ask(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        beyond: bool = False,
    ) -> Answer:
        """Return the answer to one request of *kind*, tried again while connections are lost or the server is full.

        A write must carry an Idempotency-Key. *beyond*: also when the time is up, as the last checks are. Raises
        `Over` and `NoAnswer`.
        """
        due = await self._turn(beyond=beyond)
        try:
            answer = await self._answered(kind, method, path, json, headers or {}, beyond=beyond)
        except (NoAnswer, Over):
            self.took[kind].add(time.monotonic() - due)
            raise
        if answer.status < _REFUSED:  # refusals are fast, and would make an overloaded server look well
            self.took[kind].add(answer.now - due)
            self.took_from_sending.add(answer.now - answer.asked)
        return answer

    async def _answered(
        self, kind: str, method: str, path: str, json: object, headers: Mapping[str, str], *, beyond: bool
    ) -> Answer:
        """Ask until there is an answer; raises as `ask` does."""
        pause_s = _PAUSE_S
        for tries in range(1, TRIES + 1):
            answer = await self._once(kind, method, path, json, headers)
            if answer is not None and answer.status not in _ASKED_TO_WAIT:
                return replace(answer, tries=tries)
            self.tried_again += 1
            given = answer.headers.get("Retry-After", "") if answer is not None else ""
            await asyncio.sleep(min(max(pause_s, float(given) if given.isdigit() else 0), _LONGEST_PAUSE_S))
            pause_s *= 2
            if tries < TRIES:
                await self._turn(beyond=beyond)
        self.unanswered += 1
        raise NoAnswer(f"{method} {path} had no answer in {TRIES} tries.")

    async def _once(self, kind: str, method: str, path: str, json: object, headers: Mapping[str, str]) -> Answer | None:
        """Ask once; None when the connection was lost."""
        body = None if json is None else orjson.dumps(json)
        typed = {"Content-Type": "application/json", **headers} if json is not None else dict(headers)
        asked = time.monotonic()
        try:
            async with self._session.request(
                method, self._url + path, data=body, headers=typed, allow_redirects=False
            ) as response:
                content = await response.content.read(MOST_BYTES)
                while more := await response.content.read(MOST_BYTES - len(content)):
                    content += more
                now = time.monotonic()
                self.statuses[kind, response.status] += 1
                return Answer(response.status, response.headers, content, asked, now)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
            self.statuses[kind, 0] += 1
            return None

    async def _turn(self, *, beyond: bool) -> float:
        """Wait until it is this request's turn; return when that was due, which is before now after a stall.

        What nobody planned, *beyond*, is due at once.
        """
        now, per_s = time.monotonic(), self._bounds.per_s
        if not beyond:
            self._due += 1 / per_s
            if self.asked >= self._bounds.requests or max(self._due, now) >= self.ends:
                raise Over
        due, hurry = (now, 1) if beyond else (self._due, _HURRY)
        self._sent = max(due, now, self._sent + 1 / (hurry * per_s))
        if not beyond:
            self._of_load, self._load_until = self._of_load + 1, self._sent
        self.asked += 1
        await asyncio.sleep(self._sent - now)
        return due

    def begin(self) -> None:
        """Let what is asked from now on be due at the rate of the bounds, one after the other."""
        self._due = self._load_began = time.monotonic()

    def reached_per_s(self) -> float:
        """Return how many requests a second were asked since `begin`, until the last of them that was due."""
        return self._of_load / max(self._load_until - self._load_began, 1 / self._bounds.per_s)
