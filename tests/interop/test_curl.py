"""curl as the client: what `registry dev` tells people to type, and what caches and proxies do with a list."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from registry.dev import Demo, next_steps
from tests.interop import second_opinion
from tests.interop.absence import absent
from tests.interop.client import Client, eventually
from tests.interop.second_opinion import entries
from tests.terminal import typed

pytestmark = pytest.mark.slow

UNSIGNED = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": "did:example:holder"},
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What curl got."""

    status: int
    headers: dict[str, str]
    body: bytes


def curl(url: str, *options: str) -> Answer:
    """Return curl's answer; header names in lower case."""
    if not shutil.which("curl"):
        absent("curl is missing")
    done = subprocess.run(
        ["curl", "-sS", "--dump-header", "/dev/stderr", *options, url], capture_output=True, check=True
    )
    status_line, *lines = done.stderr.decode().strip().splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status_line.split()[1]), headers, done.stdout)


def without_age(headers: dict[str, str]) -> dict[str, str]:
    """Return *headers* but for those that depend on the second of asking."""
    return {name: value for name, value in headers.items() if name not in {"date", "cache-control", "last-modified"}}


@pytest.fixture
async def credential(client: Client) -> dict[str, Any]:
    """An issued credential."""
    return await client.issue(UNSIGNED)


@pytest.fixture
def url(credential: dict[str, Any]) -> str:
    """The address of its revocation list."""
    return str(entries(credential)[0]["statusListCredential"])


async def test_head_is_get_without_the_body(url: str) -> None:
    got, head = curl(url), curl(url, "--head")
    assert (got.status, head.status) == (200, 200)
    assert without_age(head.headers) == without_age(got.headers)
    assert int(head.headers["content-length"]) == len(got.body)


async def test_an_unchanged_list_costs_no_body(url: str, tmp_path: Path) -> None:
    etag = tmp_path / "etag"
    got = curl(url, "--etag-save", str(etag))
    again = curl(url, "--etag-compare", str(etag))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == got.headers["etag"] == etag.read_text().strip()
    assert re.fullmatch(r'"[^"]+"', got.headers["etag"]), "the tag is a strong one"


async def test_a_changed_list_is_sent_anew(
    url: str, client: Client, credential: dict[str, Any], tmp_path: Path
) -> None:
    etag = tmp_path / "etag"
    before = curl(url, "--etag-save", str(etag))
    await client.revoke(credential["id"])
    after = await eventually(lambda: curl(url, "--etag-compare", str(etag)), lambda answer: answer.status == 200)
    assert after.status == 200
    assert after.headers["etag"] != before.headers["etag"]
    index = int(entries(credential)[0]["statusListIndex"])
    assert [second_opinion.read(json.loads(one.body), url).bit(index) for one in (before, after)] == [False, True]


async def test_gzip_is_the_same_list_under_a_tag_of_its_own(url: str) -> None:
    plain, packed, unpacked = curl(url), curl(url, "--header", "Accept-Encoding: gzip"), curl(url, "--compressed")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == unpacked.body == plain.body
    assert packed.headers["etag"] != plain.headers["etag"]
    for answer in (plain, packed):
        assert {"accept", "accept-encoding"} <= set(answer.headers["vary"].lower().replace(" ", "").split(","))


async def test_a_verifier_may_keep_a_list_no_longer_than_its_ttl(url: str) -> None:
    got = curl(url)
    [age] = re.findall(r"max-age=(\d+)", got.headers["cache-control"])
    ttl_ms = json.loads(got.body)["credentialSubject"]["ttl"]
    assert int(age) * 1000 <= ttl_ms


@pytest.mark.parametrize(
    "accept", ["application/ld+json, application/json", "*/*", "application/vc;q=0.9, text/html;q=0.1", "application/*"]
)
async def test_what_verifiers_accept_they_get(url: str, accept: str) -> None:
    got = curl(url, "--header", f"Accept: {accept}")
    assert got.status == 200
    assert second_opinion.read(json.loads(got.body), url)
    if "json" in accept:
        assert "json" in got.headers["content-type"]


async def test_what_dev_tells_people_to_type_works(client: Client, tmp_path: Path) -> None:
    """The lines are run as they are printed, but for the credential's id."""
    demo = Demo(client.service.url, client.service.operator_key, client.slug, client.key)
    demo.write(tmp_path / "demo.env")
    printed = next_steps(demo, tmp_path).replace("urn:example:$(date +%s)", f"urn:uuid:{uuid4()}")
    verified, linted, revoked, asked, again = typed(printed, tmp_path)
    assert [verified["verdict"], again["verdict"]] == ["valid", "revoked"]
    assert [revoked["status"], asked["status"]] == ["revoked", "revoked"]
    assert linted["findings"]
    client.position = revoked["position"]
    assert await client.looked_up(asked["credentialId"]) == "revoked"
