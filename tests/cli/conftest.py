"""Homes for `registry dev`, and whole deployments on a PostgreSQL of the test run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import pytest

from registry.embedded import Embedded
from tests.cli.deployments import Deployment, set_up
from tests.cli.processes import environment, running
from tests.service import free_port


def folder_for_all() -> Path:
    """Make a folder that the account of the embedded PostgreSQL can pass through too."""
    made = Path(mkdtemp(prefix="registry-cli-"))
    made.chmod(0o711)
    return made


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the test's own."""
    made = folder_for_all()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def fresh(folder: Path) -> dict[str, str]:
    """The environment of a `registry dev` that was never started."""
    return dev_environment(folder / "home")


@pytest.fixture(scope="session")
def _started_before() -> Iterator[Path]:
    made = folder_for_all()
    with running(made, dev_environment(made / "home"), "dev") as process:
        process.until_it_says("Ctrl-C")
    yield made / "home"
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def home(_started_before: Path, folder: Path) -> Path:
    """A home of the test's own in which `registry dev` was started before, and stopped."""
    shutil.copytree(_started_before, folder / "home", symlinks=True)
    for path in (folder / "home" / "pg", *(folder / "home" / "pg").rglob("*")):
        original = _started_before / path.relative_to(folder / "home")
        shutil.chown(path, original.stat().st_uid, original.stat().st_gid)
    return folder / "home"


@pytest.fixture
def started_before(home: Path) -> dict[str, str]:
    """The environment of a `registry dev` that was started before."""
    return dev_environment(home)


def dev_environment(home: Path) -> dict[str, str]:
    return environment(home, PORT=free_port(), METRICS_PORT=free_port(), CANONICALISER_WORKERS=1)


@pytest.fixture
def deployment(postgres: Embedded, folder: Path) -> Iterator[Deployment]:
    database = f"cli_{uuid4().hex}"
    made = set_up(postgres, folder, database)
    yield made
    made.as_superuser(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", database="postgres")
