"""Quotas in bounded memory, and waiting for what was written."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import NotYetVisible, QuotaExceeded
from registry.http.limits import Quota, address_key
from registry.http.progress import Progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_nobody_ever_gets_more_than_burst_and_rate_allow(pauses):
    now, taken = 0.0, 0
    quota = Quota("reads", 2, 5, lambda: now)
    for pause in pauses:
        now += pause
        try:
            quota.take("a")
            taken += 1
        except QuotaExceeded:
            pass
        assert taken <= 5 + 2 * now + 1e-6


def test_whoever_waits_as_long_as_told_is_served():
    now = 0.0
    quota = Quota("reads", 0.5, 1, lambda: now)
    quota.take("a")
    with pytest.raises(QuotaExceeded) as refused:
        quota.take("a")
    now += refused.value.retry_after_s
    quota.take("a")


def test_one_callers_use_is_not_anothers():
    quota = Quota("reads", 1, 1, lambda: 0.0)
    quota.take("a")
    quota.take("b")
    with pytest.raises(QuotaExceeded):
        quota.take("a")


def test_memory_is_bounded_and_the_busiest_are_remembered():
    quota = Quota("reads", 1, 2, lambda: 0.0, capacity=100)
    quota.take("busy")
    quota.take("busy")
    for number in range(1_000):
        quota.take(f"passing {number}")
        with pytest.raises(QuotaExceeded):
            quota.take("busy")
    assert len(quota) == 100


@pytest.mark.parametrize(
    ("address", "same"),
    [("2001:db8::1", "2001:db8::ffff"), ("::ffff:192.0.2.1", "192.0.2.1"), ("nonsense", "nonsense")],
)
def test_a_subscriber_is_one_caller(address, same):
    assert address_key(address) == address_key(same)


def test_two_subscribers_are_two_callers():
    assert address_key("2001:db8:0:1::1") != address_key("2001:db8:0:2::1")
    assert address_key("192.0.2.1") != address_key("192.0.2.2")


async def test_a_position_that_was_reached_is_not_waited_for():
    progress = Progress()
    progress.saw("main", "p", 5, NOW)
    await progress.reach("main", "p", 5, timeout_s=0)


async def test_a_waiting_read_goes_on_when_its_position_comes():
    progress = Progress()
    waiting = asyncio.ensure_future(progress.reach("main", "p", 5, timeout_s=60))
    await asyncio.sleep(0)
    progress.saw("main", "p", 4, NOW)
    progress.saw("other", "p", 9, NOW)
    progress.saw("main", "q", 9, NOW)
    await asyncio.sleep(0)
    assert not waiting.done()
    progress.saw("main", "p", 6, NOW)
    await waiting


async def test_a_read_gives_up_in_time_and_leaves_nothing_behind():
    progress = Progress()
    for _ in range(3):
        with pytest.raises(NotYetVisible, match="main:5"):
            await progress.reach("main", "p", 5, timeout_s=0.001)
    assert progress._waiting.get(("main", "p"), []) == []


async def test_whoever_looks_is_told_that_somebody_waits_and_for_how_long():
    progress = Progress()
    assert not progress.is_awaited
    waiting = asyncio.ensure_future(progress.reach("main", "p", 5, timeout_s=60))
    await progress.awaited.wait()
    assert progress.is_awaited
    progress.saw("main", "p", 5, NOW)
    await waiting
    assert not progress.is_awaited


def test_what_is_known_never_goes_back():
    progress = Progress()
    progress.saw("main", "p", 5, NOW)
    progress.saw("main", "p", 3, NOW - timedelta(seconds=1))
    seen = progress.as_of("main", "p")
    assert (seen.position, seen.time) == (5, NOW)
