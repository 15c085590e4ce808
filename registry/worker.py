"""What one of the processes of `registry serve --workers` does; it tells the one that started it in lines of JSON."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from registry import deployment
from registry.app import VERSION, Process
from registry.errors import RegistryError
from registry.http.access import name_process
from registry.lifetime import Databases
from registry.part import Part
from registry.settings import Settings, load
from registry.stopping import Stop, run


def main(name: str, folder: str) -> int:
    """Be the part *name* that meets the others in *folder*, until told to stop; return the exit status."""
    part = Part(name, Path(folder))
    name_process(name)
    _let_finish()
    try:
        settings = _its_share(load())
        run(lambda stop: _live(stop, settings, part))
    except RegistryError as error:
        _tell(refused=error.detail)
        return 1
    return 0


async def _live(stop: Stop, settings: Settings, part: Part) -> None:
    with deployment.refusals():
        with suppress(PermissionError):  # a file never ends
            asyncio.get_running_loop().add_reader(0, _until_alone, stop)
        process = Process(settings, Databases.of(settings), door=not part.is_writer, projecting=False, part=part)
        async with process.running():
            _tell(up=VERSION)
            await stop.until(process.life.failed)


def _let_finish() -> None:
    """When this process is woken, let who woke it finish its turn: it has more to send, and both gather more (D182)."""
    if sys.platform == "linux":
        with suppress(OSError):  # where a sandbox forbids it, all is as before
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _until_alone(stop: Stop) -> None:
    """Stop when standard input ends: whoever started this is gone, and nobody else would ever stop it."""
    if not os.read(0, 1024):
        asyncio.get_running_loop().remove_reader(0)
        stop.ask()


def _its_share(settings: Settings) -> Settings:
    """Let the workers together have as many processes that read documents as the machine has cores."""
    share = settings.canonicaliser_workers or max(1, (os.cpu_count() or 1) // settings.workers)
    return settings.model_copy(update={"canonicaliser_workers": share})


def _tell(**what: str) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
