"""The corpus of attacks against the fetcher: nothing that it should not reach is reached, nothing wrong is taken."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from time import thread_time

import pytest

from registry.errors import RemoteRefused, RemoteUnavailable
from registry.verifier.addresses import is_public
from registry.verifier.fetcher import Fetcher, guard
from tests.verifier.attacks.bodies import BODIES
from tests.verifier.attacks.urls import ADDRESSES, URLS
from tests.verifier.elsewhere import Elsewhere

JSON = ("application/json",)


@pytest.mark.parametrize(("url", "why"), URLS, ids=[why for _, why in URLS])
async def test_a_url_that_is_never_asked(world: Elsewhere, fetcher: Fetcher, url: str, why: str) -> None:
    with pytest.raises(RemoteRefused):
        await fetcher.fetch(url, accept=JSON)
    assert world.connections == 0


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_name_that_leads_to_an_address_that_is_not_public(
    world: Elsewhere, fetcher: Fetcher, address: str
) -> None:
    world.addresses["issuer.example"] = [address]
    world.put("https://issuer.example/", b"{}")
    with pytest.raises(RemoteUnavailable, match="could not be reached from here"):
        await fetcher.fetch("https://issuer.example/", accept=JSON)
    assert world.connections == 0


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_guard_makes_no_socket_to_an_address_that_is_not_public(address: str) -> None:
    """It is asked last, so an IP literal that came past everything else would end here too."""
    for kind, _, protocol, _, where in socket.getaddrinfo(address, 443, type=socket.SOCK_STREAM):
        with pytest.raises(PermissionError):
            guard(is_public)((kind, socket.SOCK_STREAM, protocol, "", where))


def test_the_guard_makes_no_socket_of_another_family() -> None:
    with pytest.raises(PermissionError):
        guard(is_public)((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/run/postgresql/.s.PGSQL.5432"))  # type: ignore[arg-type]


async def test_a_name_that_is_public_once_and_ours_the_next_time(world: Elsewhere, fetcher: Fetcher) -> None:
    """Rebinding: what is judged is the address of the socket, so it does not matter who was asked when."""
    world.addresses["rebinding.example"] = ["127.0.0.1", "127.0.0.2"]
    url = world.put("https://rebinding.example/", b"{}")
    await fetcher.fetch(url, accept=JSON)
    with pytest.raises(RemoteUnavailable):
        await fetcher.fetch(url, accept=JSON)
    assert world.connections == 1


@pytest.mark.parametrize("what", BODIES)
async def test_an_answer_that_is_not_taken(world: Elsewhere, impatient: Fetcher, what: str) -> None:
    world.answers["issuer.example/"] = BODIES[what]()
    async with asyncio.timeout(25):  # the silent one lasts longer
        with pytest.raises(RemoteUnavailable):
            await impatient.fetch("https://issuer.example/", accept=JSON)
    assert set(world.asked) <= {"issuer.example/"}, "nothing else was asked, wherever the answer pointed"


async def test_a_bomb_takes_no_more_memory_than_its_bound(world: Elsewhere, fetcher: Fetcher) -> None:
    world.answers["issuer.example/"] = BODIES["a gzip bomb"]()
    tracemalloc.start()
    try:
        with pytest.raises(RemoteUnavailable, match="inflates to more than"):
            await fetcher.fetch("https://issuer.example/", accept=JSON)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


async def test_attacks_do_not_hold_up_the_event_loop(world: Elsewhere, impatient: Fetcher) -> None:
    """Everything at once, and meanwhile the loop turns: between two of its turns its thread works less than 50 ms (by
    its own time, which others on the machine do not lengthen)."""
    for number, made in enumerate(BODIES.values()):
        world.answers[f"issuer.example/{number}"] = made()
    attacking = asyncio.gather(
        *(impatient.fetch(f"https://issuer.example/{number}", accept=JSON) for number in range(len(BODIES))),
        *(impatient.fetch(url, accept=JSON) for url, _ in URLS),
        return_exceptions=True,
    )
    late = []
    while not attacking.done():
        before = thread_time()
        await asyncio.sleep(0.001)
        late.append(thread_time() - before)
    assert all(isinstance(one, RemoteRefused | RemoteUnavailable) for one in await attacking)
    assert sorted(late)[int(len(late) * 0.95)] < 0.05
