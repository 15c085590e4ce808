"""Leaving in order: a process that cannot go on says why, and a stop is heard at any moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from registry.app import Process
from registry.errors import EmbeddedFailed, Unfit
from registry.lifetime import Databases
from registry.vault.master import MasterKeys
from tests.cli.processes import ROOT
from tests.servers import TestDatabase
from tests.service import service_settings

PROGRAM = """
import asyncio, os, signal, sys
from registry.cli import main, commands
from registry.errors import Unfit
from registry.stopping import run

async def work(stop):
    {work}

@commands.command()
def rehearse():
    run(work)

sys.argv = ["registry", "rehearse"]
main()
"""


def rehearsed(work: str) -> subprocess.CompletedProcess[str]:
    """Run a lasting command that does *work*."""
    program = PROGRAM.replace("{work}", work.replace("\n", "\n    "))
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=ROOT, check=False
    )


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_a_stop_during_the_start_ends_it_where_it_stands(how: str) -> None:
    done = rehearsed(
        f"os.kill(os.getpid(), signal.{how})\ntry:\n    await asyncio.sleep(20)\nfinally:\n    print('closed')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM"])
def test_a_stop_later_lets_the_work_close_in_order_and_is_heard_once(how: str) -> None:
    again = f"os.kill(os.getpid(), signal.{how})\nawait asyncio.sleep(0)"
    done = rehearsed(
        f"asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.{how})\n"
        f"await stop.until(asyncio.Event().wait)\n{again}\n{again}\nprint('closed')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopping\nclosed\n", "")


def test_what_ends_a_process_is_told_in_a_sentence_and_by_its_exit_status() -> None:
    done = rehearsed("async def failed():\n    raise Unfit('It cannot go on.')\nawait stop.until(failed)")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "registry: It cannot go on.\n")


async def test_a_process_ends_with_a_background_task_that_dies(database: TestDatabase, tmp_path: Path) -> None:
    process = made(database, tmp_path)
    async with process.running() as opened:
        assert opened.commands is not None
        process.life.background(dying(), "counting sheep")
        with pytest.raises(Unfit, match="counting sheep, ended: out of sheep"):
            await process.life.failed()


async def test_a_process_ends_with_the_first_failure_it_is_told_of(database: TestDatabase, tmp_path: Path) -> None:
    process = made(database, tmp_path)
    async with process.running():
        process.life.fail(EmbeddedFailed("PostgreSQL is gone."))
        process.life.fail(EmbeddedFailed("And everything else, too."))
        with pytest.raises(EmbeddedFailed, match=r"PostgreSQL is gone\."):
            await process.life.failed()


def made(database: TestDatabase, folder: Path) -> Process:
    settings = service_settings(folder)
    MasterKeys.generate_file(settings.master_key_path)
    databases = Databases(database.writer, database.writer, database.writer, database.projector)
    return Process(settings, databases, door=True, projecting=False)


async def dying() -> None:
    raise ValueError("out of sheep")


@pytest.mark.parametrize(("asked", "status"), [(True, 0), (False, 1)])
def test_a_refusal_after_a_stop_was_asked_is_the_stop(asked: bool, status: int) -> None:
    """Ctrl-C reaches the children of a start-up, and what they were asked then looks refused."""
    ask = "os.kill(os.getpid(), signal.SIGTERM)\n" if asked else ""
    done = rehearsed(f"{ask}try:\n    await asyncio.sleep(0.2)\nfinally:\n    raise Unfit('The child was ended.')")
    assert done.returncode == status
    assert ("The child was ended." in done.stderr) is not asked
