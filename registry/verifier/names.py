"""Looking up host names without letting a slow name server hold anybody else."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any, Final
from weakref import WeakValueDictionary

from aiohttp.abc import AbstractResolver, ResolveResult

_TRIED: Final = 8
"""Addresses of one name; more are not tried."""


class Names(AbstractResolver):
    """The system's name servers, asked in *at_most* threads of our own, an eighth of them for one domain.

    They are no pool's: whoever stops waiting leaves a thread behind until the name server answers, which can take half
    a minute, and neither those that sign nor the end of the process may wait for that. Nor may other domains: whoever
    presents a credential can name as many hosts of a domain that never answers as he likes.
    """

    def __init__(self, at_most: int) -> None:
        self._free = asyncio.Semaphore(at_most)
        self._of_a_domain = max(1, at_most // 8)
        self._domains: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the first addresses of *host*; raise `OSError` when it has none."""
        domain = self._domains.setdefault(_domain_of(host), asyncio.Semaphore(self._of_a_domain))
        await domain.acquire()  # both are given back by the thread
        try:
            await self._free.acquire()
        except BaseException:
            domain.release()
            raise
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()

        def taken(found: list[Any] | OSError) -> None:
            self._free.release()
            domain.release()
            if answer.done():
                return
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        def ask() -> None:
            try:
                found: list[Any] | OSError = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                found = error if isinstance(error, OSError) else OSError("a name that cannot be encoded")
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(taken, found)

        threading.Thread(target=ask, name="names", daemon=True).start()
        return [_result(host, port, one) for one in (await answer)[:_TRIED]]

    async def close(self) -> None:
        """Wait for nobody."""


def _domain_of(host: str) -> str:
    """Return the last two labels of *host*: what belongs together for most of those who register names."""
    return ".".join(host.rsplit(".", 2)[-2:])


def _result(host: str, port: int, found: Any) -> ResolveResult:
    family, _, protocol, _, where = found
    return ResolveResult(
        hostname=host,
        host=str(where[0]),
        port=port,
        family=family,
        proto=protocol,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
