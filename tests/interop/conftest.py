"""Judges for what the service publishes. `REGISTRY_REQUIRE_INTEROP=1` turns their absence into a failure."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.absence import absent
from tests.interop.client import Client
from tests.interop.judge import PROJECT, Judge, sitting
from tests.interop.truth import log_and_lists

OLDEST_NODE = 20
INSTALL = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]


@pytest.fixture(scope="session")
def node_project() -> Path:
    """The folder of the Node judges with their packages installed, once for all test runs."""
    _require_node()
    package = PROJECT / "package.json"
    wanted = hashlib.sha256(package.read_bytes()).hexdigest()
    installed = PROJECT / "node_modules" / ".installed"
    with package.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != wanted:
            done = subprocess.run(INSTALL, cwd=PROJECT, capture_output=True, text=True, timeout=300)
            if done.returncode:
                absent(f"The packages of the Node judges cannot be installed: {done.stderr[-2000:]}")
            installed.write_text(wanted)
    return PROJECT


def _require_node() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        absent("node and npm are missing")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"v(\d+)\.", version)
    if not found or int(found[1]) < OLDEST_NODE:
        absent(f"Node {OLDEST_NODE} or newer is needed; this is {version.strip()}")


@pytest.fixture(scope="module")
def idle_judge(node_project: Path) -> Iterator[Judge]:
    """Other people's verifiers, to be told first where to fetch from."""
    with sitting() as judge:
        yield judge


@pytest.fixture
def judge(idle_judge: Judge, service: Any) -> Judge:
    """Other people's verifiers, which may fetch from the service."""
    idle_judge.configure(service.url)
    return idle_judge


@pytest.fixture
async def client(service: Any) -> AsyncIterator[Client]:
    """An issuer of its own over HTTP; afterwards the log and all published lists are checked."""
    yield await Client.registered(service)
    await log_and_lists(service.database.superuser)
