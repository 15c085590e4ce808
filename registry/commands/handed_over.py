"""Hands commands to the process that sequences the logs of this machine, and gets outcome or error back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, Final

from registry.commands import wire
from registry.commands.handle import Commands, DidOf, Outcome, ReadStream
from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListShape
from registry.commands.messages import Messages
from registry.domain.commands import Command
from registry.domain.names import IssuerId, LogName, Stream
from registry.domain.streams import State
from registry.errors import DatabaseUnavailable, QueueFull
from registry.vault.keys import Vault

Answer = tuple[list[Any], bytes]
"""Header and content of what came back."""

_AGAIN_S: Final = 0.05
_LOOK_S: Final = 1.0
_UNKNOWN: Final = (
    "The process that writes the log ended before it answered, so whether this was recorded is unknown. Repeating the "
    "request with the same Idempotency-Key is safe."
)
_AWAY: Final = "The process that writes the log is being started again; repeat the request in a moment."


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for."""

    up_s: float = 5
    """Until the process that sequences is there (again)."""
    answer_s: float = 30
    """Until it answers; it gives up on PostgreSQL itself long before, and waits 10 s for lists to be published."""


class _Ended(Exception):
    """The connection ended while somebody waited for an answer."""


@dataclass(slots=True)
class _Asking:
    future: asyncio.Future[Answer]
    since: float


class Line:
    """One connection to the process that sequences, made anew whenever it ends; `run` is its only task.

    *most* callers may wait at a time; further ones are refused with `QueueFull`.
    """

    def __init__(self, path: Path, *, most: int, patience: Patience | None = None) -> None:
        self._path = path
        self._most = most
        self._patience = patience or Patience()
        self._messages: Messages | None = None
        self._up = asyncio.Event()
        self._numbers = count(1)
        self._asking: dict[int, _Asking] = {}
        self._callers = 0
        self._is_stopped = False

    async def run(self) -> None:
        """Keep the connection up until cancelled; whoever waits then is told that the outcome is unknown."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    _, self._messages = await loop.create_unix_connection(
                        lambda: Messages(self._heard), str(self._path)
                    )
                except OSError:
                    await asyncio.sleep(_AGAIN_S)
                    continue
                self._up.set()
                await self._until_ended(self._messages)
                self._end()
        finally:
            self._is_stopped = True
            self._end()

    async def ask(self, what: str, *rest: Any, content: bytes = b"", is_read: bool = False) -> Answer:
        """Return the answer to one message; raises what the other process raised.

        Raises `QueueFull`, and `DatabaseUnavailable` when the process is away for long, or ended in between: what only
        reads is then asked once more.
        """
        if self._callers >= self._most:
            raise QueueFull("More writes are waiting than may wait; repeat the request in a moment.")
        self._callers += 1
        try:
            return await self._ask_once(what, rest, content)
        except _Ended:
            if not is_read or self._is_stopped:
                raise DatabaseUnavailable(_UNKNOWN) from None
        finally:
            self._callers -= 1
        return await self.ask(what, *rest, content=content)

    def tell(self, what: str, *rest: Any) -> None:
        """Send a message that has no answer; it may be lost."""
        if self._messages is not None:
            self._messages.send(wire.packed([0, what, *rest]))

    async def _ask_once(self, what: str, rest: tuple[Any, ...], content: bytes) -> Answer:
        messages = self._messages or await self._until_up()
        number = next(self._numbers)
        asking = _Asking(asyncio.get_running_loop().create_future(), monotonic())
        self._asking[number] = asking
        try:
            messages.send(wire.packed([number, what, *rest], content))
            return await asking.future
        finally:
            self._asking.pop(number, None)

    async def _until_up(self) -> Messages:
        try:
            async with asyncio.timeout(self._patience.up_s):
                while self._messages is None:
                    await self._up.wait()
        except TimeoutError:
            raise DatabaseUnavailable(_AWAY) from None
        return self._messages

    async def _until_ended(self, messages: Messages) -> None:
        """Return when the connection ends; end it when an answer is overdue, for then the other process is frozen."""
        while not messages.closed.is_set():
            try:
                async with asyncio.timeout(_LOOK_S):
                    await messages.closed.wait()
            except TimeoutError:
                oldest = next(iter(self._asking.values()), None)
                if oldest is not None and monotonic() - oldest.since > self._patience.answer_s:
                    messages.close()
                    return

    def _heard(self, message: bytes) -> None:
        header, content = wire.unpacked(message)
        asking = self._asking.get(header[0])
        if asking is None or asking.future.done():
            return
        match header:
            case [_, "error", error]:
                asking.future.set_exception(wire.error_of(error))
            case [_, "defect", name]:
                asking.future.set_exception(RuntimeError(f"the process that sequences failed: {name}"))
            case _:
                asking.future.set_result((header, content))

    def _end(self) -> None:
        messages, self._messages = self._messages, None
        self._up.clear()
        if messages is not None:
            messages.close()
        for one in list(self._asking.values()):
            if not one.future.done():
                one.future.set_exception(_Ended())
                one.future.exception()  # looked at: its caller may have gone


class HandedOver(Commands):
    """Commands of a process that sequences nothing itself."""

    def __init__(
        self, line: Line, vault: Vault, *, clock: Callable[[], datetime], did_of: DidOf, read_stream: ReadStream
    ) -> None:
        super().__init__(vault, clock=clock, did_of=did_of, read_stream=read_stream)
        self._line = line

    async def handle(self, asked: Asked, command: Command) -> Outcome:
        """Hand it over."""
        name, content = wire.command_bytes(command)
        header, _ = await self._line.ask("handle", wire.asked_list(asked), name, content=content)
        return wire.outcome_of(header[1:])

    async def replay_of(self, asked: Asked) -> Outcome | None:
        """Ask for it, where a key was given."""
        if asked.key is None:
            return None
        header, _ = await self._line.ask("replay", wire.asked_list(asked), is_read=True)
        return wire.outcome_of(header[1:]) if header[1:] else None

    async def state(self, log: LogName, stream: Stream) -> State:
        """Ask for it: the log's head is known where the log is written."""
        _, content = await self._line.ask("state", log, stream, is_read=True)
        return wire.state_of(stream, content)

    async def add_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Hand it over."""
        return await self._shape("add_list", asked, issuer_id, shape)

    async def open_own_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        """Hand it over."""
        return await self._shape("open_own_list", asked, issuer_id, shape)

    def want_lists(self, log: LogName, issuer_id: IssuerId) -> None:
        """Say so; if that is lost, the next registration asks again."""
        self._line.tell("want_lists", log, str(issuer_id))

    async def _shape(self, what: str, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        content = wire.shape_bytes(shape)
        header, _ = await self._line.ask(what, wire.asked_list(asked), str(issuer_id), content=content)
        return wire.outcome_of(header[1:])
