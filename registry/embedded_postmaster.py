"""Reads `postmaster.pid`: is a server running on this data directory, and is it ready?

Format: src/include/utils/pidfile.h of PostgreSQL (pid, data directory, start time, port, socket
directory, listen address, shared memory key, status).
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A running server: its process, where its socket lies, and `starting`, `ready`, `stopping` or nothing yet."""

    pid: int
    socket_dir: Path
    status: str

    @property
    def is_ready(self) -> bool:
        """Whether it takes connections."""
        return self.status == "ready"


def live_postmaster(data: Path) -> Postmaster | None:
    """Return the server running on *data*; None if there is none, whatever a left-over file says."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return None
    if not _runs_on(pid, data):
        return None
    lines += [""] * 8
    return Postmaster(pid, Path(lines[4]), lines[7].strip())


def remove_stale_lock_file(path: Path) -> None:
    """Remove a lock file whose process id now belongs to a stranger.

    PostgreSQL takes any live process of its user for the old server and refuses to start. A file
    whose process is gone is left to PostgreSQL. The caller knows that no server is running.
    """
    with suppress(OSError, ValueError, IndexError):
        os.kill(abs(int(path.read_text().split("\n", 1)[0])), 0)
        path.unlink()


def _runs_on(pid: int, data: Path) -> bool:
    """Tell whether *pid* is a process, not a zombie, that works in the directory *data*."""
    if sys.platform != "linux":
        return _runs_on_by_ps(pid, data)
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX" and Path(f"/proc/{pid}/cwd").samefile(data)
    except (OSError, IndexError):
        return False


def _runs_on_by_ps(pid: int, data: Path) -> bool:
    """Ask `ps` instead, where there is no /proc: the command line names the directory."""
    command = ["ps", "-o", "stat=", "-o", "command=", "-p", str(pid)]
    state, _, line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().partition(" ")  # noqa: S603 fixed command
    return bool(line) and not state.startswith("Z") and str(data) in line
