"""A batch on its way: chunk after chunk to the sequencer, in order, and what they came to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from registry.commands.batches import Place, differs
from registry.commands.handle import Outcome
from registry.commands.row_answers import ACCEPTED, REJECTED, UNCHANGED, WORDS, RowOutcome, counts_of, outcomes
from registry.domain.commands import CarryOutRows, Row, RowCounts
from registry.http.batch_files import Chunk
from registry.http.door import Call
from registry.http.writes import asked

EXAMPLES: Final = 20
"""Rows that an answer shows."""

Chunks = AsyncIterator[Chunk]
RowOf = Callable[[bytes], Row]
"""A record of a chunk → its command, or why it is none."""
RowsOf = Callable[[Chunk], Awaitable[tuple[Row, ...]]]
"""The same for a whole chunk."""
Told = Callable[[dict[str, Any]], Awaitable[None]]
"""Is handed what is kept of each chunk, in order."""


def each(row_of: RowOf) -> RowsOf:
    """Return what reads a chunk record by record."""

    async def rows_of(chunk: Chunk) -> tuple[Row, ...]:
        return tuple(map(row_of, chunk.records))

    return rows_of


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
        wants = [ACCEPTED, UNCHANGED] if len(self.accepted) < EXAMPLES else []
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
    before = await batches.ended(place)

    def carry_out(chunk: Chunk, rows: tuple[Row, ...]) -> Awaitable[Outcome]:
        command = _command(call, chunk, rows, seen)
        if before is not None and chunk.number >= before.chunks:
            raise differs(command)
        return batches.carry_out(whose, place, command, chunk.number, chunk.digest(parameters()))

    await _sent_on(chunks, rows_of, carry_out, seen, told)
    end = CarryOutRows(
        call.parts.clock(), call.issuer, (), seen.counts.rows + 1, seen.counts, seen.chunks, is_last=True
    )
    if before is None and await batches.has_chunk(place, seen.chunks):
        raise differs(end)
    digest = Chunk(seen.chunks, seen.counts.rows + 1, []).digest(f"{seen.chunks}".encode())
    return seen, await batches.carry_out(whose, place, end, seen.chunks, digest)


async def looked_at(call: Call, chunks: Chunks, rows_of: RowsOf) -> Seen:
    """Return what would become of *chunks*; nothing is recorded."""
    batches, whose, seen = call.parts.batches, asked(call), Seen()

    def look(chunk: Chunk, rows: tuple[Row, ...]) -> Awaitable[Outcome]:
        return batches.look(whose, _command(call, chunk, rows, seen))

    await _sent_on(chunks, rows_of, look, seen)
    return seen


def _command(call: Call, chunk: Chunk, rows: tuple[Row, ...], seen: Seen) -> CarryOutRows:
    return CarryOutRows(call.parts.clock(), call.issuer, rows, chunk.first_row, seen.counts, seen.chunks)


async def _sent_on(
    chunks: Chunks,
    rows_of: RowsOf,
    carry_out: Callable[[Chunk, tuple[Row, ...]], Awaitable[Outcome]],
    seen: Seen,
    told: Told | None = None,
) -> None:
    """Hand *chunks* to *carry_out*, each when the one before it is carried out, and take in what it says.

    A chunk may take a second attempt, or differ from what was sent before; nothing of what follows may overtake it.
    """
    under_way: asyncio.Future[Outcome] | None = None
    try:
        async for chunk in chunks:
            rows = await rows_of(chunk)  # while the one before it is written
            before = (await under_way).answer if under_way else None
            if before is not None:
                seen.take(before)
            under_way = asyncio.ensure_future(carry_out(chunk, rows))
            await asyncio.sleep(0)
            if told is not None and before is not None:
                await told(before)
        if under_way is not None:
            last = (await under_way).answer
            seen.take(last)
            if told is not None:
                await told(last)
    finally:
        if under_way is not None:
            await asyncio.gather(under_way, return_exceptions=True)  # what was sent is carried out, whatever went wrong
