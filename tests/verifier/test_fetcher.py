"""What a fetcher takes from an honest host, and what it tells of one that is not."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from dataclasses import replace

import pytest

from registry.errors import RemoteRefused, RemoteUnavailable, Unavailable
from registry.verifier.fetcher import Fetcher, FetchLimits
from tests.clock import FakeClock
from tests.verifier.elsewhere import STRANGER, Elsewhere

JSON = ("application/json",)


async def test_a_document_is_fetched(world: Elsewhere, fetcher: Fetcher, clock: FakeClock) -> None:
    url = world.put("https://issuer.example/lists/3?x=%20", b"{}", "application/json; charset=utf-8")
    fetched = await fetcher.fetch(url, accept=JSON)
    assert (url, "application/json", b"{}", clock(), None) == (
        fetched.url, fetched.media_type, fetched.body, fetched.fetched_at, fetched.fresh_s
    )  # fmt: skip
    assert world.asked == ["issuer.example/lists/3?x=%20"]


async def test_a_request_says_no_more_than_it_must(world: Elsewhere, fetcher: Fetcher) -> None:
    await fetcher.fetch(world.put("https://issuer.example/", b"{}"), accept=JSON, allowed=("application/ld+json",))
    names = {line.partition(":")[0].lower() for line in world.heads[0].splitlines()[1:] if line}
    assert names <= {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert "Accept: application/json, application/ld+json;q=0.8" in world.heads[0]


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
)
async def test_a_compressed_document_is_inflated(
    world: Elsewhere, fetcher: Fetcher, coding: str, compress: type[bytes]
) -> None:
    body = b'"' + b"x" * 100_000 + b'"'
    url = world.put("https://issuer.example/", compress(body), Content_Encoding=coding)
    assert (await fetcher.fetch(url, accept=JSON)).body == body


@pytest.mark.parametrize(
    ("headers", "fresh_s"),
    [
        ({}, None),
        ({"Cache_Control": "public, max-age=60"}, 60),
        ({"Cache_Control": "max-age=60", "Age": "20"}, 40),
        ({"Cache_Control": "max-age=60, no-store"}, 0),
        ({"Cache_Control": "NO-CACHE"}, 0),
        ({"Expires": "Thu, 01 Jan 2026 00:10:00 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 600),
        ({"Expires": "0", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0),
        ({"Cache_Control": "s-maxage=9"}, None),
    ],
)
async def test_how_long_an_answer_may_be_kept(
    world: Elsewhere, fetcher: Fetcher, headers: dict[str, str], fresh_s: float | None
) -> None:
    fetched = await fetcher.fetch(world.put("https://issuer.example/", b"{}", **headers), accept=JSON)
    assert fetched.fresh_s == fresh_s


async def test_a_host_with_anothers_certificate_is_not_believed(world: Elsewhere, fetcher: Fetcher) -> None:
    with pytest.raises(RemoteUnavailable, match="certificate"):
        await fetcher.fetch(world.put(f"https://{STRANGER}/", b"{}"), accept=JSON)
    assert world.asked == []


async def test_a_host_that_the_operator_named_may_lie_in_a_private_network(world: Elsewhere, clock: FakeClock) -> None:
    url = f"https://lists.example:{world.port}/1"
    world.put(url.replace(f":{world.port}", ""), b"{}")
    world.addresses["issuer.example"] = ["127.0.0.1"]
    trust = replace(world.trust, is_public=lambda _: False, named=frozenset({f"lists.example:{world.port}"}))
    fetcher = Fetcher(clock, trust=trust)
    await fetcher.start()
    assert (await fetcher.fetch(url, accept=JSON)).body == b"{}"
    with pytest.raises(RemoteUnavailable):
        await fetcher.fetch("https://issuer.example/", accept=JSON)
    await fetcher.close()
    assert len(world.asked) == 1


async def test_nothing_is_fetched_when_it_is_switched_off_nor_from_ourselves(
    world: Elsewhere, clock: FakeClock
) -> None:
    off = Fetcher(clock, trust=world.trust, enabled=False)
    ours = Fetcher(clock, trust=replace(world.trust, refused=frozenset({"issuer.example:443"})))
    for one, why in ((off, "REGISTRY_FETCH"), (ours, "itself")):
        await one.start()
        with pytest.raises(RemoteRefused, match=why):
            await one.fetch("https://issuer.example/", accept=JSON)
        await one.close()
    assert world.connections == 0


async def test_every_outcome_is_observed(world: Elsewhere, clock: FakeClock) -> None:
    seen: list[str] = []
    fetcher = Fetcher(clock, trust=world.trust, observe=lambda outcome, _: seen.append(outcome))
    await fetcher.start()
    world.put("https://issuer.example/", b"{}")
    world.put("https://issuer.example/html", b"<p>", "text/html")
    world.addresses["rebinding.example"] = ["127.0.0.2"]
    for url in (
        "issuer.example/",
        "issuer.example/html",
        "issuer.example/gone",
        "rebinding.example/",
        "nowhere.example/",
    ):
        try:
            await fetcher.fetch(f"https://{url}", accept=JSON)
        except RemoteUnavailable:
            continue
    with pytest.raises(RemoteRefused):
        await fetcher.fetch("http://issuer.example/", accept=JSON)
    await fetcher.close()
    assert seen == ["fetched", "media_type", "status", "address", "unreachable", "refused"]


async def test_what_is_wrong_with_our_network_cannot_be_told_from_what_is_not_there(
    world: Elsewhere, fetcher: Fetcher
) -> None:
    """A name in our network, a name that is none, and a closed port read the same, or else anyone could map it."""
    world.addresses |= {"a.example": ["10.0.0.1"], "b.example": ["169.254.169.254"]}
    said = []
    for host in ("a.example", "b.example", "nowhere.example"):
        with pytest.raises(RemoteUnavailable) as refused:
            await fetcher.fetch(f"https://{host}/", accept=JSON)
        said.append(str(refused.value).replace(host, "host"))
    assert len(set(said)) == 1


async def test_few_are_asked_at_once_and_more_than_may_wait_are_refused(world: Elsewhere, clock: FakeClock) -> None:
    open_, most, go_on = 0, 0, asyncio.Event()

    async def hold(writer: asyncio.StreamWriter) -> None:
        nonlocal open_, most
        open_ += 1
        most = max(most, open_)
        await go_on.wait()
        open_ -= 1
        writer.write(b"HTTP/1.1 200 -\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    world.answers["issuer.example/"] = hold
    fetcher = Fetcher(clock, trust=world.trust, limits=FetchLimits(per_host=2, waiting=5, time_s=60))
    await fetcher.start()
    asking = [asyncio.ensure_future(fetcher.fetch("https://issuer.example/", accept=JSON)) for _ in range(8)]
    while len(refused := [one for one in asking if one.done()]) < 3 or open_ < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert len(refused) == 3
    assert all(type(one.exception()) is Unavailable for one in refused)
    go_on.set()
    done = await asyncio.gather(*asking, return_exceptions=True)
    await fetcher.close()
    assert sum(not isinstance(one, Exception) for one in done) == 5
    assert most == 2
