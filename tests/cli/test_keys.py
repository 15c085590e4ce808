"""Issuers' signing keys are listed and rotated where the service runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.deployments import Deployment, good, school_in, up
from tests.cli.processes import Answer, ask, environment, eventually, refused, run

UNSIGNED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:ada"},
}


def states(listed: str) -> list[str]:
    return re.findall(r"^(active|retired|compromised) +Ed25519 ", listed, re.MULTILINE)


@pytest.mark.slow
def test_a_key_rotates_planned_and_after_a_compromise_and_what_is_doubtful_is_listed(deployment: Deployment) -> None:
    with deployment.running("serve") as serving, deployment.running("project") as projecting:
        up(serving, projecting)
        school = school_in(deployment)

        def issue() -> Answer | None:
            url = f"{school.url}/issuers/school/credentials/issue"
            return good(ask("POST", url, key=school.key, body={"credential": UNSIGNED}))

        [first] = deployment.run("keys", "list", "school").stdout.splitlines()[:1]
        assert "another DID, for good" in deployment.run("keys", "rotate", "school").stdout
        assert deployment.run("keys", "list", "school").stdout.startswith(first), "nobody said yes"
        assert states(deployment.run("keys", "rotate", "school", "--yes").stdout) == ["retired", "active"]
        credential = eventually(issue, what="a credential", limit_s=30).body["verifiableCredential"]
        [second] = deployment.run("keys", "list", "school").stdout.splitlines()[:1]
        assert (credential["issuer"], first != second) == (second, True)
        assert deployment.run("keys", "doubtful", "school").stdout == ""
        rotated = deployment.run("keys", "rotate", "school", "--compromised-since", "2026-01-01T00:00:00Z", "--yes")
        assert states(rotated.stdout) == ["retired", "compromised", "active"]
        assert "compromised since 2026-01-01 00:00:00Z" in rotated.stdout
        assert "registry keys doubtful school" in rotated.stdout
        assert credential["id"] in deployment.run("keys", "doubtful", "school").stdout


def test_an_issuer_or_a_log_that_is_none_is_refused_in_a_sentence(deployment: Deployment) -> None:
    assert "No issuer is registered" in refused(deployment.run("keys", "list", "nobody"))
    assert "There is no log 'other' here" in refused(deployment.run("keys", "list", "nobody", "--log", "other"))


@pytest.mark.parametrize(
    ("moment", "status", "said"),
    [
        ("yesterday", 2, "is no moment"),
        ("2026-01-01T00:00:00", 2, "names no zone"),
        ("2026-01-01T00:00:00Z", 130, "Go on?"),
    ],
)
def test_a_compromise_names_its_moment_and_is_asked_for_twice(
    folder: Path, moment: str, status: int, said: str
) -> None:
    done = run(environment(folder), "keys", "rotate", "school", "--compromised-since", moment)
    assert done.returncode == status, done
    assert said in done.stdout + done.stderr
