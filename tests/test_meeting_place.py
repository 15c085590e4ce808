"""Where the processes of one service meet, and what a parent that was killed leaves there."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from registry.meeting_place import PREFIX, meeting_place

_MEETING = """
import socket, sys
from pathlib import Path
from registry.meeting_place import meeting_place
with meeting_place(Path(sys.argv[1]), 2) as folder:
    one = socket.socket(socket.AF_UNIX)
    one.bind(str(folder / "commands"))
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with TemporaryDirectory(prefix="meet-") as made:
        yield Path(made)


def parent(home: Path) -> tuple[subprocess.Popen[str], Path]:
    """Run a process that meets others; return it and where."""
    started = subprocess.Popen(
        [sys.executable, "-c", _MEETING, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert started.stdout is not None
    return started, Path(started.stdout.readline().strip())


def ended(one: subprocess.Popen[str], how: signal.Signals) -> None:
    one.send_signal(how)
    one.communicate()


def test_what_a_killed_parent_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(home: Path) -> None:
    alive, theirs = parent(home)
    killed, left = parent(home)
    ended(killed, signal.SIGKILL)
    assert {theirs, left} == set(home.iterdir())
    with meeting_place(home, 2) as folder:
        assert {theirs, folder} == set(home.iterdir())
        assert (theirs / "commands").is_socket()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert [theirs] == list(home.iterdir())
    alive.communicate("")
    assert list(home.iterdir()) == []


def test_nothing_but_sockets_is_ever_removed(home: Path) -> None:
    """Somebody's own folder of such a name, a file, and a way out of the place stay as they are."""
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "commands").touch()
    (home / f"{PREFIX}link").symlink_to(elsewhere)
    (home / f"{PREFIX}file").write_text("precious")
    own = home / f"{PREFIX}own"
    own.mkdir()
    (own / "notes").write_text("precious")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(own / "commands"))
    before = {path for path in home.rglob("*") if not path.is_socket()}
    with meeting_place(home, 2):
        pass
    assert before == set(home.rglob("*"))
