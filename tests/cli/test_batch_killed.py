"""kill -9 of the service in the middle of a batch; and a batch that is larger than what may be in memory."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from tests import oracle
from tests.cli.deployments import Deployment, School, school_in, up
from tests.cli.processes import ask, eventually, registry

ROWS = 8_000


def recorded(deployment: Deployment) -> int:
    (row,) = deployment.as_superuser("SELECT count(*) AS rows FROM events WHERE type = 'CredentialRegistered'")
    return int(row["rows"])


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_service_killed_in_the_middle_of_a_batch_goes_on_with_it_and_no_row_counts_twice(
    deployment: Deployment,
) -> None:
    file = deployment.folder / "rows.ndjson"
    rows = [{"credentialId": f"urn:example:{n}", "type": ["VerifiableCredential"]} for n in range(ROWS)]
    file.write_text("\n".join(map(json.dumps, rows)))
    with deployment.running("project") as projecting:
        with deployment.running("serve") as first:
            up(first, projecting)
            school = school_in(deployment)
            school.registered("urn:example:before")
            sending = subprocess.Popen(
                [*registry("batch", str(file), "--operation", "register", "--patience", "90")],
                env=os.environ
                | {"REGISTRY_URL": school.url, "REGISTRY_ISSUER": "school", "REGISTRY_API_KEY": school.key},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            eventually(lambda: recorded(deployment) > ROWS // 4, what="a part of the batch")
            first.kill()
        before = recorded(deployment)
        assert before < ROWS, "it was killed in the middle"
        with deployment.running("serve") as second:
            second.until_it_says("serving on")
            told, _ = sending.communicate(timeout=120)
            assert "going on where it was" in told
            assert f"{ROWS:,} rows: {ROWS:,} carried out, 0 so already, 0 rejected" in told
    assert recorded(deployment) == ROWS + 1
    assert deployment.run("verify-log").returncode == 0
    owner = deployment.environ["REGISTRY_OWNER_DATABASE_URL"]
    asyncio.run(oracle.check(owner))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_batch_takes_a_bounded_amount_of_memory(deployment: Deployment) -> None:
    with deployment.running("project") as projecting, deployment.running("serve") as serving:
        up(serving, projecting)
        school = school_in(deployment)
        school.registered("urn:example:before")
        process = psutil.Process(serving.popen.pid)
        send(school, 2_000)
        before = process.memory_info().rss
        size = send(school, 60_000)
        grown = process.memory_info().rss - before
    assert size > 120_000_000
    assert grown < 40_000_000, f"{grown:,} bytes for a file of {size:,}"


def send(school: School, rows: int) -> int:
    """Send so many rows of 2 KB, each of which is refused; return how many bytes that were."""
    url, size = urlsplit(school.url), 0

    def pieces() -> Iterator[bytes]:
        nonlocal size
        for number in range(rows):
            row = {"operation": "revoke", "credentialId": f"urn:none:{number % 100}", "problem": "x" * 2_000}
            line = json.dumps(row).encode() + b"\n"
            size += len(line)
            yield line

    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=200)
    headers = {"Authorization": f"Bearer {school.key}", "Content-Type": "application/x-ndjson"}
    connection.request("POST", "/issuers/school/batches", pieces(), headers, encode_chunked=True)
    answer = json.loads(connection.getresponse().read())
    assert answer["counts"] == {"accepted": 0, "unchanged": 0, "rejected": rows}, answer
    progress = ask("GET", answer["result"].removesuffix("/result"), key=school.key)
    assert progress.body["state"] == "complete"
    return size
