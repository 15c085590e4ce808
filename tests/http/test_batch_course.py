"""The chunks of a batch, one after the other, whatever becomes of one of them."""

import asyncio

import pytest

from registry.commands.handle import Outcome
from registry.errors import DatabaseUnavailable
from registry.http.batch_course import Seen, _sent_on
from registry.http.batch_files import Chunk


async def three():
    for number in range(3):
        yield Chunk(number, number + 1, [b"{}"])


async def no_rows(_):
    return ()


def answer(chunk):
    return Outcome(1, {"first": chunk.first_row, "rows": [], "shapes": [], "counts": [0, 0, 0]}, replayed=False)


async def test_a_chunk_is_carried_out_after_the_one_before_it_even_when_that_takes_a_second_attempt():
    done = []

    async def carry_out(chunk, _):
        if chunk.number == 0:
            await asyncio.sleep(0.05)
        done.append(chunk.number)
        return answer(chunk)

    await _sent_on(three(), no_rows, carry_out, Seen())
    assert done == [0, 1, 2]


async def test_behind_a_chunk_that_could_not_be_carried_out_nothing_is():
    done = []

    async def carry_out(chunk, _):
        await asyncio.sleep(0.05 if chunk.number == 0 else 0)
        if chunk.number == 0:
            raise DatabaseUnavailable("away")
        done.append(chunk.number)
        return answer(chunk)

    with pytest.raises(DatabaseUnavailable):
        await _sent_on(three(), no_rows, carry_out, Seen())
    assert done == []
