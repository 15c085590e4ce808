"""The parts alone, as in a real deployment: each command a process, on a PostgreSQL that is not theirs."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from registry import embedded
from registry.vault.master import new_line
from tests.cli.deployments import Deployment, bit, good, revocation, school_in, set_up, up
from tests.cli.processes import STOP_S, Running, ask, environment, eventually, refused, run
from tests.service import free_port

COMMANDS = (
    *(
        "accept-restore",
        "batch",
        "batch-by-query",
        "dev",
        "doctor",
        "init",
        "keys",
        "lint",
        "load",
        "migrate",
        "operator-keys",
        "project",
        "publish-files",
        "rebuild",
        "rotate-master-key",
        "serve",
    ),
    *("settings", "verify-log"),
)


# ── each command ─────────────────────────────────────────────────────────────────────────────────────────────


def test_every_command_tells_what_it_is_for(folder: Path) -> None:
    environ = environment(folder)
    overview = run(environ, "--help")
    assert overview.returncode == 0
    listed = re.findall(r"^  ([a-z-]+)  +(\S.*)$", overview.stdout.partition("Commands:")[2], re.MULTILINE)
    assert [name for name, _ in listed] == sorted(COMMANDS)
    assert not [words for _, words in listed if words.endswith("...")]
    told = (
        "import sys; from registry.cli import commands\n"
        "for name in sys.argv[1:]: commands([name, '--help'], standalone_mode=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", told, *COMMANDS], env=environ, capture_output=True, text=True, check=True
    )
    pages = done.stdout.split("Usage: ")[1:]
    assert len(pages) == len(COMMANDS)
    for page in pages:
        assert len(page.splitlines()) >= 6, page


def test_an_unknown_command_is_refused(folder: Path) -> None:
    done = run(environment(folder), "revoke-everything")
    assert done.returncode == 2
    assert "No such command" in done.stderr


@pytest.mark.parametrize(
    "command",
    [("doctor",), ("verify-log",), ("rebuild",), ("migrate",), ("rotate-master-key",), ("serve",), ("project",),
     ("publish-files",), ("init",), ("load", "--into-production"), ("accept-restore", "main", "--yes")],
)  # fmt: skip
def test_without_a_database_each_command_says_which_setting_is_missing(folder: Path, command: tuple[str, ...]) -> None:
    assert "DATABASE_URL is not set" in refused(run(environment(folder / "home"), *command))


def test_a_load_goes_into_an_empty_log_only_and_into_nothing_that_is_in_earnest(deployment: Deployment) -> None:
    few = ("load", "--credentials", "30", "--issuers", "2")
    assert "REGISTRY_ENV is live" in refused(deployment.run(*few, ENV="live"))
    assert "no log 'other'" in refused(deployment.run(*few, "--log", "other", ENV="test"))
    assert "nothing but its opening" in refused(deployment.run(*few, ENV="test"))  # it has its operator's key


def test_init_can_be_repeated(deployment: Deployment) -> None:
    done = deployment.run("init", "--superuser-dsn", deployment.superuser, "--database", deployment.database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "made" not in done.stdout
    assert "opened" not in done.stdout
    again = deployment.run("init", "--operator", "registrar")
    assert (again.returncode, "reg_live_" in again.stdout) == (0, False), "no second key of the same name"
    key_id = deployment.operator_key.split("_")[2]
    assert f"registrar has one, {key_id}" in again.stdout
    deployment.run("operator-keys", "revoke", key_id)
    assert "reg_live_" in deployment.run("init", "--operator", "registrar").stdout, "who has none gets one"
    assert deployment.run("migrate").stdout == "up to date\n"


def test_an_origin_that_nobody_chose_is_warned_of_and_one_that_was_changed_is_told(deployment: Deployment) -> None:
    port = deployment.environ["REGISTRY_PORT"]
    done = deployment.run("init", LOGS="")
    assert f"log main: there; its origin is http://127.0.0.1:{port}\n" in done.stdout
    assert "warning: REGISTRY_LOGS is not set" in done.stdout
    found = examined(deployment, LOGS="")["log main, origin"]
    assert (found["verdict"], "set REGISTRY_LOGS=main=https://" in found["sentence"]) == ("warning", True)
    assert examined(deployment, LOGS="", ENV="dev")["log main, origin"]["verdict"] == "good"

    changed = {"LOGS": "main=https://registry.example"}
    told = "https://registry.example, as REGISTRY_LOGS says, for all that is new; the log was opened for http://127.0"
    assert told in deployment.run("init", **changed).stdout
    found = examined(deployment, **changed)["log main, origin"]
    assert (found["verdict"], found["sentence"].startswith(told)) == ("good", True)


def test_a_database_that_is_away_is_told_in_a_sentence(deployment: Deployment, folder: Path) -> None:
    nowhere = f"postgresql://registry_writer@/registry?host={folder}"
    for command in (("verify-log",), ("serve",), ("rotate-master-key",), ("accept-restore", "main", "--yes")):
        done = deployment.run(*command, DATABASE_URL=nowhere, PROJECTOR_DATABASE_URL=nowhere)
        assert "cannot be reached" in refused(done), command
    done = deployment.run("init", "--superuser-dsn", nowhere)
    assert "cannot be reached" in refused(done)
    assert "cannot be reached" in refused(deployment.run("rebuild", PROJECTOR_DATABASE_URL=nowhere))
    assert "cannot be reached" in refused(deployment.run("migrate", OWNER_DATABASE_URL=nowhere))


@pytest.mark.slow
def test_serve_and_project_do_the_main_job_side_by_side(deployment: Deployment) -> None:
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school = school_in(deployment)
        entry = revocation(school.registered("urn:example:1"))
        assert bit(entry) is False
        assert school.revoke("urn:example:1").status == 200
        eventually(lambda: bit(entry), what="the bit")
        status = eventually(lambda: good(ask("GET", f"{deployment.url}/credential-status?id=urn:example:1")))
        assert status.body["status"] == "revoked"

        rebuilt = deployment.run("rebuild")
        assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
        assert rebuilt.stdout.count("0 differences") == 3
        one = deployment.run("rebuild", "credential_status")
        assert one.stdout.splitlines() == ["credential_status: generation 3 is live, 0 differences"]
        assert "nonsense" in refused(deployment.run("rebuild", "nonsense"))
        assert bit(entry) is True

        verified = deployment.run("verify-log")
        assert verified.returncode == 0
        assert re.fullmatch(r"main: \d+ events verified, head [0-9a-f]{64}\n", verified.stdout)
        assert serving.stop(signal.SIGINT, whole_group=True) < STOP_S
        assert projecting.stop(signal.SIGTERM) < STOP_S
        assert (serving.popen.returncode, projecting.popen.returncode) == (0, 0)
        assert (serving.err, projecting.err) == ("", "")


@pytest.mark.slow
def test_verify_log_names_the_position_that_the_superuser_changed(deployment: Deployment) -> None:
    with deployment.running("serve") as serving:
        serving.until_it_says("serving on")
        school_in(deployment)
    [row] = deployment.as_superuser(
        "UPDATE events SET body = convert_to(replace(convert_from(body, 'UTF8'), 'US-CO', 'US-NY'), 'UTF8')"
        " WHERE type = 'IssuerRegistered' RETURNING position"
    )
    assert f"position {row['position']} " in refused(deployment.run("verify-log"))
    assert f"position {row['position']} " in refused(deployment.run("verify-log", "main"))
    assert "'other'" in refused(deployment.run("verify-log", "other"))


@pytest.mark.slow
def test_the_master_key_is_rotated_while_the_old_one_is_still_there(deployment: Deployment) -> None:
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school = school_in(deployment)
        entry = revocation(school.registered("urn:example:1"))
    file = Path(deployment.environ["REGISTRY_HOME"]) / "keys" / "master.key"
    old, new = file.read_text().strip(), new_line()
    file.write_text(f"{new}\n{old}\n")
    done = deployment.run("rotate-master-key")
    assert done.returncode == 0, done
    assert int(done.stdout.rpartition(":")[2]) > 0
    file.write_text(f"{new}\n")
    assert deployment.run("rotate-master-key").stdout == "wrapped anew: 0\n"
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school.revoke("urn:example:1")
        eventually(lambda: bit(entry), what="the bit")
    file.write_text(f"{old}\n")
    for command in ("serve", "project", "rotate-master-key"):
        assert new.partition(":")[0] in refused(deployment.run(command))


@pytest.mark.slow
def test_files_are_published_compared_and_mended(deployment: Deployment, folder: Path) -> None:
    assert "REGISTRY_FILES is not set" in refused(deployment.run("publish-files"))
    files = folder / "files"
    publishing = replace(deployment, environ=deployment.with_settings(FILES=files))
    with publishing.running("serve") as serving, publishing.running("project") as projecting:
        up(serving, projecting)
        entry = revocation(school_in(publishing).registered("urn:example:1"))
        status_list = files / "main" / "status-lists" / entry["statusListCredential"].rpartition("/")[2]
        eventually(lambda: (status_list / "vc.json").exists(), what="the file")
        series = eventually(lambda: written(projecting), what="the metric")
        assert series > 0
    assert publishing.run("publish-files", "--check").returncode == 0
    assert examined(publishing)["files"]["verdict"] == "good"
    signed = (status_list / "vc.json").read_bytes()
    (status_list / "vc.json").write_bytes(b"{}")
    done = publishing.run("publish-files", "--check")
    assert done.returncode == 1
    assert f"list {status_list.name} vc.json is missing, or has other bytes than were signed" in done.stdout
    assert "1 not as published" in done.stdout
    done = publishing.run("publish-files")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 not as published, " in done.stdout
    assert (status_list / "vc.json").read_bytes() == signed
    status_list.unlink()
    assert "1 lists or documents have no up-to-date files" in examined(publishing)["files"]["sentence"]
    file = folder / "a file"
    file.touch()
    assert "Not a directory" in refused(publishing.run("publish-files", FILES=file / "files"))
    assert "is no absolute path" in refused(publishing.run("publish-files", FILES="files"))
    if os.geteuid() == 0:
        os.chown(files, owner := 65534, owner)
        assert f"belongs to the user {owner}" in refused(publishing.run("publish-files"))
        assert publishing.run("publish-files", "--check").returncode == 1


def written(projecting: Running) -> float | None:
    """How many files the process says that it has written; None for none yet."""
    port = re.search(r"metrics on [^ ]+:([0-9]+)", projecting.out)
    assert port is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics") as answer:
        found = re.search(r"^registry_files_written_total ([0-9.]+)$", answer.read().decode(), re.MULTILINE)
    assert found is not None
    return float(found[1]) or None


# ── doctor ───────────────────────────────────────────────────────────────────────────────────────────────────


def examined(deployment: Deployment, **settings: object) -> dict[str, dict[str, str]]:
    """Return what `registry doctor` finds, by subject; for machines and for people it is the same."""
    machine, human = deployment.run("doctor", "--json", **settings), deployment.run("doctor", **settings)
    findings = json.loads(machine.stdout)
    assert machine.stderr == human.stderr == ""
    assert machine.returncode == human.returncode == any(one["verdict"] == "refused" for one in findings)
    for one in findings:
        assert f"{one['subject']}: {one['sentence']}" in human.stdout
    return {one["subject"]: one for one in findings}


def refusals(findings: dict[str, dict[str, str]]) -> dict[str, str]:
    return {subject: one["sentence"] for subject, one in findings.items() if one["verdict"] == "refused"}


def test_doctor_finds_nothing_wrong_with_what_init_made(deployment: Deployment) -> None:
    assert {one["verdict"] for one in examined(deployment).values()} == {"good"}


def test_doctor_names_variables_that_are_no_settings_and_an_issuer_that_is_not_there(deployment: Deployment) -> None:
    found = examined(deployment, TICK=3, DCC_PORT=4008, DCC_ISSUER="nobody")
    assert {one["verdict"] for one in found.values()} == {"good", "warning"}
    assert "REGISTRY_TICK_S" in found["settings"]["sentence"]
    assert "'nobody'" in found["DCC listener"]["sentence"]


def test_doctor_counts_the_connections_that_workers_want(deployment: Deployment) -> None:
    assert "workers" not in examined(deployment)
    assert examined(deployment, WORKERS=2)["workers"]["verdict"] == "good"
    finding = examined(deployment, WORKERS=64)["workers"]
    assert finding["verdict"] == "warning"
    assert "839 connections" in finding["sentence"]


def test_doctor_and_serve_refuse_a_master_key_that_is_missing_or_for_all_to_read(deployment: Deployment) -> None:
    file = Path(deployment.environ["REGISTRY_HOME"]) / "keys" / "master.key"
    file.chmod(0o644)
    assert "chmod 600" in refusals(examined(deployment))["master key"]
    assert "chmod 600" in refused(deployment.run("serve"))
    file.unlink()
    assert str(file) in refusals(examined(deployment))["master key"]
    assert str(file) in refused(deployment.run("project"))


def test_doctor_refuses_a_master_key_that_is_another(deployment: Deployment) -> None:
    file = Path(deployment.environ["REGISTRY_HOME"]) / "keys" / "master.key"
    file.write_text(new_line() + "\n")
    assert "secrets" in refusals(examined(deployment))


def test_doctor_refuses_a_database_that_is_away_or_empty(deployment: Deployment, folder: Path) -> None:
    nowhere = f"postgresql://registry_writer@/registry?host={folder}"
    assert "cannot be reached" in refusals(examined(deployment, DATABASE_URL=nowhere))["database"]
    empty = deployment.environ["REGISTRY_DATABASE_URL"].replace(deployment.database, "postgres")
    assert "migrate" in refusals(examined(deployment, DATABASE_URL=empty))["schema"]


def test_what_was_never_set_up_is_refused_with_what_sets_it_up(deployment: Deployment, folder: Path) -> None:
    missing = deployment.environ["REGISTRY_DATABASE_URL"].replace(deployment.database, "nothing")
    never = {"DATABASE_URL": missing, "MASTER_KEY_FILE": folder / "no.key"}
    found = refusals(examined(deployment, **never))
    assert "`registry init` makes" in found["master key"]
    assert "`registry init --superuser-dsn …` makes" in found["database"]
    sentence = refused(deployment.run("serve", **never))
    assert all(one in sentence for one in found.values())
    nowhere = f"postgresql://registry_writer@/registry?host={folder}"
    assert "Start PostgreSQL" in refusals(examined(deployment, DATABASE_URL=nowhere))["database"]
    nobody = deployment.environ["REGISTRY_DATABASE_URL"].replace("registry_writer", "nobody")
    assert "the role in the DSN" in refusals(examined(deployment, DATABASE_URL=nobody))["database"]


def test_doctor_refuses_a_log_that_is_not_opened(deployment: Deployment) -> None:
    logs = "main=https://registry.example,second=https://second.example"
    assert "registry init" in refusals(examined(deployment, LOGS=logs))["log second"]
    assert "second" in refused(deployment.run("serve", LOGS=logs))


def test_doctor_refuses_a_role_that_could_change_the_log(deployment: Deployment) -> None:
    owner = deployment.environ["REGISTRY_OWNER_DATABASE_URL"]
    assert "registry_writer" in refusals(examined(deployment, DATABASE_URL=owner))["schema"]


@pytest.mark.slow
def test_doctor_and_serve_refuse_a_server_that_may_lose_what_it_acknowledged(folder: Path, pg_bindir: Path) -> None:
    """On a server of its own: the settings are the whole server's."""
    with asyncio.Runner() as runner:
        server = embedded.running(folder / "server", bindir=pg_bindir)
        own = set_up(runner.run(server.__aenter__()), folder, "registry")
        try:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                own.as_superuser(f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
                eventually(lambda name=setting: _setting(own, name) == "off")
                assert list(refusals(examined(own))) == [setting]
                assert f"{setting} is off" in refused(own.run("serve"))
                own.as_superuser(f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
                eventually(lambda name=setting: _setting(own, name) == "on")
        finally:
            runner.run(server.__aexit__(None, None, None))


def _setting(deployment: Deployment, name: str) -> str:
    [row] = deployment.as_superuser(f"SELECT current_setting('{name}') AS value")
    return str(row["value"])


# ── a restored database ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_after_a_restore_nothing_goes_on_until_it_is_accepted_and_then_everything_does(deployment: Deployment) -> None:
    backup = f"{deployment.database}_backup"
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school = school_in(deployment)
        kept, lost = revocation(school.registered("urn:example:kept")), school.registered("urn:example:late")[0]
        school.revoke("urn:example:kept")
        eventually(lambda: bit(kept), what="the first bit")
    deployment.as_superuser(f"CREATE DATABASE {backup} TEMPLATE {deployment.database}", database="postgres")
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school.revoke("urn:example:late")
        after = revocation(school.registered("urn:example:after"))
        eventually(lambda: bit(lost), what="the bit that the restore takes away")
    restore(deployment, backup)

    assert "accept-restore" in refusals(examined(deployment))["log main"]
    assert "accept-restore" in refused(deployment.run("serve"))
    asked = subprocess.run(
        [sys.executable, "-m", "registry", "accept-restore", "main"],
        env=deployment.environ, capture_output=True, text=True, input="n\n", cwd="/",
    )  # fmt: skip
    assert asked.returncode != 0
    ends = deployment.as_superuser("SELECT position FROM log_heads")[0]["position"]
    assert re.search(rf"published up to position \d+, and ends at {ends} now.*sets are closed", asked.stdout)
    assert "accept-restore" in refusals(examined(deployment))["log main"]

    with deployment.running("project") as projecting:
        projecting.until_it_says("projecting")
        assert json.loads(projecting.err.splitlines()[0])["message"].startswith("log main: ")
        eventually(lambda: '"publishing halted' in projecting.err, what="the alarm")
        published = published_up_to(deployment)

        accepted = deployment.run("accept-restore", "main", "--yes")
        assert (accepted.returncode, accepted.stderr) == (0, ""), accepted
        assert "closed" in accepted.stdout
        assert "nothing to accept" in deployment.run("accept-restore", "main").stdout, "and nothing to ask"
        eventually(lambda: refusals(examined(deployment)) == {})
        with deployment.running("serve") as serving:
            serving.until_it_says("serving on")
            assert bit(kept) is True
            again = revocation(school.registered("urn:example:after"))
            assert again["statusListCredential"] != after["statusListCredential"], "indices given out twice"
            school.revoke("urn:example:after")
            eventually(lambda: bit(again), what="the bit in the new set")
            assert bit(kept) is True
        assert published_up_to(deployment) > published
    assert deployment.run("verify-log").returncode == 0


def published_up_to(deployment: Deployment) -> int:
    [row] = deployment.as_superuser("SELECT max(position) AS position FROM projections.published_heads")
    return int(row["position"])


def restore(deployment: Deployment, backup: str) -> None:
    deployment.as_superuser(
        f"DROP DATABASE {deployment.database} WITH (FORCE)",
        f"ALTER DATABASE {backup} RENAME TO {deployment.database}",
        f"REVOKE ALL ON DATABASE {deployment.database} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {deployment.database} TO registry_writer",
        f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {deployment.database} TO registry_projector",
        database="postgres",
    )


@pytest.mark.slow
def test_a_publisher_that_runs_through_a_restore_publishes_nothing_more(deployment: Deployment) -> None:
    backup = f"{deployment.database}_backup"
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school = school_in(deployment)
        entry = revocation(school.registered("urn:example:1"))
    deployment.as_superuser(f"CREATE DATABASE {backup} TEMPLATE {deployment.database}", database="postgres")
    metrics_port = free_port()
    busy = replace(deployment, environ=deployment.with_settings(METRICS_PORT=metrics_port))
    with busy.running("project") as projecting:
        projecting.until_it_says("projecting")
        with deployment.running("serve") as serving:
            serving.until_it_says("serving on")
            school.revoke("urn:example:1")
            eventually(lambda: bit(entry), what="the bit")
        restore(deployment, backup)
        eventually(lambda: '"publishing halted' in projecting.err, what="the alarm")
        head = json.loads((Path(deployment.environ["REGISTRY_HOME"]) / "published" / "main.json").read_text())
        assert published_up_to(deployment) < head["position"]
        assert projecting.popen.poll() is None
        assert projecting.stop() < STOP_S
