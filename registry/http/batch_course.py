"""A batch on its way: chunk after chunk to the sequencer, which keeps their order, and what they came to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from registry.commands.batch_places import Place
from registry.commands.batches import differs
from registry.commands.handle import Outcome
from registry.commands.row_answers import ACCEPTED, REJECTED, WORDS, RowOutcome, counts_of, outcomes
from registry.domain.commands import CarryOutRows, Row, RowCounts
from registry.errors import OutOfTurn
from registry.http.batch_files import Chunk
from registry.http.courtesy import Courtesy
from registry.http.door import Call
from registry.http.writes import asked

AT_ONCE: Final = 24
"""Chunks of a batch that are on their way: one is written while others are decided behind it."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of rows that are on their way: a few of the longest documents are as much as many chunks of short rows."""
FEW_AT_ONCE: Final = 1
"""The same while single requests come in too: they wait behind what is on its way."""
EXAMPLES: Final = 20
"""Rows that an answer shows."""

Chunks = AsyncIterator[Chunk]
RowOf = Callable[[bytes], Row]
"""A record of a chunk → its command, or why it is none."""
RowsOf = Callable[[Chunk], Awaitable[tuple[Row, ...]]]
"""The same for a whole chunk."""
Sent = asyncio.Future[Outcome]
"""A chunk on its way."""
CarryOut = Callable[[Chunk, tuple[Row, ...], Sent | None], Awaitable[Outcome]]
"""Carries out a chunk behind the one that was sent before it, if that is still on its way."""
Told = Callable[[dict[str, Any]], Awaitable[None]]
"""Is handed what is kept of each chunk, in order."""


def each(row_of: RowOf) -> RowsOf:
    """Return what reads a chunk record by record."""

    async def rows_of(chunk: Chunk) -> tuple[Row, ...]:
        return tuple(map(row_of, chunk.records))

    return rows_of


@dataclass(slots=True)
class Pace:
    """How many chunks of a batch may be on their way."""

    courtesy: Courtesy
    is_order_lost: bool = False
    """Whether one took a second attempt: all that are sent behind it would too, so first those there are get over."""

    @property
    def at_once(self) -> int:
        """The most at this moment."""
        return FEW_AT_ONCE if self.is_order_lost or self.courtesy.is_called_for else AT_ONCE


@dataclass(slots=True)
class Seen:
    """What became of the chunks so far."""

    counts: RowCounts = field(default_factory=RowCounts)
    chunks: int = 0
    rejected: list[RowOutcome] = field(default_factory=list)
    accepted: list[RowOutcome] = field(default_factory=list)

    def take(self, answer: dict[str, Any]) -> None:
        """Take in the answer of the next chunk."""
        self.counts = self.counts.plus(counts_of(answer))
        self.chunks += 1
        wants = [ACCEPTED] if len(self.accepted) < EXAMPLES else []
        wants += [REJECTED] if len(self.rejected) < EXAMPLES else []
        for one in outcomes(answer, wants) if wants else ():
            examples = self.rejected if one.word == WORDS[REJECTED] else self.accepted
            if len(examples) < EXAMPLES:
                examples.append(one)


async def carried_out(
    call: Call, place: Place, chunks: Chunks, rows_of: RowsOf, parameters: Callable[[], bytes], told: Told | None = None
) -> tuple[Seen, Outcome]:
    """Carry out *chunks*, and record the end of the batch; *parameters* tell what else decides what they mean."""
    batches, whose, seen = call.parts.batches, asked(call), Seen()
    pace = Pace(call.parts.courtesy)
    before = await batches.ended(place)
    digest = b""

    async def carry_out(chunk: Chunk, rows: tuple[Row, ...], ahead: Sent | None) -> Outcome:
        nonlocal digest
        command = _command(call, chunk, rows, seen)
        if before is not None and chunk.number >= before.chunks:
            raise differs(command)
        behind, digest = digest if ahead else None, chunk.digest(parameters())
        sent = partial(batches.carry_out, whose, place, command, chunk.number, digest)
        return await in_turn(pace, sent, behind, ahead)

    await _sent_on(pace, chunks, rows_of, carry_out, seen, told)
    end = CarryOutRows(
        call.parts.clock(), call.issuer, (), seen.counts.rows + 1, seen.counts, seen.chunks, is_last=True
    )
    if before is None and await batches.has_chunk(place, seen.chunks):
        raise differs(end)
    of_end = Chunk(seen.chunks, seen.counts.rows + 1, []).digest(f"{seen.chunks}".encode())
    return seen, await batches.carry_out(whose, place, end, seen.chunks, of_end)


async def looked_at(call: Call, chunks: Chunks, rows_of: RowsOf) -> Seen:
    """Return what would become of *chunks*; nothing is recorded."""
    batches, whose, seen = call.parts.batches, asked(call), Seen()

    async def look(chunk: Chunk, rows: tuple[Row, ...], _: Sent | None) -> Outcome:
        return await batches.look(whose, _command(call, chunk, rows, seen))

    with batches.receiving(Place.of_a_look(call.log, call.issuer)):
        await _sent_on(Pace(call.parts.courtesy), chunks, rows_of, look, seen)
    return seen


def _command(call: Call, chunk: Chunk, rows: tuple[Row, ...], seen: Seen) -> CarryOutRows:
    return CarryOutRows(call.parts.clock(), call.issuer, rows, chunk.first_row, seen.counts, seen.chunks)


async def in_turn(
    pace: Pace, carry_out: Callable[..., Awaitable[Outcome]], behind: bytes | None, ahead: Sent | None
) -> Outcome:
    """Carry out a chunk *behind* the one *ahead* of it; when that took a second attempt, once more when it is over."""
    try:
        return await carry_out(behind=behind)
    except OutOfTurn:
        if ahead is None:
            raise
        pace.is_order_lost = True
        await asyncio.wait([ahead])
        ahead.result()  # nothing follows what could not be carried out
        return await carry_out(behind=None)


async def _sent_on(
    pace: Pace, chunks: Chunks, rows_of: RowsOf, carry_out: CarryOut, seen: Seen, told: Told | None = None
) -> None:
    """Hand *chunks* to *carry_out*, some at once, and take in what it says, in order."""
    under_way: deque[Sent] = deque()
    sizes: deque[int] = deque()

    async def take() -> None:
        answer = (await under_way[0]).answer
        under_way.popleft()
        sizes.popleft()
        seen.take(answer)
        if told is not None:
            await told(answer)

    try:
        async for chunk in chunks:
            await pace.courtesy.turn()
            rows = await rows_of(chunk)  # while those before it are decided and written
            while under_way and (
                under_way[0].done() or len(under_way) >= pace.at_once or sum(sizes) + chunk.size > MOST_BYTES
            ):
                await take()
            pace.is_order_lost = pace.is_order_lost and bool(under_way)
            if pace.courtesy.is_called_for:
                await pace.courtesy.turn()
            ahead = under_way[-1] if under_way else None
            under_way.append(asyncio.ensure_future(carry_out(chunk, rows, ahead)))
            sizes.append(chunk.size)
        while under_way:
            await take()
    finally:
        if under_way:  # what was sent is carried out, whatever went wrong
            await asyncio.gather(*under_way, return_exceptions=True)
