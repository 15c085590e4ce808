"""One real PostgreSQL per test run, a database per test.

`REGISTRY_TEST_PG_BINDIR` chooses another PostgreSQL than the embedded one, `REGISTRY_REQUIRE_SHARED=1`
turns tests that miss `../shared` from skipped to failed.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import hypothesis
import pytest

from registry.embedded import Embedded
from tests.clock import FakeClock
from tests.servers import (
    RUN_DIRECTORY,
    Run,
    TestDatabase,
    fresh_database,
    make_run_directory,
    make_template,
    shared_server,
)

SHARED = Path(__file__).parents[2] / "shared"
EMPTY, MIGRATED = "template_empty", "template_migrated"

# A slow machine is no failure. In CI the examples are the same in every run: what a change did not break, does not
# hold it up; at home they differ from run to run, and find more.
_SLOW = [hypothesis.HealthCheck.too_slow]
for _profile, _is_ci in (("home", False), ("ci", True)):
    hypothesis.settings.register_profile(
        _profile, deadline=None, suppress_health_check=_SLOW, database=None, derandomize=_is_ci, print_blob=True
    )
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "home")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        make_run_directory()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[RUN_DIRECTORY], ignore_errors=True)


@pytest.fixture(scope="session")
def pg_bindir() -> Path | None:
    """The bin directory that the run's PostgreSQL comes from; None for the embedded one."""
    chosen = os.environ.get("REGISTRY_TEST_PG_BINDIR")
    return Path(chosen) if chosen else None


@pytest.fixture(scope="session")
def _shared_server(pg_bindir: Path | None) -> Iterator[tuple[Embedded, Run[Any]]]:
    with shared_server(pg_bindir) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(_shared_server: tuple[Embedded, Run[Any]]) -> Embedded:
    """The run's PostgreSQL, with the registry's roles."""
    return _shared_server[0]


@pytest.fixture(scope="session")
def _empty_template(_shared_server: tuple[Embedded, Run[Any]]) -> str:
    async def leave_empty(_: str) -> None: ...

    embedded, run = _shared_server
    run(make_template(embedded, EMPTY, leave_empty))
    return EMPTY


@pytest.fixture(scope="session")
def _migrated_template(_shared_server: tuple[Embedded, Run[Any]]) -> str:
    from registry.log.migrate import migrate

    embedded, run = _shared_server
    run(make_template(embedded, MIGRATED, migrate))
    return MIGRATED


@pytest.fixture
async def empty_database(postgres: Embedded, _empty_template: str) -> AsyncIterator[TestDatabase]:
    """A database without any table."""
    async with fresh_database(postgres, _empty_template) as fresh:
        yield fresh


@pytest.fixture
async def database(postgres: Embedded, _migrated_template: str) -> AsyncIterator[TestDatabase]:
    """A database with the migrations applied."""
    async with fresh_database(postgres, _migrated_template) as fresh:
        yield fresh


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def shared_dir() -> Path:
    """The folder of vectors and fixtures that lies beside the project; without it the test is skipped."""
    if not SHARED.is_dir():
        if os.environ.get("REGISTRY_REQUIRE_SHARED") == "1":
            pytest.fail(f"{SHARED.name} is missing beside the project, and REGISTRY_REQUIRE_SHARED=1 demands it")
        pytest.skip(f"{SHARED.name} is missing beside the project")
    return SHARED


@pytest.fixture(scope="session")
def _service(postgres: Embedded, _migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.service import free_port, running_service, service_in_a_thread, service_settings

    @asynccontextmanager
    async def opening() -> AsyncIterator[Any]:
        home = tmp_path_factory.mktemp("service")
        settings = service_settings(home, dcc_port=free_port(), dcc_issuer="coordinated-college")
        async with fresh_database(postgres, _migrated_template) as fresh, running_service(fresh, settings) as service:
            yield service

    with service_in_a_thread(opening()) as service:
        yield service


@pytest.fixture
async def service(_service: Any) -> AsyncIterator[Any]:
    """The run's one service, over HTTP, with a session of the test's own; make issuers of your own with `.issuer()`."""
    async with aiohttp.ClientSession() as session:
        yield replace_session(_service, session)


def replace_session(service: Any, session: aiohttp.ClientSession) -> Any:
    mine = copy.copy(service)
    mine.session = session
    return mine
