"""The folder in which the processes of one service meet: it holds their sockets, and is gone when they are."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from registry.errors import SettingsRefused

PREFIX: Final = "registry-parts-"
_LONGEST_SOCKET: Final = 107
"""Bytes of a unix socket's path (`sun_path` of unix(7), without its end)."""


@contextmanager
def meeting_place(home: Path, workers: int) -> Iterator[Path]:
    """Make a folder that only our user may enter, where the paths of sockets are short enough; remove it.

    What a parent that was killed left there before is removed too. Raises `SettingsRefused` when there is no place.
    """
    needed = len(f"/{PREFIX}xxxxxxxx/metrics-{workers}") + 8
    for place in (home, Path(os.environ.get("XDG_RUNTIME_DIR") or "/run"), Path(tempfile.gettempdir())):
        if len(os.fsencode(place.absolute())) + needed > _LONGEST_SOCKET or not os.access(place, os.W_OK | os.X_OK):
            continue
        _remove_left_behind(place.absolute())
        folder, lock = _made(place.absolute())
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
        return
    raise SettingsRefused(
        f"{home} cannot be written or has too long a path for a socket, and there is no other place for the "
        "workers to meet; set REGISTRY_HOME to a folder with a shorter path."
    )


def _made(place: Path) -> tuple[Path, int]:
    """Make a folder with mode 0700 and lock it; the kernel gives the lock back however this process ends."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(OSError):  # a file system without locks: then nobody takes anything for left behind
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():  # nobody took it for left behind before it was locked
                return folder, lock
            os.close(lock)


def _remove_left_behind(place: Path) -> None:
    """Remove the folders whose parent is gone, for nobody holds their lock; of what is in them only sockets."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):  # its parent runs, it is another user's, or not empty: it stays
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _emptied(folder).rmdir()
            finally:
                os.close(lock)


def _emptied(folder: Path) -> Path:
    for one in folder.iterdir():
        if stat.S_ISSOCK(one.lstat().st_mode):
            one.unlink()
    return folder
