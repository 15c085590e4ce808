"""Who verifies next."""

from __future__ import annotations

import asyncio

import pytest

from registry.errors import Unavailable
from registry.verifier.turns import Turns


class Work:
    """Pieces of work that begin when they get their turn, and end when they are told to."""

    def __init__(self, turns):
        self.turns = turns
        self.begun = []
        self.ends = {}
        self.tasks = []

    async def ask(self, caller, name):
        self.ends[name] = asyncio.Event()
        self.tasks.append(asyncio.ensure_future(self._work(caller, name)))
        await asyncio.sleep(0)
        return self.tasks[-1]

    async def _work(self, caller, name):
        async with self.turns.turn(caller):
            self.begun.append(name)
            await self.ends[name].wait()

    async def end(self, name):
        self.ends[name].set()
        for _ in range(3):
            await asyncio.sleep(0)


async def test_one_caller_has_no_more_than_his_share():
    work = Work(Turns(at_once=4, per_caller=2))
    for name in ("a1", "a2", "a3"):
        await work.ask("a", name)
    await work.ask("b", "b1")
    assert work.begun == ["a1", "a2", "b1"]
    await work.end("a1")
    assert work.begun == ["a1", "a2", "b1", "a3"]


async def test_callers_take_turns_whoever_asked_most():
    work = Work(Turns(at_once=1, per_caller=1))
    for name in ("a1", "a2", "a3"):
        await work.ask("a", name)
    for name in ("b1", "b2"):
        await work.ask("b", name)
    for name in ("a1", "a2", "b1", "a3"):
        await work.end(name)
    assert work.begun == ["a1", "a2", "b1", "a3", "b2"]


async def test_when_too_many_wait_the_next_is_refused():
    work = Work(Turns(at_once=1, per_caller=1, waiting=4))
    await work.ask("a", "a1")
    await work.ask("a", "a2")
    with pytest.raises(Unavailable):
        await (await work.ask("a", "a3"))
    for caller in "bcd":
        await work.ask(caller, f"{caller}1")
    with pytest.raises(Unavailable):
        await (await work.ask("e", "e1"))


async def test_who_leaves_the_line_holds_nobody_up():
    work = Work(Turns(at_once=1, per_caller=1))
    await work.ask("a", "a1")
    leaving = await work.ask("b", "b1")
    await work.ask("c", "c1")
    leaving.cancel()
    await asyncio.sleep(0)
    await work.end("a1")
    assert work.begun == ["a1", "c1"]
    await work.end("c1")
    assert not work.turns._running
    assert not work.turns._waiting


async def test_who_leaves_in_the_moment_of_his_turn_passes_it_on():
    work = Work(Turns(at_once=1, per_caller=1))
    await work.ask("a", "a1")
    leaving = await work.ask("b", "b1")
    await work.ask("c", "c1")
    work.ends["a1"].set()
    await asyncio.sleep(0)
    leaving.cancel()
    for _ in range(4):
        await asyncio.sleep(0)
    assert work.begun[-1] == "c1"
