"""A batch through several workers, one of which is killed in the middle: another goes on with it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable

import psutil
import pytest

from tests import oracle
from tests.cli.deployments import Deployment, School, school_in
from tests.cli.processes import Running, eventually, registry
from tests.cli.test_batch_killed import recorded
from tests.cli.test_workers import metrics, part, sample, workers_of

ROWS = 6_000
PARTS = ("writer", "0", "1", "2")


def sending(deployment: Deployment, school: School) -> subprocess.Popen[str]:
    """Send a file with `registry batch`."""
    file = deployment.folder / "rows.ndjson"
    rows = ({"credentialId": f"urn:example:{n}", "type": ["VerifiableCredential"]} for n in range(ROWS))
    file.write_text("\n".join(map(json.dumps, rows)))
    return subprocess.Popen(
        registry("batch", str(file), "--operation", "register", "--patience", "90"),
        env=os.environ | {"REGISTRY_URL": school.url, "REGISTRY_ISSUER": "school", "REGISTRY_API_KEY": school.key},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def who_receives(serving: Running, sender: int) -> str:
    """The worker at the other end of the *sender*'s connection."""
    ports = {one.laddr.port for one in psutil.Process(sender).net_connections() if one.status == "ESTABLISHED"}
    for name in PARTS[1:]:
        theirs = psutil.Process(part(serving, name)).net_connections()
        if ports & {one.raddr.port for one in theirs if one.raddr}:
            return name
    return ""


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "victim", [who_receives, lambda *_: "writer"], ids=["the worker that receives it", "the writer"]
)
def test_a_batch_goes_on_when_a_part_is_killed_and_every_row_counts_once(
    deployment: Deployment, victim: Callable[[Running, int], str]
) -> None:
    with deployment.running("project") as projecting, workers_of(deployment, 3) as serving:
        projecting.until_it_says("projecting")
        school = school_in(deployment)
        school.registered("urn:example:before")
        sender = sending(deployment, school)
        eventually(lambda: recorded(deployment) > ROWS // 4, what="a part of the batch")
        killed = victim(serving, sender.pid)
        psutil.Process(part(serving, killed)).kill()
        assert recorded(deployment) < ROWS, "it was killed in the middle"
        told, _ = sender.communicate(timeout=120)
        # without a writer, the worker sends the rows again by itself
        assert killed == "writer" or "going on where it was" in told
        assert f"{ROWS:,} rows: {ROWS:,} carried out, 0 so already, 0 rejected" in told
        assert recorded(deployment) == ROWS + 1
        eventually(lambda: sample(metrics(serving), f'registry_worker_up{{worker="{killed}"}}') == 1, what=killed)
        page = metrics(serving)
        for name in PARTS:
            assert sample(page, f'registry_worker_up{{worker="{name}"}}') == 1
            assert sample(page, f'registry_worker_restarts_total{{worker="{name}"}}') == (name == killed)
    assert deployment.run("verify-log").returncode == 0
    asyncio.run(oracle.check(deployment.environ["REGISTRY_OWNER_DATABASE_URL"]))
