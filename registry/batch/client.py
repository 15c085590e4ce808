"""Sends a batch, and again when the connection is lost: what was carried out is not carried out twice."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
from aiohttp.connector import AddrInfoType

from registry.batch.files import appearing_whole
from registry.batch.issued import KEPT, write_issued
from registry.batch.patience import Patience
from registry.batch.source import Source
from registry.commands.batches import State
from registry.errors import Refused, Unavailable
from registry.http.batch_files import NDJSON

TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120)
SILENT = aiohttp.ClientTimeout(total=None, sock_connect=10)
"""Of a query, which is answered when all is done; that the registry's machine is gone, the socket finds out."""
ASKED_EVERY_S: Final = 2.0
_AGAIN: Final = (408, 429, 500, 502, 503, 504)
"""What a registry or a proxy says when the same request may succeed later."""

LONGEST_LINE: Final = 32 << 20
"""Of an answer: a document has 10 MiB at most, and what is signed of it is longer."""

Answer = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes, and in whose name."""

    url: str
    issuer: str
    key: str
    patience_s: float
    """How long to go on trying after the connection was lost."""

    @property
    def batches(self) -> str:
        """The URL of the issuer's batches."""
        return f"{self.url.rstrip('/')}/issuers/{quote(self.issuer, safe='')}/batches"


class Client:
    """Speaks to the registry; *lost* is told each time that the connection is, *sent* how many bytes went out."""

    def __init__(self, target: Target, *, sent: Callable[[int], None], lost: Callable[[str], None]) -> None:
        self._target = target
        self._sent = sent
        self._lost = lost
        self._patience = Patience(target.patience_s)

    async def send(self, source: Source, batch: str | None, operation: str | None) -> Answer:
        """Send the file under the key *batch* (None: a dry run); return the summary.

        It has `replayed` where it was told before this was called: nothing was carried out now.
        Raises `Refused` for what will not get better, `Unavailable` when patience ran out.
        """
        query = {"operation": operation} if operation else {}
        headers = {"Content-Type": source.media_type}
        if batch is None:
            query["dry_run"] = "true"
        else:
            headers["Idempotency-Key"] = batch

        async def once(session: aiohttp.ClientSession) -> Answer:
            url = self._target.batches
            async with session.post(url, params=query, headers=headers, data=self._pieces(source)) as response:
                return self._told_before(response, await _answer(response))

        return await self._patiently(once)

    async def issue(self, source: Source, batch: str, operation: str | None, path: Path) -> Answer:
        """Send the file as `send` does; write the credentials that are issued to *path*, for its owner's eyes only.

        The registry keeps no signed credential. If the connection is lost, the same rows are sent again, get the same
        bytes, and *path* is written anew. The summary has `issued`, and `unsigned`: rows that wait for a signature.
        """
        query = {"operation": operation} if operation else {}
        headers = {"Content-Type": source.media_type, "Accept": NDJSON, "Idempotency-Key": batch}

        async def once(session: aiohttp.ClientSession) -> Answer:
            url = self._target.batches
            async with session.post(url, params=query, headers=headers, data=self._pieces(source)) as response:
                if response.status != 200 or response.content_type != NDJSON:
                    return await _answer(response)
                return self._told_before(response, await write_issued(self._received(response), path))

        return await self._patiently(once)

    async def look(self, body: Answer) -> Answer:
        """Return what *body* means; raises as `send` does."""

        async def once(session: aiohttp.ClientSession) -> Answer:
            return await self._queried(session, body, {"dry_run": "true"}, {})

        return await self._patiently(once)

    async def carry_out(self, body: Answer, batch: str) -> Answer:
        """Carry out what *body* means under the key *batch*; return the summary, and raise as `send` does.

        The registry goes on when the connection is lost, so it is asked until that is over, and only then told again.
        """

        async def once(session: aiohttp.ClientSession) -> Answer:
            summary = await self._came_to(session, batch) if self._patience.is_tried else None
            return summary or await self._queried(session, body, {}, {"Idempotency-Key": batch})

        return await self._patiently(once)

    async def _queried(
        self, session: aiohttp.ClientSession, body: Answer, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> Answer:
        url = f"{self._target.batches}/by-query"
        async with session.post(url, params=query, headers=headers, json=body, timeout=SILENT) as response:
            return await _answer(response)

    async def _came_to(self, session: aiohttp.ClientSession, batch: str) -> Answer | None:
        """Return what *batch* came to, once the registry is through with it; None if it does not go on with it."""
        url, rows = f"{self._target.batches}/{quote(batch, safe='')}", 0
        while True:
            async with session.get(url) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    return None
                told = await _answer(response)
            self._patience.moved(told["rows"] - rows)
            rows = told["rows"]
            if told["state"] == State.COMPLETE:
                return {**told, "rejected": await self._first_rejected(session, url)}
            if told["state"] != State.RECEIVING:
                return None
            await asyncio.sleep(ASKED_EVERY_S)

    async def _first_rejected(self, session: aiohttp.ClientSession, url: str) -> list[Any]:
        query, headers = {"outcome": "rejected"}, {"Accept": NDJSON}
        async with session.get(f"{url}/result", params=query, headers=headers) as response:
            if response.status != HTTPStatus.OK:
                raise await _problem(response)
            rejected: list[Any] = []
            async for line in response.content:
                rejected.append(json.loads(line))
                if len(rejected) == KEPT:
                    break
            return rejected

    def _told_before(self, response: aiohttp.ClientResponse, summary: Answer) -> Answer:
        """Return the summary, `replayed` if it was told before; what an attempt of ours came to is no old answer."""
        is_old = response.headers.get("Idempotency-Replayed") == "true" and not self._patience.is_tried
        return {**summary, "replayed": True} if is_old else summary

    async def _pieces(self, source: Source) -> AsyncIterator[bytes]:
        self._sent(0)
        total = 0
        for piece in source.pieces():
            yield piece
            total += len(piece)
            self._sent(total)
            self._patience.moved(len(piece))

    async def _received(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        async for line in response.content:
            self._patience.moved(len(line))
            yield line

    async def reasons(self, batch: str) -> dict[int, str]:
        """Return why rows were rejected: row → why."""

        async def read(lines: AsyncIterator[bytes]) -> dict[int, str]:
            told = [json.loads(line) async for line in lines]
            return {one["row"]: one["problem"]["detail"] for one in told}

        return await self._result(batch, "rejected", NDJSON, read)

    async def write_result(self, batch: str, media_type: str, path: Path) -> None:
        """Write what became of each row to *path*, which appears when all is there."""

        async def write(lines: AsyncIterator[bytes]) -> None:
            with appearing_whole(path) as file:
                async for line in lines:
                    file.write(line)

        await self._result(batch, None, media_type, write)

    async def _result(
        self, batch: str, wanted: str | None, media_type: str, take: Callable[[AsyncIterator[bytes]], Awaitable[T]]
    ) -> T:
        """Hand what became of the rows to *take*, line by line; from the first again when the connection is lost."""
        query = {"outcome": wanted} if wanted else {}
        url = f"{self._target.batches}/{quote(batch, safe='')}/result"

        async def once(session: aiohttp.ClientSession) -> T:
            async with session.get(url, params=query, headers={"Accept": media_type}) as response:
                if response.status != 200 or response.content_type != media_type:
                    raise await _problem(response)
                return await take(self._received(response))

        return await self._patiently(once)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._target.key}"},
            timeout=TIMEOUT,
            read_bufsize=LONGEST_LINE // 2,
            connector=aiohttp.TCPConnector(socket_factory=_kept_alive),
        )

    async def _patiently(self, once: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T:
        asyncio.get_running_loop().set_exception_handler(_unless_told)
        self._patience = patience = Patience(self._target.patience_s)
        while True:
            patience.begin()
            try:
                async with self._session() as session:
                    return await once(session)
            except (aiohttp.ClientError, OSError, TimeoutError, Unavailable) as error:
                pause_s = None if isinstance(error, aiohttp.InvalidURL) else patience.pause_s()
                if pause_s is None and isinstance(error, Unavailable):
                    raise
                if pause_s is None:
                    raise Unavailable(f"{self._target.url} cannot be reached: {_reason(error)}") from None
                self._lost(_reason(error))
            await asyncio.sleep(pause_s)


def _kept_alive(address: AddrInfoType) -> socket.socket:
    """Return a socket that tells, within some two minutes, that nobody is at the other end any more."""
    family, kind, protocol, _, _ = address
    one = socket.socket(family, kind, protocol)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):  # not everywhere
            one.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return one


def _unless_told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of what nobody waited for, but not of a lost connection.

    aiohttp drops that error of an upload's writer, and the request tells the same.
    """
    if not isinstance(context.get("exception"), (aiohttp.ClientError, OSError)):
        loop.default_exception_handler(context)


async def _answer(response: aiohttp.ClientResponse) -> Answer:
    """Return a good answer; raise `Refused` or `Unavailable` for a problem."""
    answer = await _object(response)
    if response.status == 200 and answer is not None:
        return answer
    raise await _problem(response)


async def _problem(response: aiohttp.ClientResponse) -> Refused | Unavailable:
    """Return what a bad answer says."""
    detail = (await _object(response) or {}).get("detail")
    sentence = str(detail or f"{response.url.host} answered {response.status}, and not as a registry does.")
    return Unavailable(sentence) if response.status in _AGAIN else Refused(sentence)


async def _object(response: aiohttp.ClientResponse) -> Answer | None:
    try:
        answer = json.loads(await response.text(errors="replace"))
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
