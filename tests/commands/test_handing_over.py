"""Between the process that is asked and the one that writes: what is told, who waits, and what an end means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from registry.commands import taking as taking_room
from registry.commands.handed_over import HandedOver, Line, Patience
from registry.commands.handle import Commands, Outcome
from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListShape
from registry.commands.messages import MOST_BYTES, Messages
from registry.commands.taking import Taking
from registry.domain.commands import Command, RevokeCredential
from registry.domain.events import Purpose
from registry.domain.names import CredentialId, IssuerId, LogName, Stream, slug_stream
from registry.domain.streams import State
from registry.errors import AlreadyRegistered, DatabaseUnavailable, DelegationMissing, QueueFull, RegistryError

LOG = LogName("main")
ISSUER = IssuerId(UUID(int=7))
ASKED = Asked(LOG, "key:k", "operator", "request", "idempotent", b"\x01\xff")
SHAPE = ListShape(Purpose.REFRESH)
QUICK = Patience(up_s=0.2, answer_s=30)


def revoke(number: int) -> RevokeCredential:
    return RevokeCredential(datetime(2026, 5, 1, tzinfo=UTC), ISSUER, CredentialId(f"urn:test:{number}"))


class Writer(Commands):
    """Answers with what it was asked; `raises` it first, or waits for `gate`."""

    def __init__(self) -> None:
        super().__init__(None, clock=None, did_of=None, read_stream=None)  # type: ignore[arg-type]  # nothing is made
        self.asked: list[Any] = []
        self.raises: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def _answer(self, *what: Any) -> Outcome:
        self.asked.append(what)
        await self.gate.wait()
        if self.raises is not None:
            raise self.raises
        return Outcome(len(self.asked), {"what": what[0], "text": "ü\n"}, True)

    async def handle(self, asked: Asked, command: Command) -> Outcome:
        return await self._answer("handle", asked, command)

    async def replay_of(self, asked: Asked) -> Outcome | None:
        return None if asked.caller == "new" else await self._answer("replay", asked)

    async def state(self, log: LogName, stream: Stream) -> State:
        await self._answer("state", log, stream)
        return ISSUER

    async def add_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        return await self._answer("add", asked, issuer_id, shape)

    async def open_own_list(self, asked: Asked, issuer_id: IssuerId, shape: ListShape) -> Outcome:
        return await self._answer("open", asked, issuer_id, shape)

    def want_lists(self, log: LogName, issuer_id: IssuerId) -> None:
        self.asked.append(("want", log, issuer_id))


@dataclass
class Machine:
    """A writer that may end and begin again, and a worker that hands over to it."""

    path: Path
    most: int = 100
    writer: Writer = field(default_factory=Writer)
    taking: Taking = field(init=False)
    line: Line = field(init=False)
    commands: HandedOver = field(init=False)

    async def begin(self) -> None:
        self.taking = Taking(self.writer, most=self.most)
        await self.taking.serve(self.path)

    async def die(self) -> None:
        """End as a killed process does: every connection breaks, and nothing is answered."""
        server, connections = self.taking._server, list(self.taking._connections)
        assert server is not None
        server.close()
        for one in connections:
            assert one._transport is not None
            one._transport.abort()


@asynccontextmanager
async def machine(folder: Path, patience: Patience = QUICK, most: int = 100) -> AsyncIterator[Machine]:
    made = Machine(folder / "commands", most)
    made.line = Line(made.path, most=most, patience=patience)
    made.commands = HandedOver(made.line, None, clock=None, did_of=None, read_stream=None)  # type: ignore[arg-type]
    await made.begin()
    running = asyncio.ensure_future(made.line.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])
        await made.taking.close()


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.001)


async def test_every_call_reaches_the_writer_and_its_answer_comes_back(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        assert await one.commands.handle(ASKED, revoke(1)) == Outcome(1, {"what": "handle", "text": "ü\n"}, True)
        assert await one.commands.replay_of(ASKED) == Outcome(2, {"what": "replay", "text": "ü\n"}, True)
        assert await one.commands.replay_of(Asked(LOG, "a", "new", "r", "key")) is None
        assert await one.commands.replay_of(Asked(LOG, "a", "c", "r")) is None
        assert await one.commands.state(LOG, slug_stream("college")) == ISSUER  # type: ignore[arg-type]
        assert (await one.commands.add_list(ASKED, ISSUER, SHAPE)).answer["what"] == "add"
        assert (await one.commands.open_own_list(ASKED, ISSUER, SHAPE)).answer["what"] == "open"
        one.commands.want_lists(LOG, ISSUER)
        await until(lambda: len(one.writer.asked) == 6)
    assert one.writer.asked == [
        ("handle", ASKED, revoke(1)),
        ("replay", ASKED),
        ("state", LOG, "slug/college"),
        ("add", ASKED, ISSUER, SHAPE),
        ("open", ASKED, ISSUER, SHAPE),
        ("want", LOG, ISSUER),
    ]


@pytest.mark.parametrize(
    "error",
    [
        AlreadyRegistered("It is registered.", pointer="/id"),
        DelegationMissing("Not listed.", delegation={"id": "did:web:x"}),
        DatabaseUnavailable("Away.", retry_after_s=7),
    ],
)
async def test_what_the_writer_raises_is_raised_here(tmp_path: Path, error: RegistryError) -> None:
    async with machine(tmp_path) as one:
        one.writer.raises = error
        with pytest.raises(type(error)) as raised:
            await one.commands.handle(ASKED, revoke(1))
        assert vars(raised.value) == vars(error)


async def test_a_defect_over_there_is_a_defect_here_and_one_callers_only(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        one.writer.raises = ZeroDivisionError("secret")
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            await one.commands.handle(ASKED, revoke(1))
        one.writer.raises = None
        assert await one.commands.handle(ASKED, revoke(2))


async def test_many_are_under_way_at_once_and_each_gets_its_own(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        one.writer.gate.clear()
        asking = [asyncio.ensure_future(one.commands.handle(ASKED, revoke(number))) for number in range(50)]
        await until(lambda: len(one.writer.asked) == 50)
        one.writer.gate.set()
        answers = await asyncio.gather(*asking)
        assert len({answer.position for answer in answers}) == 1, "the positions are counted when all were asked"
        assert [asked[2] for asked in one.writer.asked] == [revoke(number) for number in range(50)]


async def test_when_the_writer_dies_what_was_under_way_is_unknown(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        one.writer.gate.clear()
        asking = asyncio.ensure_future(one.commands.handle(ASKED, revoke(1)))
        await until(lambda: one.writer.asked)
        await one.die()
        with pytest.raises(DatabaseUnavailable, match=r"unknown.*same Idempotency-Key is safe"):
            await asking


async def test_what_only_reads_is_asked_once_more_of_the_next_writer(tmp_path: Path) -> None:
    async with machine(tmp_path, Patience(up_s=10)) as one:
        one.writer.gate.clear()
        asking = asyncio.ensure_future(one.commands.state(LOG, slug_stream("college")))  # type: ignore[arg-type]
        await until(lambda: one.writer.asked)
        await one.die()
        one.writer = Writer()
        await one.begin()
        assert await asking == ISSUER
        assert len(one.writer.asked) == 1


async def test_what_comes_while_the_writer_is_away_waits_for_it_but_not_for_long(tmp_path: Path) -> None:
    async with machine(tmp_path, Patience(up_s=0.3)) as one:
        await one.commands.handle(ASKED, revoke(1))
        await one.die()
        await until(lambda: one.line._messages is None)
        with pytest.raises(DatabaseUnavailable, match="started again"):
            await one.commands.handle(ASKED, revoke(2))
        asking = asyncio.ensure_future(one.commands.handle(ASKED, revoke(3)))
        await asyncio.sleep(0)
        await one.begin()
        assert await asking
    assert [asked[2] for asked in one.writer.asked] == [revoke(1), revoke(3)]


async def test_a_writer_that_does_not_answer_for_long_counts_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.commands.handed_over._LOOK_S", 0.01)
    async with machine(tmp_path, Patience(answer_s=0.05)) as one:
        one.writer.gate.clear()
        with pytest.raises(DatabaseUnavailable, match="unknown"):
            await one.commands.handle(ASKED, revoke(1))


async def test_more_than_may_wait_are_refused_as_by_a_full_queue(tmp_path: Path) -> None:
    async with machine(tmp_path, most=3) as one:
        one.writer.gate.clear()
        asking = [asyncio.ensure_future(one.commands.handle(ASKED, revoke(number))) for number in range(3)]
        await until(lambda: len(one.writer.asked) == 3)
        with pytest.raises(QueueFull, match="repeat the request in a moment"):
            await one.commands.handle(ASKED, revoke(4))
        other = Line(one.path, most=10)  # another worker, which has room of its own
        running = asyncio.ensure_future(other.run())
        with pytest.raises(QueueFull, match="repeat the request in a moment"):
            await other.ask("state", LOG, "slug/college")
        running.cancel()
        one.writer.gate.set()
        assert len(await asyncio.gather(*asking)) == 3


async def test_another_users_process_is_heard_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking_room.os, "geteuid", lambda: 1 << 20)
    async with machine(tmp_path) as one:
        with pytest.raises(DatabaseUnavailable):
            await one.commands.handle(ASKED, revoke(1))
    assert one.writer.asked == []


async def test_a_caller_that_goes_away_costs_nobody_anything(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        one.writer.gate.clear()
        asking = asyncio.ensure_future(one.commands.handle(ASKED, revoke(1)))
        await until(lambda: one.writer.asked)
        asking.cancel()
        one.writer.gate.set()
        assert (await one.commands.handle(ASKED, revoke(2))).position == 2


def test_a_message_is_heard_when_it_is_whole_however_it_comes() -> None:
    heard: list[bytes] = []
    messages = Messages(heard.append)
    stream = b"".join(len(one).to_bytes(4, "big") + one for one in (b"first", b"", b"x" * 300))
    for at in range(len(stream)):
        messages.data_received(stream[at : at + 1])
    messages.data_received(stream + stream)
    assert heard == [b"first", b"", b"x" * 300] * 3


async def test_what_announces_too_much_is_no_peer_of_ours(tmp_path: Path) -> None:
    async with machine(tmp_path) as one:
        reader, writer = await asyncio.open_unix_connection(str(one.path))
        writer.write((MOST_BYTES + 1).to_bytes(4, "big"))
        assert await reader.read() == b""
        writer.close()
    with pytest.raises(ValueError, match="too long"):
        Messages(print).send(b"x" * (MOST_BYTES + 1))
