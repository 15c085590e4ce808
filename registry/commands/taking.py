"""Takes commands from the other processes of this machine, carries them out here, and sends back what they came to."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from registry.commands import wire
from registry.commands.handle import Commands
from registry.commands.messages import Messages
from registry.domain.names import IssuerId, LogName, Stream
from registry.errors import QueueFull, RegistryError

_log = logging.getLogger(__name__)

_FULL: Final = "More writes are waiting than may wait; repeat the request in a moment."


class Taking:
    """Carries out with *commands* what is asked on any connection, at most *most* at a time."""

    def __init__(self, commands: Commands, *, most: int) -> None:
        self._commands = commands
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[Messages] = set()
        self._alone = asyncio.Event()
        self._alone.set()
        self._server: asyncio.Server | None = None

    async def serve(self, path: Path) -> None:
        """Take connections at *path*, whose folder admits nobody else; what lay there is replaced."""
        self._server = await asyncio.get_running_loop().create_unix_server(lambda: _Caller(self), str(path))

    async def until_left(self, within_s: float) -> None:
        """Return when nobody is connected any more, or after *within_s*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._alone.wait()

    async def close(self) -> None:
        """Take nothing more, answer what was taken, and end all connections."""
        if self._server is not None:
            self._server.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for one in self._connections:
            one.close()

    def came(self, one: Messages) -> None:
        """Admit a connection of our own user only."""
        if one.peer_user() != os.geteuid():
            _log.warning("another user's process was refused")
            one.close()
            return
        self._connections.add(one)
        self._alone.clear()

    def left(self, one: Messages) -> None:
        """Note that a connection ended; what it asked for is still carried out."""
        self._connections.discard(one)
        if not self._connections:
            self._alone.set()

    def take(self, one: Messages, message: bytes) -> None:
        """Begin with what *message* asks."""
        if one not in self._connections:
            return
        (number, what, *rest), content = wire.unpacked(message)
        if what == "want_lists":
            self._commands.want_lists(LogName(rest[0]), IssuerId(UUID(rest[1])))
        elif len(self._tasks) >= self._most:
            one.send(wire.packed([number, "error", wire.error_list(QueueFull(_FULL))]))
        else:
            task = asyncio.ensure_future(self._answer(one, number, what, rest, content))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, one: Messages, number: int, what: str, rest: list[Any], content: bytes) -> None:
        try:
            header, body = await self._carry_out(what, rest, content)
            answer = wire.packed([number, *header], body)
        except RegistryError as error:
            answer = wire.packed([number, "error", wire.error_list(error)])
        except Exception as error:  # noqa: BLE001  # a defect is one caller's answer, never the end of the process
            _log.exception("carrying out what another process asked failed")
            answer = wire.packed([number, "defect", type(error).__name__])
        one.send(answer)

    async def _carry_out(self, what: str, rest: list[Any], content: bytes) -> tuple[list[Any], bytes]:
        commands = self._commands
        if what == "handle":
            command = wire.command_of(rest[1], content)
            return wire.outcome_list(await commands.handle(wire.asked_of(rest[0]), command)), b""
        if what == "state":
            stream = Stream(rest[1])
            return [], wire.state_bytes(await commands.state(LogName(rest[0]), stream))
        asked = wire.asked_of(rest[0])
        if what == "replay":
            outcome = await commands.replay_of(asked)
            return (wire.outcome_list(outcome) if outcome else []), b""
        issuer_id, shape = IssuerId(UUID(rest[1])), wire.shape_of(content)
        open_list = {"add_list": commands.add_list, "open_own_list": commands.open_own_list}[what]
        return wire.outcome_list(await open_list(asked, issuer_id, shape)), b""


class _Caller(Messages):
    """A connection of another process."""

    def __init__(self, taking: Taking) -> None:
        super().__init__(lambda message: taking.take(self, message))
        self._taking = taking

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._taking.came(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._taking.left(self)
