"""A file for what outgrows memory until it can be sent; it has no name, and is gone with the request."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from registry.errors import NoRoom

PIECE: Final = 256 * 1024
LOOKED_EACH: Final = 16 * 1024 * 1024
"""Bytes after which it is looked how much room is left."""
KEPT_FREE: Final = 512 * 1024 * 1024
"""Bytes of the disk of *folder* that are left to others: what is published is remembered there too."""


class Spool:
    """A file in *folder*, or where the system keeps what is temporary; close it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed with the request
        self._since_look = LOOKED_EACH

    def write(self, content: bytes) -> None:
        """Add *content*; raise `NoRoom` where it would take what others need."""
        self._since_look += len(content)
        try:
            if self._folder is not None and self._since_look >= LOOKED_EACH:
                self._since_look = 0
                if shutil.disk_usage(self._folder).free < KEPT_FREE:
                    raise _no_room()
            self._file.write(content)
        except OSError:
            raise _no_room() from None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return all that was written."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _no_room() -> NoRoom:
    return NoRoom(
        "There is no room for what is sent back; send the same file again when there is, or smaller ones.",
        retry_after_s=30,
    )
