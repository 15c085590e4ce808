"""What is kept of what was had elsewhere: bounded, never past its time, loaded once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from registry.errors import RemoteUnavailable, Unavailable, UnknownVerificationMethod
from registry.verifier.allowance import allowance, spend
from registry.verifier.cache import Cache, Kept
from tests.clock import FakeClock


class Loading:
    """Loads a number, another one each time."""

    def __init__(self, clock: FakeClock, *, for_s: float = 60, weight_bytes: int = 0) -> None:
        self.times = 0
        self._clock, self._for_s, self._weight_bytes = clock, for_s, weight_bytes

    async def __call__(self) -> Kept[int]:
        self.times += 1
        await asyncio.sleep(0)
        return Kept(self.times, self._weight_bytes, self._clock() + timedelta(seconds=self._for_s))


async def test_a_value_is_kept_until_its_time_is_over_and_not_a_moment_longer(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000), Loading(clock)
    assert [await cache.get("a", load), await cache.get("a", load)] == [1, 1]
    clock.advance(seconds=59.999)
    assert await cache.get("a", load) == 1
    clock.advance(seconds=0.001)
    assert await cache.get("a", load) == 2


async def test_what_may_not_be_kept_is_not(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000), Loading(clock, for_s=0)
    assert [await cache.get("a", load), await cache.get("a", load)] == [1, 2]
    assert cache.weight_bytes == 0


async def test_who_asks_for_a_fresh_value_gets_one(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000), Loading(clock)
    await cache.get("a", load)
    assert [await cache.get("a", load, fresh=True), await cache.get("a", load)] == [2, 2]


async def test_all_who_ask_at_once_share_one_load(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000), Loading(clock)
    assert await asyncio.gather(*(cache.get("a", load) for _ in range(100))) == [1] * 100
    assert load.times == 1


async def test_one_who_leaves_does_not_take_the_load_along(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000), Loading(clock)
    leaving, staying = (asyncio.ensure_future(cache.get("a", load)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 1
    assert leaving.cancelled()


async def test_a_failure_is_remembered_for_ten_seconds(clock: FakeClock) -> None:
    times = 0

    async def fail() -> Kept[int]:
        nonlocal times
        times += 1
        raise RemoteUnavailable("not now")

    cache = Cache[str, int](clock, max_bytes=10_000)
    for seconds, asked in ((0, 1), (9, 1), (1, 2)):
        clock.advance(seconds=seconds)
        with pytest.raises(RemoteUnavailable):
            await cache.get("a", fail)
        assert times == asked


async def test_a_remembered_failure_holds_on_to_nothing_that_was_being_read(clock: FakeClock) -> None:
    async def fail() -> Kept[int]:
        megabytes = bytes(1 << 20)
        raise UnknownVerificationMethod("no key", problem_type="x", title="y") from ValueError(megabytes)

    cache = Cache[str, int](clock, max_bytes=10_000)
    raised = []
    for _ in range(3):
        with pytest.raises(UnknownVerificationMethod, match="no key") as refused:
            await cache.get("a", fail)
        raised.append(refused.value)
    assert [one.__cause__ is None for one in raised] == [False, True, True]
    assert raised[1] is not raised[2]
    assert (raised[2].problem_type, raised[2].detail) == ("x", "no key")


async def test_a_bug_is_not_remembered_and_reaches_who_asked(clock: FakeClock) -> None:
    async def fail() -> Kept[int]:
        raise KeyError("bug")

    cache = Cache[str, int](clock, max_bytes=10_000)
    with pytest.raises(KeyError):
        await cache.get("a", fail)
    assert await cache.get("a", Loading(clock)) == 1


async def test_the_least_recently_used_go_first_and_the_bound_holds(clock: FakeClock) -> None:
    cache = Cache[str, int](clock, max_bytes=10_000)
    loads = {name: Loading(clock, weight_bytes=3_000) for name in "abcd"}
    for name in "abac":  # with what each weighs by itself, two fit
        await cache.get(name, loads[name])
    assert cache.weight_bytes <= 10_000
    for name in "ac":
        await cache.get(name, loads[name])
    assert (loads["a"].times, loads["b"].times, loads["c"].times) == (1, 1, 1)
    await cache.get("b", loads["b"])
    assert loads["b"].times == 2


async def test_what_alone_is_over_the_bound_is_not_kept(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000), Loading(clock, weight_bytes=20_000)
    assert [await cache.get("a", load), await cache.get("a", load)] == [1, 2]
    assert cache.weight_bytes == 0


async def test_one_who_spent_his_allowance_is_refused_and_nobody_else(clock: FakeClock) -> None:
    cache, load = Cache[str, int](clock, max_bytes=10_000, charge=spend), Loading(clock)
    with allowance(2):
        await asyncio.gather(cache.get("a", load), cache.get("b", load))
        await cache.get("a", load)  # what is kept costs nothing
        with pytest.raises(Unavailable, match="more than 2"):
            await cache.get("c", load)
    assert await cache.get("c", load) == 3


async def test_names_count_whatever_is_found_under_them(clock: FakeClock) -> None:
    """Whoever presents a credential chooses the URLs in it, and a megabyte that leads nowhere is remembered, too."""
    cache, load = Cache[tuple[str, str], int](clock, max_bytes=1_000_000), Loading(clock)
    for number in range(20):
        await cache.get(("kind", f"{number:02}" * 50_000), load)
    assert 800_000 < cache.weight_bytes <= 1_000_000
    await cache.get(("kind", "x" * 1_000_000), load)
    assert cache.weight_bytes <= 1_000_000
