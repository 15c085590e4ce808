from __future__ import annotations

import asyncio
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import QueueFull
from registry.log.draft import View
from registry.log.fair_queue import FairQueue
from registry.log.request import Decision, Request, Waiting


def _nothing(view: View) -> Decision:
    return Decision((), lambda _: {})


def waits(queue: str, request_id: str = "r", weight: int = 1) -> Waiting:
    loop = asyncio.new_event_loop()
    try:
        return Waiting(Request(_nothing, (), queue, "key:a", request_id, weight=weight), loop.create_future())
    finally:
        loop.close()


def test_queues_take_turns_however_long_they_are():
    queue = FairQueue(100)
    for name in ["bulk"] * 10 + ["other", "third"]:
        queue.push(waits(name))
    order = [waiting.request.queue for waiting in queue.take(12)]
    assert order[:3] == ["bulk", "other", "third"]
    assert order[3:] == ["bulk"] * 9
    assert not queue


def test_a_turn_that_was_cut_off_goes_on_with_the_next_in_line():
    queue = FairQueue(100)
    for name in "aaabbbccc":
        queue.push(waits(name))
    order = [waiting.request.queue for _ in range(5) for waiting in queue.take(2)]
    assert order == list("abcabcabc")


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_within_a_queue_the_first_come_is_the_first_served(names):
    queue = FairQueue(1_000)
    for n, name in enumerate(names):
        queue.push(waits(name, str(n)))
    taken = sorted(queue.take(1_000), key=lambda waiting: waiting.request.queue)
    assert len(taken) == len(names)
    for _, group in groupby(taken, key=lambda waiting: waiting.request.queue):
        numbers = [int(waiting.request.request_id) for waiting in group]
        assert numbers == sorted(numbers)


def test_one_bulk_gets_half_of_the_room_and_a_newcomer_still_finds_some():
    queue = FairQueue(100)
    for _ in range(50):
        queue.push(waits("bulk"))
    with pytest.raises(QueueFull):
        queue.push(waits("bulk"))
    queue.push(waits("other"))
    assert len(queue) == 51


def test_what_weighs_much_takes_up_its_room_and_others_still_get_a_turn():
    queue = FairQueue(100)
    for name, weight in (("bulk", 50), ("bulk", 50), ("bulk", 50), ("single", 1), ("single", 1)):
        queue.push(waits(name, weight=weight))
    assert [waiting.request.queue for waiting in queue.take(60)] == ["bulk", "single", "bulk"]
    assert [waiting.request.queue for waiting in queue.take(60)] == ["single", "bulk"]
    assert not queue


def test_those_who_no_longer_wait_are_left_out():
    queue = FairQueue(100)
    gone, there = waits("a"), waits("a")
    for waiting in (gone, there):
        queue.push(waiting)
    gone.future.cancel()
    assert queue.take(2) == [there]
    assert len(queue) == 0
