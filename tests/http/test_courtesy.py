"""Whoever comes with a single request goes first; and batches get on all the same."""

import asyncio

import pytest

from registry.http.courtesy import ENOUGH_S, LONGEST_S, REMEMBERED_S, SHORTER_S, Courtesy


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


async def test_a_batch_takes_its_turn_at_once_while_nobody_is_there():
    courtesy = Courtesy(Clock())
    await asyncio.wait_for(courtesy.turn(), 60)
    assert not courtesy.is_called_for


async def test_it_waits_until_the_last_single_request_is_over():
    courtesy, first, second = Courtesy(Clock()), asyncio.Event(), asyncio.Event()

    async def single(over):
        with courtesy:
            await over.wait()

    singles = [asyncio.create_task(single(over)) for over in (first, second)]
    await asyncio.sleep(0)
    turn = asyncio.create_task(courtesy.turn())
    first.set()
    await singles[0]
    assert not turn.done(), "the other one is still under way"
    assert courtesy.is_called_for
    second.set()
    await asyncio.wait_for(turn, 60)


async def test_it_gets_on_however_many_there_are():
    clock = Clock()
    courtesy = Courtesy(clock)
    with courtesy:
        turn = asyncio.create_task(courtesy.turn())
        for _ in range(3):
            await asyncio.sleep(0)
        clock.now += LONGEST_S
        await asyncio.wait_for(turn, 60)
        assert courtesy.is_called_for


async def test_it_waits_less_for_somebody_who_dawdles():
    clock = Clock()
    courtesy = Courtesy(clock)
    with courtesy:
        clock.now += ENOUGH_S
        turn = asyncio.create_task(courtesy.turn())
        for _ in range(3):
            await asyncio.sleep(0)
        clock.now += SHORTER_S
        await asyncio.wait_for(turn, 60)
    with courtesy:  # after a quiet moment, patience is whole again
        turn = asyncio.create_task(courtesy.turn())
        for _ in range(3):
            await asyncio.sleep(0)
        clock.now += SHORTER_S
        await asyncio.sleep(0)
        assert not turn.done()
    await asyncio.wait_for(turn, 60)


async def test_another_one_is_expected_for_a_while():
    clock = Clock()
    courtesy = Courtesy(clock)
    with pytest.raises(ValueError, match="refused"), courtesy:
        raise ValueError("refused")
    assert courtesy.is_called_for
    clock.now += REMEMBERED_S
    assert not courtesy.is_called_for
