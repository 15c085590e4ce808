"""One worker process as its parent sees it: start, ask, kill."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from registry.errors import Unavailable, Unfit
from registry.securing.contexts import Contexts
from registry.securing.worker import HEADER, frame

_BOOT: Final = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import registry.securing.worker as w; w.main()"
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
"""All that a worker sees of our environment: it reads hostile input and must not hold our secrets."""
_START_LIMIT_S: Final = 60


class WorkerDied(Exception):
    """The worker ended while it had a document; `signal` is what ended it (0: it left by itself)."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"the worker ended by signal {signal}")
        self.signal = signal


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one document may cost."""

    time_limit_s: float = 5
    niceness: int = 0
    """How much the worker steps back when processors are short (nice(2))."""
    memory_limit_bytes: int = 2**29
    """Address space of the process, of which about 70 MB are taken before any document."""


class WorkerProcess:
    """A running worker; `start` it first. It handles one document at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, contexts: Contexts, limits: WorkerLimits) -> WorkerProcess:
        """Return a worker that is ready for documents; raise `Unfit` when it cannot start."""
        # A session of its own: Ctrl-C is for the parent, which closes the pipe when it is ready to.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", _BOOT, _import_path()),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            start_new_session=True,
        )
        worker = cls(process)
        settings = {
            "contexts": {url: base64.b64encode(content).decode() for url, content in contexts.documents.items()},
            "time_limit_s": limits.time_limit_s,
            "memory_limit_bytes": limits.memory_limit_bytes,
            "niceness": limits.niceness,
        }
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                answer = await worker.ask(frame(settings))
        except (WorkerDied, TimeoutError) as error:
            await worker.kill()
            raise Unavailable("A canonicalisation worker did not start; please repeat the request.") from error
        except BaseException:
            await worker.kill()
            raise
        if "error" in answer:
            await worker.kill()
            raise Unfit(f"Canonicalisation workers cannot start: {answer['detail']}")
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is known to be gone."""
        return self._process.returncode is not None

    async def ask(self, request: bytes) -> Any:
        """Return the answer to the frame *request*; raise `WorkerDied`. After a cancellation only `kill` is left."""
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        try:
            requests.write(request)
            await requests.drain()
            (length,) = HEADER.unpack(await answers.readexactly(HEADER.size))
            answer = orjson.loads(await answers.readexactly(length))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise WorkerDied(-min(0, await self._process.wait())) from error
        return answer

    async def kill(self) -> None:
        """End the process now; return when it is gone."""
        if not self.has_ended:
            with suppress(ProcessLookupError):  # it went by itself in this moment
                self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


def _import_path() -> str:
    """Return where this process finds modules, for one that is told to find them nowhere else."""
    return json.dumps([str(Path(entry).absolute()) for entry in sys.path])
