"""Processes that run until somebody stops them, and leave in order at any moment."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

import click

from registry.errors import RegistryError

STOPS = (signal.SIGINT, signal.SIGTERM)


LOOK_S = 0.1
"""How long what is new may be before it is looked through for cycles."""


LONGER_LOOKS, FULL_LOOKS = 600, 36_000
"""So many looks, a minute's and an hour's, go by before what is older is looked through too."""


def settle_memory() -> None:
    """Look for cycles rarely from now on: what a process keeps lives long and has few, and each look costs the loop."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 36_000, 100)


async def look_for_cycles() -> None:
    """Look through what is new, again and again, for ever.

    Python looks by itself only when many more objects were made than given up. Where memory is full and each new
    state drives out an old one, that is almost never; and then it looks through all of it at once, for 60 ms and more
    in which nobody is answered. What was looked through here is looked through again after a minute, and once an hour.
    """
    for number in count(1):
        await asyncio.sleep(LOOK_S)
        gc.collect(2 if number % FULL_LOOKS == 0 else 1 if number % LONGER_LOOKS == 0 else 0)


class Stop:
    """What SIGINT and SIGTERM do: they end a start-up where it stands, and let `until` return afterwards."""

    def __init__(self, work: Callable[[Stop], Coroutine[Any, Any, None]]) -> None:
        self.is_asked = False
        self._asked = asyncio.Event()
        self._is_up = False
        self.task = asyncio.ensure_future(work(self))

    def ask(self) -> None:
        """Ask once; who asks again is not heard, for it is under way."""
        if self.is_asked:
            return
        self.is_asked = True
        self._asked.set()
        if not self._is_up:
            self.task.cancel()

    @property
    def ended_a_start(self) -> bool:
        """Whether somebody asked before the process was up."""
        return self.is_asked and not self._is_up

    async def until(self, failure: Callable[[], Awaitable[None]]) -> None:
        """Return when somebody asks to stop; raise what *failure* raises."""
        self._is_up = True
        settle_memory()
        waits = [asyncio.ensure_future(one) for one in (self._asked.wait(), failure(), look_for_cycles())]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in pending:
            one.cancel()
        for one in done:
            one.result()
        click.echo("stopping")
        sys.stdout.flush()


def run(work: Callable[[Stop], Coroutine[Any, Any, None]]) -> None:
    """Run *work* until it ends, or SIGINT or SIGTERM ends it."""

    async def watched() -> None:
        stop = Stop(work)
        for one in STOPS:
            asyncio.get_running_loop().add_signal_handler(one, stop.ask)
        try:
            await stop.task
        except asyncio.CancelledError:
            if not stop.is_asked:
                raise
        except RegistryError:
            # Ctrl-C reaches a start-up's own children too, and one that is ended by it looks like a refusal.
            if not stop.ended_a_start:
                raise

    try:
        asyncio.run(watched())
    finally:
        for one in STOPS:
            signal.signal(one, signal.SIG_IGN)  # all is closed: nothing is left to be stopped
