"""The operating-system account that the embedded PostgreSQL runs under, and how its programs are started."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import EmbeddedFailed

PR_SET_PDEATHSIG = 1
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # loaded here: nothing may be after a fork


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the machine: ourselves, or as root the one who stands in, since PostgreSQL refuses to run as root."""

    uid: int
    gid: int
    name: str

    def popen(self) -> dict[str, Any]:
        """Return the arguments with which `subprocess` starts a program as this account, without our secrets."""
        kept = {key: value for key in ("PATH", "LD_LIBRARY_PATH") if (value := os.environ.get(key))}
        arguments: dict[str, Any] = {"env": {**kept, "LC_ALL": "C"}, "stdin": subprocess.DEVNULL}
        if self.uid != os.geteuid():
            arguments |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return arguments

    def can_enter(self, directory: Path) -> bool:
        """Tell whether this account can reach *directory* and write in it."""
        command = ["/bin/sh", "-c", 'cd "$0" && test -w .', str(directory)]
        return subprocess.run(command, cwd="/", stderr=subprocess.DEVNULL, check=False, **self.popen()).returncode == 0  # noqa: S603 fixed command


def database_account(directory: Path) -> Account:
    """Return who runs the database: ourselves; as root, whoever owns *directory* already, else postgres or nobody."""
    if os.geteuid() != 0:
        return _account(os.geteuid())
    if directory.is_dir() and (owner := directory.stat().st_uid) != 0:
        return _account(owner)
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid, name)
    raise EmbeddedFailed("PostgreSQL does not run as root, and there is no user `postgres` or `nobody` to run it as.")


def _account(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return Account(uid, os.getegid(), str(uid))
    return Account(uid, found.pw_gid, found.pw_name)


def spawn(
    command: Sequence[str | Path], account: Account, log: int, *, inherit: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start *command* as *account* in a session of its own, writing to the file descriptor *log*.

    On Linux it gets SIGINT when the calling thread ends, so call this from the thread of the event
    loop, never from a worker. The child keeps the descriptors *inherit*.
    """
    return subprocess.Popen(  # noqa: S603 our own command
        command,
        cwd="/",
        stdout=log,
        stderr=log,
        umask=0o077,
        start_new_session=True,  # a Ctrl-C in the terminal is for us; we then stop the server in order
        pass_fds=inherit,
        preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 one system call, on a function loaded before the fork
        **account.popen(),
    )


def _dying_with(parent: int) -> Callable[[], None] | None:
    """Return what a child runs before exec: ask for SIGINT when its parent is gone, however it went."""
    if PRCTL is None:
        return None

    def die_with_parent() -> None:
        PRCTL(PR_SET_PDEATHSIG, signal.SIGINT)  # after the change of user, which would clear it
        if os.getppid() != parent:  # too late to be told
            os._exit(1)

    return die_with_parent
