"""`registry serve --workers`: several processes behind one port, one that writes, and one that looks after them all."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.deployments import Deployment, good, school_in
from tests.cli.processes import Running, alive, ask, eventually, refused, registry, running
from tests.service import free_port


@contextmanager
def workers_of(deployment: Deployment, number: int = 2, **settings: object) -> Iterator[Running]:
    environ = deployment.with_settings(METRICS_PORT=free_port(), **settings)
    with running(deployment.folder / f"workers-{free_port()}", environ, "serve", "--workers", str(number)) as serving:
        serving.until_it_says("metrics on")
        yield serving


def part(serving: Running, name: str) -> int:
    """The process id of one part."""
    [pid] = serving.children(f"worker {name} ")
    return pid


def metrics(serving: Running) -> str:
    [where] = re.findall(r"metrics on (\S+)", serving.out)
    with urlopen(f"http://{where}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def sample(page: str, start: str) -> float:
    [value] = re.findall(rf"^{re.escape(start)} (\S+)$", page, re.MULTILINE)
    return float(value)


@pytest.fixture
def projecting(deployment: Deployment) -> Iterator[Running]:
    with deployment.running("project") as projecting:
        projecting.until_it_says("projecting")
        yield projecting


def test_workers_share_a_port_and_one_process_writes(deployment: Deployment, projecting: Running) -> None:
    with workers_of(deployment, 2) as serving:
        assert f"serving on 127.0.0.1:{deployment.environ['REGISTRY_PORT']} with 2 workers" in serving.out
        school = school_in(deployment)
        for number in range(20):
            school.registered(f"urn:test:{number}")
            assert good(school.revoke(f"urn:test:{number}"))
        page = metrics(serving)
        answered = Counter[str]()
        for name, count in re.findall(r'^registry_http_requests_total\{worker="(\d)",.*\} (\S+)$', page, re.MULTILINE):
            answered[name] += float(count)
        assert set(answered) == {"0", "1"}, "each connection was taken by one worker, and not always by the same"
        assert sum(answered.values()) >= 42
        assert sample(page, 'registry_append_batch_events_count{worker="writer"}') >= 40
        assert not sample(page, 'registry_append_batch_events_count{worker="0"}')
        assert sample(page, 'registry_worker_up{worker="writer"}') == 1
        assert page.count("# TYPE registry_http_requests_total counter") == 1
        took = serving.stop()
        assert serving.popen.returncode == 0, serving.err
        assert took < 5
        assert serving.err == ""


@pytest.mark.slow
def test_a_worker_that_dies_is_started_again_and_the_port_stays_open(deployment: Deployment) -> None:
    with workers_of(deployment, 2) as serving:
        first = part(serving, "0")
        os.kill(first, signal.SIGKILL)
        again = eventually(lambda: [pid for pid in serving.children("worker 0 ") if pid != first], what="a new worker")
        eventually(lambda: sample(metrics(serving), 'registry_worker_up{worker="0"}') == 1, what="the new worker")
        assert again != [first]
        assert sample(metrics(serving), 'registry_worker_restarts_total{worker="0"}') == 1
        assert sample(metrics(serving), 'registry_worker_restarts_total{worker="1"}') == 0
        [line] = map(json.loads, serving.err.splitlines())
        assert line["message"] == "Worker 0 ended and is started again in 0.5 s: Worker 0 was ended by SIGKILL."
        assert (line["level"], line["worker"]) == ("warning", "parent")
        assert ask("GET", f"{deployment.url}/livez").status == 200


def test_every_line_of_the_log_is_json_and_says_whose_it_is(deployment: Deployment) -> None:
    with workers_of(deployment, 2, TICK=3) as serving:
        os.kill(part(serving, "1"), signal.SIGKILL)
        eventually(lambda: "SIGKILL" in serving.err, what="the line")
        assert ask("GET", f"{deployment.url}/issuers").status == 503, "nobody projects"
    lines = [json.loads(line) for line in serving.err.splitlines()]
    assert "REGISTRY_TICK_S" in lines[0]["message"], "what the start warns of"
    assert {line["worker"] for line in lines} > {"parent"}
    assert all(line["time"] for line in lines)


@pytest.mark.slow
def test_without_its_writer_a_worker_says_so_and_goes_on_with_the_next(
    deployment: Deployment, projecting: Running
) -> None:
    with workers_of(deployment, 2) as serving:
        school = school_in(deployment)
        school.registered("urn:test:1")
        writer = part(serving, "writer")
        os.kill(writer, signal.SIGSTOP)  # it is there, and answers nobody
        os.kill(writer, signal.SIGKILL)
        answer = school.revoke("urn:test:1")  # either it was under way, or it waits for the next writer
        if answer.status != 200:
            assert answer.status == 503
            assert "Idempotency-Key" in answer.body["detail"]
        assert eventually(lambda: good(school.revoke("urn:test:1")), what="a revocation").body["status"] == "revoked"
        assert part(serving, "writer") != writer
        assert sample(metrics(serving), 'registry_worker_restarts_total{worker="writer"}') == 1


@pytest.mark.slow
def test_nothing_is_left_when_the_one_that_looks_after_them_is_killed(deployment: Deployment) -> None:
    with workers_of(deployment, 2) as serving:
        family = serving.family()
        serving.kill()
        eventually(lambda: not alive(family), what="the end of all parts")
    with workers_of(deployment, 2):  # and the port is free again
        assert ask("GET", f"{deployment.url}/livez").status == 200
    assert not list(Path(deployment.environ["REGISTRY_HOME"]).glob("registry-*")), "the next one removed what was left"


def test_a_port_that_somebody_has_is_refused_though_workers_share_theirs(deployment: Deployment) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # who shares, too, would share with us
        taken.bind(("127.0.0.1", int(deployment.environ["REGISTRY_PORT"])))
        taken.listen()
        assert "choose another REGISTRY_PORT" in refused(deployment.run("serve", "--workers", "2"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"DATABASE_URL": "postgresql://registry_writer@127.0.0.1:1/nothing"}, "database"),
        ({"MASTER_KEY_FILE": "nowhere/master.key"}, "master key"),
        ({"TICK_S": "90"}, "REGISTRY_TICK_S"),
        ({"WORKERS": "1000"}, "REGISTRY_WORKERS"),
    ],
)
def test_what_cannot_start_is_refused_with_the_same_sentence_as_by_one_process(
    deployment: Deployment, settings: dict[str, str], words: str
) -> None:
    alone = refused(deployment.run("serve", **({"WORKERS": 1} | settings)))
    assert words in alone
    assert refused(deployment.run("serve", **({"WORKERS": 2} | settings))) == alone


@pytest.mark.slow
def test_what_only_a_part_notices_is_told_by_all_of_them_once(deployment: Deployment, folder: Path) -> None:
    """The metrics' port is taken last, when all parts are up: they leave again, and one sentence says why."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        sentence = refused(deployment.run("serve", "--workers", "2", METRICS_PORT=taken.getsockname()[1]))
        assert "choose another REGISTRY_METRICS_PORT" in sentence


def test_a_part_that_cannot_start_tells_why(deployment: Deployment, folder: Path) -> None:
    environ = deployment.with_settings(MASTER_KEY_FILE="nowhere/master.key")
    part = Running(registry("worker", "0", str(folder)), environ, folder / "alone")
    assert part.popen.wait(30) == 1
    assert '"refused":' in part.out
    assert "nowhere/master.key" in part.out
    assert part.err == ""


@pytest.mark.slow
def test_the_folder_where_they_meet_is_theirs_alone_and_is_removed(deployment: Deployment) -> None:
    home = Path(deployment.environ["REGISTRY_HOME"])
    with workers_of(deployment, 2) as serving:
        [folder] = home.glob("registry-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.name for path in folder.iterdir()} == {"commands", "metrics-0", "metrics-1", "metrics-writer"}
        serving.stop(signal.SIGINT, whole_group=True)
        assert serving.popen.returncode == 0
    assert not list(home.glob("registry-*"))


@pytest.mark.slow
def test_a_home_whose_path_is_too_long_for_a_socket_is_no_reason_to_stop(deployment: Deployment) -> None:
    home = deployment.folder / ("long" * 30)
    Path(deployment.environ["REGISTRY_HOME"]).rename(home)
    with workers_of(deployment, 2, HOME=home):
        assert ask("GET", f"{deployment.url}/livez").status == 200
