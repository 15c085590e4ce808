"""`registry dev`: two commands away from a registry that runs, and nothing left of it when it is told to stop."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
from functools import partial
from pathlib import Path

import pytest

from registry.dev import Demo
from tests.cli.processes import (
    STOP_S,
    Answer,
    ask,
    environment,
    eventually,
    refused,
    registry,
    run,
    running,
    works_in,
)
from tests.service import free_port
from tests.terminal import typed

UP = "Ctrl-C"
UNSIGNED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:holder"},
}


def demo_of(environ: dict[str, str]) -> Demo:
    demo = Demo.read(Path(environ["REGISTRY_HOME"]) / "demo.env")
    assert demo is not None
    return demo


def register(demo: Demo, credential_id: str) -> Answer:
    body = {"credentialId": credential_id, "type": ["VerifiableCredential"]}
    return ask("POST", f"{demo.url}/issuers/{demo.issuer}/credentials", key=demo.issuer_key, body=body)


def registered(demo: Demo, credential_id: str) -> None:
    eventually(lambda: register(demo, credential_id).status in (200, 201), what="a registration")


def status_of(demo: Demo, credential_id: str) -> str | None:
    answer = ask("GET", f"{demo.url}/credential-status?id={credential_id}")
    return str(answer.body["status"]) if answer.status == 200 else None


def issue(demo: Demo) -> Answer:
    url = f"{demo.url}/issuers/{demo.issuer}/credentials/issue"
    return ask("POST", url, key=demo.issuer_key, body={"credential": UNSIGNED})


@pytest.mark.slow
def test_a_first_start_takes_seconds_and_what_it_prints_works(folder: Path, fresh: dict[str, str]) -> None:
    with running(folder, fresh, "dev") as process:
        process.until_it_says(UP)
        demo = demo_of(fresh)
        verified, linted, revoked, asked, again = typed(process.out, folder)
        identifier = str(revoked["credentialId"])
        assert (verified["verdict"], linted["errors"], again["verdict"]) == ("valid", 0, "revoked"), verified
        assert (asked["credentialId"], revoked["status"]) == (identifier, "revoked")
        assert all(text in process.out for text in (demo.operator_key, demo.issuer_key, demo.url))
        assert process.stop(signal.SIGINT, whole_group=True) < STOP_S
        assert (process.popen.returncode, process.err) == (0, "")
    with running(folder, fresh, "dev") as process:
        process.until_it_says(UP)
        assert demo_of(fresh) == demo
        assert eventually(lambda: status_of(demo, identifier)) == "revoked"
        process.stop()
        assert (process.popen.returncode, process.err) == (0, "")


def test_the_demo_s_keys_are_for_its_owner_and_any_shell(folder: Path, started_before: dict[str, str]) -> None:
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        file = Path(started_before["REGISTRY_HOME"]) / "demo.env"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        names = ("REGISTRY_URL", "REGISTRY_OPERATOR_KEY", "REGISTRY_ISSUER", "REGISTRY_ISSUER_KEY")
        script = f". '{file}'; printf '%s\\n' " + " ".join(f'"${name}"' for name in names)
        lines = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout.splitlines()
        demo = demo_of(started_before)
        assert lines == [demo.url, demo.operator_key, demo.issuer, demo.issuer_key]
        assert ask("GET", f"{demo.url}/issuers/{demo.issuer}").status == 200


@pytest.mark.slow
def test_a_lost_file_of_keys_is_made_anew_as_often_as_it_is_lost(folder: Path, started_before: dict[str, str]) -> None:
    file = Path(started_before["REGISTRY_HOME"]) / "demo.env"
    keys = set()
    for attempt in range(3):
        file.unlink()
        with running(folder / str(attempt), started_before, "dev") as process:
            process.until_it_says(UP)
            demo = demo_of(started_before)
            registered(demo, f"urn:example:{attempt}")
            keys.add(demo.issuer_key)
    assert len(keys) == 3


# ── stopping ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_everything_in_time_even_while_a_request_is_open(
    folder: Path, started_before: dict[str, str], how: signal.Signals
) -> None:
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        with socket.create_connection(("127.0.0.1", int(started_before["REGISTRY_PORT"]))) as slow:
            demo = demo_of(started_before)
            slow.sendall(
                f"POST /issuers/{demo.issuer}/credentials HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n"
                f"Authorization: Bearer {demo.issuer_key}\r\nContent-Type: application/json\r\n\r\n{{".encode()
            )
            assert process.stop(how, whole_group=True) < STOP_S
        assert (process.popen.returncode, process.err) == (0, "")
        assert works_in(Path(started_before["REGISTRY_HOME"]) / "pg" / "data") == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "moment",
    ["home ", "PostgreSQL ", *(pytest.param(later, marks=pytest.mark.slow) for later in ("database ", "log "))],
)
def test_a_stop_during_the_first_start_leaves_nothing_running(
    folder: Path, fresh: dict[str, str], moment: str, how: signal.Signals
) -> None:
    with running(folder, fresh, "dev") as process:
        process.until_it_says(moment)
        assert process.stop(how, whole_group=True) < STOP_S
        assert (process.popen.returncode, process.err) == (0, "")


@pytest.mark.slow
def test_after_starts_that_were_stopped_anywhere_the_next_one_serves(folder: Path, fresh: dict[str, str]) -> None:
    for moment in ("PostgreSQL ", "database ", "service "):
        with running(folder / moment, fresh, "dev") as process:
            process.until_it_says(moment)
            process.stop()
            assert (process.popen.returncode, process.err) == (0, "")
    with running(folder, fresh, "dev") as process:
        process.until_it_says(UP)
        registered(demo_of(fresh), "urn:example:1")


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_kill_9_the_next_start_recovers_by_itself(folder: Path, started_before: dict[str, str]) -> None:
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        demo = demo_of(started_before)
        registered(demo, "urn:example:kept")
        family = process.family()
        process.kill()
        with running(folder / "again", started_before, "dev") as again:
            again.until_it_says(UP)
            assert demo_of(started_before) == demo
            assert eventually(lambda: status_of(demo, "urn:example:kept")) == "active"
            registered(demo, "urn:example:new")
            assert again.err == ""
            eventually(lambda: not family & again.family(), what="the end of what the killed one had started")


def test_it_goes_on_after_the_postmaster_was_killed(folder: Path, started_before: dict[str, str]) -> None:
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        demo = demo_of(started_before)
        registered(demo, "urn:example:acknowledged")
        [postmaster] = process.children("bin/postgres -D")
        os.kill(postmaster, signal.SIGKILL)
        registered(demo, "urn:example:after")
        assert eventually(lambda: status_of(demo, "urn:example:acknowledged")) == "active"
        assert eventually(lambda: status_of(demo, "urn:example:after")) == "active"
        assert process.stop() < STOP_S
        assert process.popen.returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL])
def test_a_batch_outlives_that_postgresql_stops_at_once_in_the_middle_of_it(
    folder: Path, started_before: dict[str, str], how: signal.Signals
) -> None:
    """Twice: without a checkpoint, so that it recovers from its log, and every row counts once."""
    file, result, rows = folder / "year.ndjson", folder / "result.ndjson", 20_000
    line = '{"credentialId": "urn:example:%s", "type": ["VerifiableCredential"]}\n'
    file.write_text("".join(line % number for number in range(rows)))
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        demo = demo_of(started_before)
        registered(demo, "urn:example:before")
        command = registry("batch", str(file), "--operation", "register", "--batch-id", "year", "--result", str(result))
        names = {"URL": demo.url, "ISSUER": demo.issuer, "API_KEY": demo.issuer_key}
        environ = os.environ | {f"REGISTRY_{name}": value for name, value in names.items()}
        sender = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        def reached(number: int) -> bool:
            progress = ask("GET", f"{demo.url}/issuers/{demo.issuer}/batches/year", key=demo.issuer_key)
            return progress.status == 200 and progress.body["rows"] >= number

        for stopped in (rows // 8, rows // 3):
            eventually(partial(reached, stopped), what="a part of the batch")
            assert sender.poll() is None, "it is stopped in the middle"
            [postmaster] = process.children("bin/postgres -D")
            os.kill(postmaster, how)
            eventually(lambda old=postmaster: process.children("bin/postgres -D") not in ([], [old]), what="a new one")
        told, _ = sender.communicate(timeout=120)
        assert f"{rows:,} rows: {rows:,} carried out, 0 so already, 0 rejected" in told, told
        outcomes = [json.loads(one) for one in result.read_text().splitlines()]
        assert [one["credentialId"] for one in outcomes] == [f"urn:example:{number}" for number in range(rows)]
        assert len({json.dumps(one["credentialStatus"]) for one in outcomes}) == rows, "no index twice"
        verified = run(started_before, "verify-log")
        assert verified.returncode == 0, verified


def test_it_goes_on_after_its_workers_were_killed(folder: Path, started_before: dict[str, str]) -> None:
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        demo = demo_of(started_before)
        eventually(lambda: issue(demo).status == 201, what="an issued credential")
        issuing_and_verifying = process.children("registry.securing.worker")
        assert len(issuing_and_verifying) >= 2
        for worker in issuing_and_verifying:
            os.kill(worker, signal.SIGKILL)
        answer = issue(demo)
        assert answer.status == 201, answer


@pytest.mark.slow
def test_it_stops_with_a_sentence_when_postgresql_cannot_be_started_again(
    folder: Path, started_before: dict[str, str]
) -> None:
    home = Path(started_before["REGISTRY_HOME"])
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        control = home / "pg" / "data" / "global" / "pg_control"
        content = control.read_bytes()
        [postmaster] = process.children("bin/postgres -D")
        control.write_bytes(bytes(len(content)))
        os.kill(postmaster, signal.SIGKILL)
        process.popen.wait(110)
        assert process.popen.returncode == 1
        *logged, sentence = process.err.splitlines()
        assert sentence.startswith("registry: PostgreSQL did not start")
        assert all(line.startswith("{") for line in logged)


# ── accounts ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can become somebody else")
def test_an_ordinary_user_needs_no_more_than_a_home(folder: Path) -> None:
    """The capability only lets it read the interpreter, wherever that is installed."""
    home = folder / "nobody"
    home.mkdir()
    os.chown(home, 65534, 65534)
    environ = environment(home / "data", PORT=free_port(), METRICS_PORT=0, CANONICALISER_WORKERS=1)
    del environ["REGISTRY_HOME"]
    environ |= {"HOME": str(home)}
    environ.pop("XDG_DATA_HOME", None)
    read = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *read)
    with running(folder, environ, "dev", wrap=nobody) as process:
        process.until_it_says(UP)
        demo = Demo.read(home / ".local" / "share" / "registry" / "demo.env")
        assert demo is not None
        registered(demo, "urn:example:1")
        assert {_owner(pid) for pid in process.family()} == {65534}
        assert process.stop(signal.SIGINT, whole_group=True) < STOP_S
        assert (process.popen.returncode, process.err) == (0, "")


def _owner(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_nothing_on_the_terminal_is_for_machines(folder: Path, started_before: dict[str, str]) -> None:
    with running(folder, started_before, "dev") as process:
        process.until_it_says(UP)
        labelled = [line for line in process.out.splitlines() if re.match(r"\S+( \S+)?  +\S", line)]
        assert {line[:13].rstrip() for line in labelled} >= {"home", "PostgreSQL", "service", "operator", "issuer"}
        assert all(line[12] == " " and line[13] != " " for line in labelled)
        assert not [line for line in process.out.splitlines() if line.startswith("{")]


# ── what it refuses ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"PORT": "eighty"}, "REGISTRY_PORT"),
        ({"PORT": 0}, "REGISTRY_PORT"),
        ({"TICK_S": 10, "TTL_S": 5}, "REGISTRY_TICK_S"),
        ({"TICK_S": 1, "TTL_S": 50_000}, "REGISTRY_TTL_S"),
        ({"VALIDITY_S": 90_000}, "REGISTRY_VALIDITY_S"),
        ({"LIST_SIZE": 1000}, "REGISTRY_LIST_SIZE"),
        ({"LOGS": "main=http://registry.example"}, "https"),
        ({"LOGS": "main=https://registry.example/path"}, "REGISTRY_LOGS"),
        ({"LOGS": "other=https://registry.example"}, "main"),
        ({"ENV": "No Word"}, "REGISTRY_ENV"),
        ({"DATABASE_URL": "postgresql:///registry"}, "REGISTRY_DATABASE_URL"),
    ],
)
def test_settings_that_contradict_are_refused_before_anything_is_made(
    fresh: dict[str, str], settings: dict[str, object], named: str
) -> None:
    environ = fresh | {f"REGISTRY_{name}": str(value) for name, value in settings.items()}
    done = run(environ, "dev")
    assert named in refused(done)
    assert done.stdout == ""
    assert not Path(fresh["REGISTRY_HOME"]).exists()


def test_a_home_that_is_a_file_is_refused(folder: Path, fresh: dict[str, str]) -> None:
    (folder / "home").write_text("no folder")
    assert str(folder / "home") in refused(run(fresh, "dev"))


def test_a_folder_without_postgresql_is_refused(folder: Path, fresh: dict[str, str]) -> None:
    assert "REGISTRY_PG_BINDIR" in refused(run(fresh | {"REGISTRY_PG_BINDIR": str(folder)}, "dev"))


@pytest.mark.parametrize("name", ["REGISTRY_PORT", "REGISTRY_METRICS_PORT"])
def test_a_port_in_use_is_refused_and_nothing_is_left_running(started_before: dict[str, str], name: str) -> None:
    with socket.create_server(("127.0.0.1", int(started_before[name]))):
        sentence = refused(run(started_before, "dev"))
    assert "address already in use" in sentence
    assert name in sentence
    assert works_in(Path(started_before["REGISTRY_HOME"]) / "pg" / "data") == []


CAN_MOUNT = subprocess.run(
    ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
).returncode == 0 if shutil.which("unshare") else False  # fmt: skip


@pytest.mark.skipif(not CAN_MOUNT, reason="needs leave to mount a disk of its own")
@pytest.mark.parametrize("options", ["ro", "size=256k,mode=711", "size=3m,mode=711", "size=39m,mode=711"])
def test_a_disk_that_is_read_only_or_full_is_refused(folder: Path, fresh: dict[str, str], options: str) -> None:
    """However far it gets; the last one holds a new cluster, but not what the database writes next."""
    (folder / "home").mkdir()
    mounted = f"mount -t tmpfs -o {options} none '{folder / 'home'}' && exec \"$@\""
    command = ["unshare", "-m", "sh", "-c", mounted, "sh", *registry("dev")]
    done = subprocess.run(command, env=fresh, capture_output=True, text=True, timeout=100, cwd="/")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("registry: ")
    assert "Traceback" not in done.stderr
