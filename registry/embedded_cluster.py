"""The embedded cluster on disk: its folders, its programs, its log, and the server that may be running on it.

::

    home/                 ours; as root 0711, otherwise 0700
      postgres.lock       held for as long as a process owns the server
      postgres.log        what initdb and the server say
      binaries/           a copy of the programs, only if the database's account cannot run the originals
      pg/                 0700, of the database's account; the socket lies here if the path is short
        data/             the cluster; `data.init` while it is being made
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry.embedded_account import Account, database_account, spawn
from registry.embedded_binaries import find_bindir, runnable
from registry.embedded_postmaster import Postmaster, live_postmaster, remove_stale_lock_file
from registry.errors import EmbeddedFailed

PORT = 5432  # only names the socket file
SUPERUSER = "postgres"
LONGEST_SOCKET_DIR_BYTES = 89
LARGEST_LOG_BYTES = 4 << 20
TAIL_BYTES = 16 << 10
ATTEMPT = "--- starting "
CAUSE = re.compile(r"\b(FATAL|PANIC|ERROR|error): ")
DETAIL = re.compile(r"\b(DETAIL|HINT): ")
PREFIX = re.compile(r"^.*?\b(FATAL|PANIC|ERROR|DETAIL|HINT|error): +")
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")  # commas and spaces mean something to PostgreSQL and to DSNs
INITDB_OPTIONS = (
    *("--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"),
    *("--auth-local=trust", "--auth-host=scram-sha-256", f"--username={SUPERUSER}"),
)
SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",  # a year's batch writes 300 MB; at the default it would pass through several checkpoints
    "max_connections": "100",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster under *home*, and what is needed to run it; the methods block, though never for long."""

    home: Path
    account: Account
    bindir: Path
    log: Path

    @property
    def folder(self) -> Path:
        """The folder that belongs to the database's account."""
        return self.home / "pg"

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.folder / "data"

    @property
    def half_made(self) -> Path:
        """The cluster while initdb makes it."""
        return self.folder / "data.init"

    @property
    def socket_dir(self) -> Path:
        """Where the server's socket lies: beside the data, or in a short private directory if that path is unfit."""
        if len(bytes(self.folder)) <= LONGEST_SOCKET_DIR_BYTES and PLAIN_PATH.fullmatch(str(self.folder)):
            return self.folder
        return Path("/tmp") / f"registry-{hashlib.sha256(bytes(self.home)).hexdigest()[:16]}"  # noqa: S108 checked when made

    def live(self) -> Postmaster | None:
        """Return the server running on this cluster, whoever started it."""
        return live_postmaster(self.data)

    def prepare(self) -> Cluster:
        """Make the folders, clear what a crash left behind, and return this cluster with programs that run.

        The caller holds the lock, and no server is running.
        """
        self._make_private(self.folder)
        if not self.account.can_enter(self.folder):
            raise EmbeddedFailed(
                f"The user {self.account.name}, who runs PostgreSQL here, cannot write in {self.folder}: choose a "
                "REGISTRY_HOME that this user can reach, such as /var/lib/registry."
            )
        if self.socket_dir != self.folder:
            self._make_private(self.socket_dir)
        if self.half_made.exists():
            shutil.rmtree(self.half_made)
        remove_stale_lock_file(self.data / "postmaster.pid")
        remove_stale_lock_file(self.socket_dir / f".s.PGSQL.{PORT}.lock")
        bindir = runnable(self.bindir, self.account, self.home)
        return Cluster(self.home, self.account, bindir, self.log)

    def _make_private(self, directory: Path) -> None:
        """Make *directory* 0700 of the database's account; refuse one that belongs to anybody else."""
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        if directory.is_symlink() or found.st_uid not in (os.geteuid(), self.account.uid):
            raise EmbeddedFailed(f"{directory} belongs to somebody else: remove it, or choose another REGISTRY_HOME.")
        if found.st_uid != self.account.uid:
            os.chown(directory, self.account.uid, self.account.gid, follow_symlinks=False)
        if found.st_mode & 0o777 != 0o700:
            directory.chmod(0o700)

    def spawn_initdb(self, lock: int) -> subprocess.Popen[bytes]:
        """Start initdb on `data.init`; it keeps *lock*, so that nobody begins anew while one still writes."""
        kept = os.dup(lock)  # the lock's own descriptor is closed in every fork, see below
        try:
            return self._spawn([self.bindir / "initdb", *INITDB_OPTIONS, "-D", self.half_made], inherit=(kept,))
        finally:
            os.close(kept)

    def spawn_server(self) -> subprocess.Popen[bytes]:
        """Start the server on `data`."""
        settings = {**SERVER_SETTINGS, "unix_socket_directories": str(self.socket_dir)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._spawn([self.bindir / "postgres", "-D", self.data, *options])

    def _spawn(self, command: Sequence[str | Path], inherit: Sequence[int] = ()) -> subprocess.Popen[bytes]:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            os.write(log, f"{ATTEMPT}{Path(command[0]).name}\n".encode())
            return spawn(command, self.account, log, inherit=inherit)
        finally:
            os.close(log)

    def adopt_half_made(self) -> None:
        """Turn the finished `data.init` into `data`, durably: a cluster that was used must never look half made."""
        self.half_made.rename(self.data)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def interrupt(self) -> None:
        """Ask a server that lost its owner to stop."""
        with suppress(ProcessLookupError):
            if found := self.live():
                os.kill(found.pid, signal.SIGINT)

    def clear_socket_dir(self) -> None:
        """Remove the short private socket directory, if there is one."""
        if self.socket_dir != self.folder:
            with suppress(OSError):
                self.socket_dir.rmdir()

    def last_words(self) -> str:
        """Return why the program started last has failed, in its own words and one line."""
        with suppress(OSError, IndexError):
            said = self.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").rpartition(ATTEMPT)[2].splitlines()
            for n, line in enumerate(said):
                if CAUSE.search(line) and "the database system is" not in line:  # which is said to clients
                    told = [line, *(more for more in said[n + 1 : n + 2] if DETAIL.search(more))]
                    return "; ".join(PREFIX.sub("", words).rstrip(".") for words in told)
            return said[-1]
        return "it said nothing"


class Lock:
    """The home's lock: whoever holds it owns the server. The kernel releases it when the holder dies."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        _open_locks.add(self.fd)

    def acquire(self) -> bool:
        """Take the lock unless another process has it; return whether it is ours now."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock up for good."""
        _open_locks.discard(self.fd)
        os.close(self.fd)


_open_locks: set[int] = set()


def _close_locks_after_fork() -> None:
    """A forked worker that outlives us must not go on holding our lock."""
    for fd in _open_locks:
        os.close(fd)
    _open_locks.clear()


os.register_at_fork(after_in_child=_close_locks_after_fork)


def open_cluster(home: Path, bindir: Path | None) -> tuple[Cluster, Lock]:
    """Return the cluster under *home* and its lock, not taken; a missing home is made, its parents keep their modes.

    Raises EmbeddedFailed if there are no programs, or the home cannot be written.
    """
    programs = find_bindir(bindir)
    home = home.absolute()
    _make_home(home)
    return Cluster(home, database_account(home / "pg"), programs, home / "postgres.log"), Lock(home / "postgres.lock")


def _make_home(home: Path) -> None:
    """Make the home, open enough for the database's account to pass through, no more."""
    as_root = os.geteuid() == 0
    if not home.is_dir():
        home.mkdir(parents=True, exist_ok=True)  # another process may begin at the same moment
        home.chmod(0o711 if as_root else 0o700)
    elif as_root and home.stat().st_uid == 0 and home.stat().st_mode & 0o011 != 0o011:
        home.chmod(home.stat().st_mode & 0o777 | 0o011)
