"""The `registry` command as other people meet it: a process with an environment, output, signals and an exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
POLL_S = 0.02
START_S = 100
STOP_S = 20  # on a busy machine; 5 are promised


def environment(home: Path, **settings: object) -> dict[str, str]:
    """Return what a command sees: nothing of ours, but for *settings* (without their prefix)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    given = {f"REGISTRY_{name}": str(value) for name, value in {"HOME": home, **settings}.items()}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **given}


def registry(*arguments: str) -> list[str]:
    """Return the command line of `registry` with *arguments*."""
    return [sys.executable, "-m", "registry", *arguments]


def run(environ: dict[str, str], *arguments: str, limit_s: float = 100) -> subprocess.CompletedProcess[str]:
    """Run `registry` to its end."""
    return subprocess.run(registry(*arguments), env=environ, capture_output=True, text=True, timeout=limit_s, cwd="/")


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence that *done* was refused with."""
    assert done.returncode not in (0, None), done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith("registry: ")
    return line


def eventually(look: Callable[[], T], *, limit_s: float = 60, what: str = "it") -> T:
    """Return what *look* returns as soon as it is true; what it raises of the network means not yet."""
    deadline = time.monotonic() + limit_s
    while True:
        last: object = None
        with suppress(OSError):
            if last := look():
                return last
        assert time.monotonic() < deadline, f"{what} did not come to be within {limit_s} s; last: {last!r}"
        time.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP answered."""

    status: int
    body: Any


def ask(method: str, url: str, *, key: str | None = None, body: object = None, limit_s: float = 30) -> Answer:
    """Ask once, and return the answer with its JSON."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=limit_s) as response:
            return Answer(response.status, json.loads(response.read() or b"null"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.loads(error.read() or b"null"))


class Running:
    """A `registry` process that lasts; it leads a process group of its own, as in a terminal."""

    def __init__(self, command: list[str], environ: dict[str, str], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                command, env=environ, cwd="/", stdout=out, stderr=err, stdin=subprocess.DEVNULL, process_group=0
            )

    @property
    def out(self) -> str:
        """Everything on standard output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Everything on standard error so far."""
        return self._err.read_text()

    def until_it_says(self, words: str, *, limit_s: float = START_S) -> None:
        """Return when *words* stand on its output."""
        eventually(lambda: words in self.out or self.popen.poll() is not None, limit_s=limit_s, what=words)
        assert words in self.out, (self.popen.returncode, self.out, self.err)

    def family(self) -> set[int]:
        """Return its process id and those of all its descendants."""
        parents = dict(_processes())
        found = {self.popen.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def children(self, words: str) -> list[int]:
        """Return its descendants whose command line contains *words*."""
        return sorted(pid for pid in self.family() - {self.popen.pid} if words in _command_line(pid))

    def stop(self, how: signal.Signals = signal.SIGTERM, *, whole_group: bool = False) -> float:
        """Tell it to stop; return how many seconds that took. Nothing of it is left then."""
        family, started = self.family(), time.monotonic()
        if whole_group:  # as a terminal does on Ctrl-C
            os.killpg(self.popen.pid, how)
        else:
            self.popen.send_signal(how)
        self.popen.wait(60)
        took = time.monotonic() - started
        eventually(lambda: not alive(family), limit_s=20, what="the end of all it started")
        return took

    def kill(self) -> None:
        """End it as a crash does."""
        self.popen.kill()
        self.popen.wait(10)


@contextmanager
def running(folder: Path, environ: dict[str, str], *arguments: str, wrap: tuple[str, ...] = ()) -> Iterator[Running]:
    """Run a lasting `registry` command, and see to it that nothing of it is left."""
    process = Running([*wrap, *registry(*arguments)], environ, folder)
    try:
        yield process
    finally:
        if process.popen.poll() is None:
            family = process.family()
            process.popen.terminate()
            try:
                process.popen.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            eventually(lambda: not alive(family), limit_s=30, what="the end of all it started")


def alive(pids: set[int]) -> set[int]:
    """Return those of *pids* that run and are no zombies."""
    return {pid for pid, _ in _processes() if pid in pids}


def works_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is *folder*: a PostgreSQL with its backends."""
    found = []
    for pid, _ in _processes():
        with suppress(OSError):
            if Path(f"/proc/{pid}/cwd").readlink() == folder:
                found.append(pid)
    return found


def _processes() -> list[tuple[int, int]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state not in "ZX":
                    found.append((int(entry.name), int(parent)))
    return found


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
