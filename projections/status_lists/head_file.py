"""The published head outside the database: `<directory>/<log>.json`, beyond the reach of a restore."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from projections.status_lists.guard import PublishedHead
from registry.domain.names import LogName
from registry.errors import ForkedLog


def read(directory: Path, log: LogName) -> PublishedHead | None:
    """Return the head that *directory* remembers of *log*, or None if it remembers none.

    Raises `ForkedLog` for a file that cannot be understood: without it nobody can tell a fork.
    """
    path = _path(directory, log)
    try:
        stored = json.loads(path.read_bytes())
        return PublishedHead(
            position=int(stored["position"]),
            hash=bytes.fromhex(stored["hash"]),
            restore_position=int(stored["restore"]),
            time=datetime.fromisoformat(stored["time"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ForkedLog(
            f"{path} says how far the log {log} was published, but cannot be read. Restore the file from a copy; "
            f"remove it only if the database was not restored since. Nothing of the log is published until then."
        ) from error


def advance(directory: Path, log: LogName, head: PublishedHead, *, seen: PublishedHead | None) -> None:
    """Make the file say *head*, durably, unless another publisher wrote a later head than *seen* in the meantime.

    A head before *seen* is written only because the guard allowed it: after an accepted restore.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory, log):
        now = read(directory, log)
        if now is None or now == seen or now.position < head.position:
            _replace(_path(directory, log), head)


def accept(directory: Path, log: LogName, head: PublishedHead) -> None:
    """Make the file say *head*, whatever it said: an operator accepted that the log goes on from there."""
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory, log):
        _replace(_path(directory, log), head)


def _path(directory: Path, log: LogName) -> Path:
    return directory / f"{log}.json"


@contextmanager
def _locked(directory: Path, log: LogName) -> Iterator[None]:
    with (directory / f".{log}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, head: PublishedHead) -> None:
    """Write beside, flush, rename, flush the directory: after a crash there is the old file or the new one, whole."""
    stored = {
        "position": head.position,
        "hash": head.hash.hex(),
        "restore": head.restore_position,
        "time": head.time.isoformat(),
    }
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="ascii") as file:
        json.dump(stored, file)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
