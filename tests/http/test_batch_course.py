"""The chunks of a batch: several on their way, answered in order, whatever becomes of one of them."""

import asyncio
from functools import partial

import pytest

from registry.commands.handle import Outcome
from registry.errors import DatabaseUnavailable, OutOfTurn
from registry.http.batch_course import AT_ONCE, FEW_AT_ONCE, Pace, Seen, _sent_on, in_turn
from registry.http.batch_files import Chunk
from registry.http.courtesy import Courtesy


async def many(count):
    for number in range(count):
        yield Chunk(number, number + 1, [b"{}"])


async def no_rows(_):
    return ()


def answer(first_row):
    return Outcome(1, {"first": first_row, "rows": [], "shapes": [], "counts": [0, 0, 0]}, replayed=False)


async def test_several_chunks_are_on_their_way_and_what_they_came_to_is_taken_in_order():
    free, sent, told = asyncio.Event(), [], []

    async def carry_out(chunk, rows, ahead):
        sent.append((chunk.number, ahead is not None))
        await free.wait()
        return answer(chunk.first_row)

    async def tell(kept):
        told.append(kept["first"])

    task = asyncio.create_task(_sent_on(Pace(Courtesy()), many(AT_ONCE + 3), no_rows, carry_out, Seen(), tell))
    for _ in range(50):
        await asyncio.sleep(0)
    assert sent == [(0, False), *((number, True) for number in range(1, AT_ONCE))]
    free.set()
    await task
    assert [number for number, _ in sent] == list(range(AT_ONCE + 3))
    assert told == list(range(1, AT_ONCE + 4))


class Log:
    """Carries out what follows something that is there; the first attempt of `again` fails."""

    def __init__(self, again=None, refused=None):
        self.done = []
        self.attempts = []
        self.again = again
        self.refused = refused
        self.pace = Pace(Courtesy())

    async def write(self, chunk, *, behind):
        self.attempts.append(chunk.number)
        if chunk.number == self.again and self.attempts.count(chunk.number) == 1:
            for _ in range(20):
                await asyncio.sleep(0)  # what follows comes to its turn meanwhile
        elif chunk.number == self.refused:
            await asyncio.sleep(0)
            raise DatabaseUnavailable("away")
        elif behind is not None and chunk.number - 1 not in self.done:
            raise OutOfTurn("not yet")
        self.done.append(chunk.number)
        return answer(chunk.first_row)

    async def carry_out(self, chunk, rows, ahead):
        return await in_turn(self.pace, partial(self.write, chunk), b"hash" if ahead else None, ahead)


async def test_behind_a_chunk_that_takes_a_second_attempt_the_others_wait_for_it():
    log, seen = Log(again=2), Seen()
    await _sent_on(log.pace, many(7), no_rows, log.carry_out, seen)
    assert log.done == list(range(7))
    assert log.attempts.count(3) == 2
    assert seen.chunks == 7


async def test_once_they_are_over_the_next_ones_follow_each_other_again():
    log, seen = Log(again=2), Seen()
    await _sent_on(log.pace, many(AT_ONCE * 4), no_rows, log.carry_out, seen)
    assert log.done == list(range(AT_ONCE * 4))
    again = [number for number in log.done if log.attempts.count(number) > 1]
    assert again == list(range(3, 3 + len(again))), "those that were on their way"
    assert 0 < len(again) < AT_ONCE
    assert log.pace.at_once == AT_ONCE


async def test_behind_a_chunk_that_could_not_be_carried_out_nothing_is():
    log, seen = Log(refused=1), Seen()
    with pytest.raises(DatabaseUnavailable):
        await _sent_on(Pace(Courtesy()), many(7), no_rows, log.carry_out, seen)
    assert log.done == [0]
    assert seen.chunks == 1


async def test_what_cannot_follow_anything_is_told_so():
    with pytest.raises(OutOfTurn):
        await in_turn(Pace(Courtesy()), partial(Log().write, Chunk(5, 6, [])), b"hash", None)


async def test_few_chunks_are_on_their_way_while_single_requests_come_in():
    courtesy, sent, go = Courtesy(lambda: 0.0), [], asyncio.Event()

    async def carry_out(chunk, rows, ahead):
        sent.append(ahead)
        await go.wait()
        return answer(chunk.first_row)

    with courtesy:
        pass  # one was there a moment ago
    task = asyncio.create_task(_sent_on(Pace(courtesy), many(5), no_rows, carry_out, seen := Seen()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(sent) == FEW_AT_ONCE
    go.set()
    await asyncio.wait_for(task, 60)
    assert seen.chunks == 5
