"""Files that are written whole or not at all."""

from __future__ import annotations

import filecmp
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

MOST_BESIDE: Final = 1_000


@contextmanager
def appearing_whole(path: Path, *, is_private: bool = False) -> Iterator[IO[bytes]]:
    """Open what becomes *path* at the end, if all goes well; of two commands at once each writes its own.

    If it *is_private*, only its owner can read it. What is no file (a pipe, /dev/stdout) is written as it comes.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as there:
            yield there
        return
    path = path.resolve()  # a link stays one
    part = _part_of(path)
    try:
        with _created(part, 0o600 if is_private else 0o666) as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_beside(path: Path, write: Callable[[IO[bytes]], None]) -> Path:
    """Write *path*, or if something else is there already, a file beside it with a number; return which.

    Whoever corrected the file that a command wrote, and runs the command again, keeps their corrections.
    """
    part = _part_of(path)
    try:
        with _created(part, 0o666) as file:
            write(file)
        for one in (path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, MOST_BESIDE))):
            if not one.exists():
                part.replace(one)
                return one
            if filecmp.cmp(part, one, shallow=False):
                return one
    finally:
        part.unlink(missing_ok=True)
    raise FileExistsError(f"{path} is there, and {MOST_BESIDE} beside it; move them away, and run the command again.")


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


def _created(path: Path, mode: int) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")
