"""Linting over HTTP and on the command line; what the service itself issues is clean."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from registry.cli import commands
from registry.verifier.lint.table import RULES
from tests.coordinator import unsigned as badge
from tests.http.test_life_of_a_credential import unsigned
from tests.interop.client import Client

LOCAL = {"status-list-not-https"}
"""The service of these tests has no certificate."""


async def linted(service, credential, *lists):
    body = {"verifiableCredential": credential, "statusListCredentials": list(lists)}
    status, report = await service.ask("POST", "/credentials/lint", key="", json=body)
    assert status == 200, report
    return report


def ruled(report, *severities):
    return {one["rule"] for one in report["findings"] if one["severity"] in severities}


async def the_list(service, entry):
    async with service.session.get(entry["statusListCredential"]) as response:
        return await response.json(content_type=None)


@pytest.mark.parametrize("profile", ["vc2", "ob3"])
async def test_what_the_service_issues_and_publishes_is_clean(service, profile):
    client = await Client.registered(service, statusProfile=profile)
    document = {name: value for name, value in badge().items() if name != "issuer"}
    document["credentialSubject"]["id"] = "did:example:ada"
    credential = await client.issue({**document, "issuer": {"type": ["Profile"], "name": "State College"}})
    entries = credential["credentialStatus"]
    lists = [await the_list(service, entry) for entry in (entries if isinstance(entries, list) else [entries])]
    report = await linted(service, credential, *lists)
    expected = {"status-single-in-badges"} if profile == "vc2" else set()  # a badge of such an issuer says too much
    assert ruled(report, "error") == expected
    assert ruled(report, "warning", "note") == LOCAL
    for one in lists:
        assert (await linted(service, one))["findings"] == []


@pytest.mark.parametrize("mechanism", ["eddsa-jcs-2022", "vc+jwt", "vc+cose"])
async def test_a_mechanism_that_the_common_wallets_do_not_read_is_told(service, mechanism):
    client = await Client.registered(service)
    changes = {"mechanisms": [mechanism]}
    status, answer = await service.ask("PATCH", f"/issuers/{client.slug}", key=service.operator_key, json=changes)
    assert status == 200, answer
    credential = await client.issue(unsigned(name="Diploma"))
    report = await linted(service, credential)
    unread = "proof-suite-unread" if mechanism == "eddsa-jcs-2022" else "envelope-unread"
    assert ruled(report, "error", "warning") == LOCAL | {unread}


async def test_a_jwt_is_linted_as_it_is_and_its_status_claim_is_no_fault(service):
    client = await Client.registered(service, mechanisms=["vc+jwt"])
    status, answer = await service.ask("PUT", f"/issuers/{client.slug}/status-lists/token", key=service.operator_key)
    assert status == 200, answer
    jwt = (await client.issue(unsigned(name="Diploma")))["id"].partition(",")[2]
    headers = {"Content-Type": "application/vc+jwt"}
    status, report = await service.ask("POST", "/credentials/lint", key="", data=jwt, headers=headers)
    assert (status, ruled(report, "error", "warning")) == (200, LOCAL | {"envelope-unread"})
    assert report == await linted(service, jwt)


async def test_a_finding_says_where_why_in_whom_whence_and_what_to_do(service):
    report = await linted(
        service, unsigned(name="Diploma", issuer="did:example:x", issuanceDate="2026-01-01T00:00:00Z")
    )
    found = {one["rule"]: one for one in report["findings"]}
    dates = found["dates-of-version-1"]
    assert dates.keys() == {"rule", "severity", "pointer", "failsIn", "because", "remedy", "source"}
    assert (dates["severity"], dates["pointer"]) == ("error", "/issuanceDate")
    assert "issuanceDate" in found["terms-lost"]["because"]
    assert report["errors"] == len(ruled(report, "error"))
    assert "proof-missing" in ruled(report, "note")


async def test_a_list_of_another_issuer_is_told(service):
    client, other = await Client.registered(service), await Client.registered(service)
    credential = await client.issue(unsigned(name="Diploma"))
    entry = credential["credentialStatus"][0]
    theirs = await the_list(service, (await other.issue(unsigned(name="Diploma")))["credentialStatus"][0])
    report = await linted(service, credential, {**theirs, "id": entry["statusListCredential"]})
    assert "list-issuer-differs" in ruled(report, "warning")


@pytest.mark.parametrize("body", [{}, {"verifiableCredential": 7}, {"verifiableCredential": "ey.x"}, {"x": 1}])
async def test_what_cannot_be_read_is_a_problem_and_no_finding(service, body):
    status, problem = await service.ask("POST", "/credentials/lint", key="", json=body)
    assert (status, problem["type"].rpartition("/")[2]) == (400, "malformed")


# ── on the command line ──────────────────────────────────────────────────────────────────────────────────────


def run(*arguments, given=None):
    return CliRunner().invoke(commands, ["lint", *arguments], input=given, catch_exceptions=False)


def laborious():
    """What every rule has much to look at in."""
    entry = {
        "type": "BitstringStatusListEntry",
        "statusListCredential": "https://school.example/&" + "x" * 50,
        "statusPurpose": "revocation",
        "statusListIndex": "1",
    }
    inner = {**unsigned(), "credentialStatus": [entry] * 25}
    return {**unsigned(), "verifiableCredential": [inner] * 100}


@pytest.mark.slow
async def test_who_floods_the_linter_holds_up_no_issuer(service):
    client = await Client.registered(service)
    await client.issue(unsigned(name="Diploma"))
    body = {"verifiableCredential": laborious()}
    flood = [asyncio.ensure_future(service.ask("POST", "/credentials/lint", key="", json=body)) for _ in range(12)]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    await client.issue(unsigned(name="Diploma"))
    waiting = sum(not one.done() for one in flood)
    assert {status for status, _ in await asyncio.gather(*flood)} == {200}
    assert waiting > 5, "the flood was still on"


def test_a_file_is_linted_for_people(tmp_path):
    file = tmp_path / "credential.json"
    file.write_text(json.dumps(unsigned(issuer="did:example:x", expirationDate="2026-01-01T00:00:00Z")))
    done = run(str(file))
    assert done.exit_code == 1
    assert "error    /expirationDate  dates-of-version-1" in done.output
    assert "fails in  every verifier of an -rdfc- proof" in done.output
    assert "2 errors, 1 warning, 2 notes" in done.output.splitlines()[-1]


def test_standard_input_is_linted_for_machines_also_as_a_service_answers():
    answer = {"verifiableCredential": unsigned(name="Diploma", issuer={"id": "did:example:x", "name": "College"})}
    done = run("-", "--json", given=json.dumps(answer))
    report = json.loads(done.output)
    assert (done.exit_code, report["errors"], report["warnings"]) == (0, 0, 0)


def test_a_list_beside_it_is_compared(tmp_path):
    entry = {
        "id": "https://x.example/1#7", "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": "7", "statusListCredential": "https://x.example/1",
    }  # fmt: skip
    file, other = tmp_path / "credential.json", tmp_path / "list.json"
    file.write_text(json.dumps(unsigned(issuer="did:example:x", credentialStatus=entry)))
    other.write_text(json.dumps({"@context": [], "id": "https://x.example/1", "issuer": "did:example:y"}))
    assert "list-issuer-differs" in run(str(file), "--list", str(other)).output
    assert "list-issuer-differs" not in run(str(file)).output


def test_what_differs_by_its_place_only_is_told_once(tmp_path):
    inside = [unsigned(issuer="https://college.example") for _ in range(6)]
    presentation = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": inside,
    }
    (tmp_path / "presentation.json").write_text(json.dumps(presentation))
    done = run(str(tmp_path / "presentation.json"))
    assert done.output.count("issuer-not-a-did") == 1
    assert "/verifiableCredential/3/issuer, and 2 more" in done.output


def test_all_rules_can_be_listed_with_their_sources():
    done = run("--rules")
    assert done.exit_code == 0
    names = [line.split()[1] for line in done.output.splitlines() if not line.startswith(" ")]
    assert names == [rule.name for rule in RULES]
    assert done.output.count("source") >= len(RULES)
