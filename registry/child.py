"""A process that serves as one part of several, as the one that runs them all sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from importlib.metadata import version
from time import monotonic
from typing import Any, Final

import aiohttp

from registry.errors import Unfit
from registry.part import Part

START_S: Final = 60
ASKING_S: Final = 2
VERSION: Final = version("credential-registry")


class Child:
    """One part, whose process may end and be started again."""

    def __init__(self, part: Part, environment: dict[str, str], options: tuple[str, ...]) -> None:
        self.part = part
        self._environment = environment
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self._up_since: float | None = None
        self._told: dict[str, Any] = {}

    def __str__(self) -> str:
        return "The writer" if self.part.is_writer else f"Worker {self.part.name}"

    @property
    def is_up(self) -> bool:
        """Whether it works."""
        return self._up_since is not None and self._process is not None and self._process.returncode is None

    @property
    def has_worked_s(self) -> float:
        """How long it works, or worked."""
        return 0 if self._up_since is None else monotonic() - self._up_since

    async def start(self) -> None:
        """Start it; return when it works. Raises `Unfit` with the sentence that it refused to start with."""
        self._up_since, self._told = None, {}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "registry", *self._options, "worker"),
            *(self.part.name, str(self.part.folder)),
            stdin=asyncio.subprocess.PIPE,  # ends with us, however we end, and with it the child
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
            process_group=0,  # a terminal's Ctrl-C is ours to pass on, in order
        )
        try:
            async with asyncio.timeout(START_S):
                await self._hear("up")
        except TimeoutError:
            self.kill()
            raise Unfit(f"{self} did not start within {START_S} s.") from None
        if "up" not in self._told:
            raise Unfit(await self.ended())
        if self._told["up"] != VERSION:
            self.kill()
            raise Unfit("The registry was upgraded while it ran; start `registry serve` again.")
        self._up_since = monotonic()

    async def ended(self) -> str:
        """Return why it ended, as a sentence, when it has ended."""
        assert self._process is not None, "it was started"
        await self._hear("refused")
        code = await self._process.wait()
        if "refused" in self._told:
            return str(self._told["refused"])
        if code < 0:
            return f"{self} was ended by {signal.Signals(-code).name}."
        return f"{self} ended with status {code}; what it said about it stands above."

    def terminate(self) -> None:
        """Ask it to leave in order."""
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.terminate()

    def kill(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            if self._process is not None:
                self._process.kill()

    async def wait(self) -> None:
        """Return when it is gone."""
        if self._process is not None:
            await self._process.wait()

    async def metrics(self) -> str:
        """Return its page of metrics; an empty one while it does not answer."""
        asking = aiohttp.ClientTimeout(total=ASKING_S)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.UnixConnector(str(self.part.metrics)), timeout=asking
                ) as session,
                session.get("http://part/metrics") as response,
            ):
                return await response.text() if response.status == 200 else ""
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""

    async def _hear(self, word: str) -> None:
        """Listen until it has said *word*, or nothing more will come."""
        assert self._process is not None
        assert self._process.stdout is not None
        while word not in self._told and (line := await self._process.stdout.readline()):
            with suppress(ValueError):
                said = json.loads(line)
                self._told |= said if isinstance(said, dict) else {}


def environment(workers: int) -> dict[str, str]:
    """Return what every part sees: what we see, and the same code, wherever it lies."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "REGISTRY_WORKERS": str(workers),
    }
