"""Batches of rows: sent to the sequencer chunk by chunk, each under an Idempotency-Key of its own.

Nothing but those keys is kept of a batch. A chunk is recorded together with what became of its rows, or not at all;
sent again it is answered from its key: so a batch goes on wherever it was cut off, and no row counts twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import count
from time import monotonic
from typing import Any, Final, Protocol
from uuid import UUID

import orjson

from registry.commands.batch_places import Place, Receiving
from registry.commands.handle import Commands, Outcome
from registry.commands.idempotency import Asked, system
from registry.commands.row_answers import counts_of, known_of, moment_of
from registry.domain.commands import CarryOutRows, RowCounts
from registry.domain.events import CredentialRegistered, Recorded
from registry.domain.names import CredentialId, IssuerId, LogName
from registry.errors import KeyReused, OutOfTurn, Unavailable

PATIENCE_S: Final = 30
"""How long a chunk is sent again while the log cannot be written."""
LONGEST_PAUSE: Final = timedelta(seconds=30)
"""A batch that was last heard of before that has been cut off, wherever it was received."""
AT_ONCE: Final = 64
"""Chunks read, or looked for, at a time."""
SELECTED_AT_ONCE: Final = 1_000
"""Registrations read at a time."""
MOST_CHUNKS: Final = 1 << 20
"""More than any batch has."""

Answer = dict[str, Any]


class ReadKept(Protocol):
    """Reads what was answered under Idempotency-Keys."""

    def __call__(
        self, log: LogName, caller: str, keys: Sequence[str], *, with_answers: bool
    ) -> Awaitable[list[tuple[str, bytes | None]]]:
        """Return those of *keys* that exist, in order; the answers only if they are wanted."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of an issuer's credentials are meant; the log never changes, so it always means the same ones."""

    position: int
    """Registered up to there."""
    achievement: str | None = None
    type: str | None = None
    since: datetime | None = None
    """Registered at that moment or later."""
    until: datetime | None = None
    """Registered before that moment."""

    def means(self, registered: CredentialRegistered) -> bool:
        """Whether a registration within its bounds is meant."""
        return self.achievement in (None, registered.achievement_id) and (
            self.type is None or self.type in registered.credential_types
        )


ReadRegistrations = Callable[[LogName, IssuerId, Selection, int, int], Awaitable[tuple[list[Recorded], int | None]]]
"""(log, issuer, selection, after, limit) → registrations that may be meant, and after which position others follow."""


class State(StrEnum):
    """Where a batch stands."""

    RECEIVING = "receiving"
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch has come."""

    state: State
    counts: RowCounts
    chunks: int


def differs(command: CarryOutRows) -> KeyReused:
    """Return the refusal of a chunk that is not what was sent in its place before."""
    first, last = command.first_row, command.first_row + len(command.rows) - 1
    which = "The end of the file differs" if command.is_last else f"Rows {first} to {last} differ"
    return KeyReused(
        f"{which} from what was sent under this Idempotency-Key before; send the same file again to go on, or another "
        "file under another key.",
        rows=[first, max(first, last)],
    )


class Batches:
    """Carries chunks out, and tells what became of them."""

    def __init__(
        self,
        commands: Commands,
        read_kept: ReadKept,
        read_registrations: ReadRegistrations,
        clock: Callable[[], datetime],
    ) -> None:
        self._commands = commands
        self._read_kept = read_kept
        self._read_registrations = read_registrations
        self._clock = clock
        self._receiving = Receiving()

    def receiving(self, place: Place) -> AbstractContextManager[None]:
        """Let the batch count as being received meanwhile; raise `QueueFull` if its issuer sends too many already."""
        return self._receiving.of(place)

    async def carry_out(
        self,
        asked: Asked,
        place: Place,
        command: CarryOutRows,
        number: int,
        digest: bytes,
        *,
        behind: bytes | None = None,
    ) -> Outcome:
        """Carry out the chunk *number*, whose rows and parameters have this *digest*; patient while that fails.

        *behind* is the digest of the chunk before it, while that may not be recorded yet: if it is not when this one's
        turn comes, `OutOfTurn` is raised. Raises `KeyReused`, naming the rows, for another chunk than was sent in this
        place before.
        """
        key = place.end if command.is_last else place.key(number)
        after = None if behind is None else (place.key(number - 1), behind)
        mine = replace(asked, caller=place.caller, idempotency_key=key, request_hash=digest, after=after)
        try:
            return await self._patiently(mine, command)
        except KeyReused:
            raise differs(command) from None

    async def look(self, asked: Asked, command: CarryOutRows) -> Outcome:
        """Tell what would become of a chunk; nothing is recorded."""
        return await self._patiently(asked.without_key(), replace(command, is_dry_run=True))

    async def _patiently(self, asked: Asked, command: CarryOutRows) -> Outcome:
        deadline = monotonic() + PATIENCE_S
        while True:
            try:
                return await self._commands.handle(asked, command)
            except OutOfTurn:
                raise
            except Unavailable as error:
                if monotonic() + error.retry_after_s > deadline:
                    raise
                await asyncio.sleep(error.retry_after_s)

    async def progress(self, place: Place) -> Progress | None:
        """Return how far the batch has come; None if nothing is known of it."""
        if (ended := await self.ended(place)) is not None:
            return ended
        number = await self._chunks(place)
        is_here = place in self._receiving
        if not number:
            return Progress(State.RECEIVING, RowCounts(), 0) if is_here else None
        (last,) = await self._answers(place, [place.key(number - 1)])
        counts, known = known_of(last)
        for answer in await self._answers(place, [place.key(one) for one in range(known, number)]):
            counts = counts.plus(counts_of(answer))
        is_recent = self._clock() - moment_of(last) < LONGEST_PAUSE
        state = State.RECEIVING if is_here or is_recent else State.INTERRUPTED
        return Progress(state, counts, number)

    async def ended(self, place: Place) -> Progress | None:
        """Return how the batch ended; None if it did not."""
        for end in await self._answers(place, [place.end]):
            return Progress(State.COMPLETE, *known_of(end))
        return None

    async def has_chunk(self, place: Place, number: int) -> bool:
        """Whether the chunk *number* was carried out."""
        return bool(await self._read_kept(place.log, place.caller, [place.key(number)], with_answers=False))

    async def answers(self, place: Place) -> AsyncIterator[Answer]:
        """Return what is kept of each chunk, in order, up to the first that was not carried out yet."""
        for first in count(0, AT_ONCE):
            keys = [place.key(number) for number in range(first, first + AT_ONCE)]
            found = await self._answers(place, keys)
            for answer in found:
                yield answer
            if len(found) < AT_ONCE:
                return

    async def head(self, log: LogName) -> int:
        """Return the position of the log's last event."""
        nothing = CarryOutRows(self._clock(), IssuerId(UUID(int=0)), (), is_dry_run=True)
        outcome = await self._commands.handle(system(log, "read"), nothing)
        return outcome.position

    async def selected(self, log: LogName, issuer_id: IssuerId, selection: Selection) -> AsyncIterator[CredentialId]:
        """Return the credentials that are meant, in the order of their registration."""
        after: int | None = 0
        while after is not None:
            found, after = await self._read_registrations(log, issuer_id, selection, after, SELECTED_AT_ONCE)
            for recorded in found:
                event = recorded.event
                if isinstance(event, CredentialRegistered) and selection.means(event):
                    yield CredentialId(event.credential_id)

    async def _answers(self, place: Place, keys: Sequence[str]) -> list[Answer]:
        found = await self._read_kept(place.log, place.caller, keys, with_answers=True)
        return [orjson.loads(answer) for _, answer in found if answer is not None]

    async def _chunks(self, place: Place) -> int:
        """Return how many chunks were carried out, by dividing what is possible again and again."""
        low, high = 0, MOST_CHUNKS  # all before `low` are there, `high` is not
        while low < high:
            step = max(1, (high - low) // AT_ONCE)
            numbers = range(low, high, step)
            keys = [place.key(number) for number in numbers]
            there = {key for key, _ in await self._read_kept(place.log, place.caller, keys, with_answers=False)}
            missing = next((number for number, key in zip(numbers, keys, strict=True) if key not in there), None)
            if missing is None:
                low = numbers[-1] + 1
            else:
                low, high = max(low, missing - step + 1), missing
        return low
