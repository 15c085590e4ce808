"""The one place that asks strangers for anything: status lists, and the documents of issuers elsewhere.

Whoever presents a credential chooses what is fetched, so nothing is trusted: neither the URL (`remote_url.py`), nor
what its name resolves to (`addresses.py` judges the socket's own address, after every name server had its say), nor
what comes back. Https with a verified certificate, no redirects, no proxies from the environment, no cookies, one
bound on time and two on size, and few requests at once.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType
from yarl import URL

from registry.errors import Malformed, RemoteRefused, RemoteUnavailable, Unavailable
from registry.inflating import inflated
from registry.verifier.addresses import is_public, is_public_or_private
from registry.verifier.freshness import fresh_s
from registry.verifier.names import Names
from registry.verifier.remote_url import RemoteUrl, remote_url


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one answer may cost, and how many may be on their way."""

    time_s: float = 5
    """From the call to the last byte, waiting for a turn included."""
    compressed_bytes: int = 2 * 1024 * 1024
    inflated_bytes: int = 4 * 1024 * 1024
    at_once: int = 32
    per_host: int = 4
    waiting: int = 256
    """More calls than this are refused at once."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe: the composition root chooses it, and nothing in the environment does."""

    is_public: Callable[[str], bool] = is_public
    """Judges the address of a socket."""
    is_reachable_when_named: Callable[[str], bool] = is_public_or_private
    """The same, for hosts that the operator named."""
    named: frozenset[str] = frozenset()
    """`host` or `host:port`, in lower case: may lie in a private network."""
    refused: frozenset[str] = frozenset()
    """`host:port` that is never asked: our own."""
    tls: ssl.SSLContext | None = None
    """None: the system's authorities."""
    names: AbstractResolver | None = None
    """None: the system's name servers."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, inflated."""

    url: str
    media_type: str
    """In lower case, without parameters."""
    body: bytes
    fetched_at: datetime
    fresh_s: float | None
    """How long its sender lets it be kept (RFC 9111); 0: not at all; None: nothing was said."""


class Fetcher:
    """Fetches, or says why not; opened by `start`, on the running loop.

    *observe* is told each outcome and its seconds; *enabled* False refuses everything, for a registry that must not
    speak to the outside.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        trust: Trust | None = None,
        limits: FetchLimits | None = None,
        observe: Callable[[str, float], None] = lambda _outcome, _seconds: None,
        enabled: bool = True,
    ) -> None:
        self._clock = clock
        self._trust = trust or Trust()
        self._limits = limits or FetchLimits()
        self._observe = observe
        self._enabled = enabled
        self._waiting = 0
        self._turns = asyncio.Semaphore(self._limits.at_once)
        self._inflating = ThreadPoolExecutor(2, "inflating")
        self._public: aiohttp.ClientSession | None = None
        self._named: aiohttp.ClientSession | None = None
        self._names = self._trust.names or Names(self._limits.at_once)

    async def start(self) -> None:
        """Open what is needed; nothing is asked yet."""
        tls = self._trust.tls or ssl.create_default_context()
        self._public = self._session(self._trust.is_public, tls)
        self._named = self._session(self._trust.is_reachable_when_named, tls)

    async def close(self) -> None:
        """End what is under way."""
        for session in (self._public, self._named):
            if session is not None:
                await session.close()
        await self._names.close()
        self._inflating.shutdown(wait=False, cancel_futures=True)

    async def fetch(self, url: str, *, accept: Sequence[str], allowed: Sequence[str] = ()) -> Fetched:
        """Return what lies at *url*, if it is one of the media types *accept* (preferred) or *allowed* (taken too).

        Raises `RemoteRefused` for a URL that is never asked, and `RemoteUnavailable` for one that does not answer
        rightly, within 5 s, within 2 MiB as it comes and 4 MiB inflated. Both say nothing about the network here. A
        plain `Unavailable` says nothing about the host either: too much is under way.
        """
        began, outcome = perf_counter(), "cancelled"
        try:
            wanted = ", ".join([*accept, *(f"{one};q=0.8" for one in allowed)])
            fetched = await self._in_time(self._judged(url), url, wanted, {*accept, *allowed})
            outcome = "fetched"
        except (RemoteRefused, Unavailable) as error:
            outcome = str(error.extra.get("reason", "refused"))
            raise
        finally:
            self._observe(outcome, perf_counter() - began)
        return fetched

    async def _in_time(self, target: RemoteUrl, url: str, wanted: str, taken: Collection[str]) -> Fetched:
        if self._waiting >= self._limits.waiting:
            raise Unavailable("Too much is being fetched already; ask again in a moment.", reason="full")
        is_our_turn = False
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.time_s), self._turns:
                is_our_turn = True
                return await self._ask(target, url, wanted, taken)
        except TimeoutError as error:
            if not is_our_turn:  # which says nothing about the host
                raise Unavailable("Too much is being fetched already; ask again in a moment.", reason="full") from error
            late = f"{target.host} did not answer within {self._limits.time_s:g} s."
            raise RemoteUnavailable(late, reason="timeout") from error
        finally:
            self._waiting -= 1

    def _judged(self, url: str) -> RemoteUrl:
        if not self._enabled:
            raise RemoteRefused("This registry fetches nothing from elsewhere: its operator set REGISTRY_FETCH to off.")
        target = remote_url(url, self._trust.named)
        if f"{target.host}:{target.port}" in self._trust.refused:
            raise RemoteRefused(f"{target.host} is this registry itself; nothing of its own is fetched.")
        return target

    async def _ask(self, target: RemoteUrl, url: str, wanted: str, taken: Collection[str]) -> Fetched:
        session = self._named if target.is_named else self._public
        if session is None:
            raise Unavailable("The registry is starting; ask again in a moment.", reason="full")
        try:
            response = await session.get(
                URL(target.text, encoded=True), headers={"Accept": wanted}, allow_redirects=False
            )
            try:
                return await self._taken(target, url, response, taken)
            finally:
                response.close()
        except aiohttp.ClientError as error:
            raise _unreachable(target, error) from error
        except (OSError, ValueError) as error:  # a name that cannot be encoded, a header that is none
            raise RemoteUnavailable(f"{target.host} could not be reached from here.", reason="unreachable") from error

    async def _taken(
        self, target: RemoteUrl, url: str, response: aiohttp.ClientResponse, taken: Collection[str]
    ) -> Fetched:
        if response.status != 200:
            moved = ": redirects are not followed" if 300 <= response.status < 400 else ""
            raise RemoteUnavailable(f"{target.host} answered {response.status}{moved}.", reason="status")
        media_type = response.content_type
        if media_type not in taken:
            raise RemoteUnavailable(
                f"{target.host} answered {media_type[:80]!r}, which is not what was asked for.", reason="media_type"
            )
        compressed = await self._body(target, response)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower() or "identity"
        try:
            body = await self._inflated(compressed, coding)
        except Malformed as error:
            raise RemoteUnavailable(f"What {target.host} answered is not taken. {error}", reason="content") from error
        return Fetched(url, media_type, body, self._clock(), fresh_s(response.headers))

    async def _body(self, target: RemoteUrl, response: aiohttp.ClientResponse) -> bytes:
        limit = self._limits.compressed_bytes
        chunks = bytearray()
        if (response.content_length or 0) <= limit:
            async for chunk in response.content.iter_any():
                chunks += chunk
                if len(chunks) > limit:
                    break
            else:
                return bytes(chunks)
        raise RemoteUnavailable(f"{target.host} answered more than {limit} bytes.", reason="too_large")

    async def _inflated(self, compressed: bytes, coding: str) -> bytes:
        limit = self._limits.inflated_bytes
        if coding == "identity":
            return inflated(compressed, coding, max_bytes=limit)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._inflating, lambda: inflated(compressed, coding, max_bytes=limit))

    def _session(self, is_allowed: Callable[[str], bool], tls: ssl.SSLContext) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # `_turns` counts, so that waiting can be told from a host's silence
            limit_per_host=self._limits.per_host,
            force_close=True,
            use_dns_cache=False,
            resolver=self._names,
            ssl=tls,
            socket_factory=guard(is_allowed),
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(),  # `_in_time` counts
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "credential-registry", "Accept-Encoding": "gzip, deflate"},
        )


def guard(is_allowed: Callable[[str], bool]) -> Callable[[AddrInfoType], socket.socket]:
    """Return what makes sockets, but only to addresses that *is_allowed* approves.

    It sees the address that will be connected to: also of an IP literal, and of a name that changed since it was
    last looked up. Raises `PermissionError` for any other.
    """

    def guarded(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        if family not in (socket.AF_INET, socket.AF_INET6) or not is_allowed(str(where[0])):
            raise PermissionError(errno.EACCES, "the address is not public")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return guarded


def _unreachable(target: RemoteUrl, error: aiohttp.ClientError) -> RemoteUnavailable:
    """One sentence for whatever lies between here and there, so that nobody can map our network by asking."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return RemoteUnavailable(f"{target.host} has no certificate that is trusted here.", reason="certificate")
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | aiohttp.ClientResponseError):
        return RemoteUnavailable(f"{target.host} did not answer as HTTP has it.", reason="protocol")
    is_guarded = isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno == errno.EACCES
    return RemoteUnavailable(
        f"{target.host} could not be reached from here.", reason="address" if is_guarded else "unreachable"
    )
