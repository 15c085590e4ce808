"""Files on a disk as others read them: whole, synced, open to everybody; what goes wrong in a sentence."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projections.status_lists.files.target import TargetFailed


def folder(path: Path) -> None:
    """Make *path* and what it lies in; everybody may read them, whatever this process's umask says."""
    if path.is_dir():
        return
    folder(path.parent)
    try:
        path.mkdir(exist_ok=True)  # another list's thread may make it at the same time
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
    path.chmod(0o755)


def write_synced(path: Path, content: bytes, modified: int) -> None:
    """Write *path*, which is new, and sync: after a power failure a name must not stand for an empty file."""
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fchmod(handle, 0o644)
        os.utime(handle, (modified, modified))
        os.fsync(handle)
    finally:
        os.close(handle)


def names_in(where: Path) -> set[str]:
    """Return what lies in a folder; nothing, where there is none."""
    try:
        return {path.name for path in where.iterdir()}
    except OSError:
        return set()


def digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, hexadecimal; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


@contextmanager
def told() -> Iterator[None]:
    """Raise `TargetFailed` for what the system refuses."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise TargetFailed(f"{(error.strerror or str(error)).capitalize()}{where}.") from error
