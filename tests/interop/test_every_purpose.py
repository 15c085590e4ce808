"""Refresh lists, message lists and lists of the past, judged by others."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.interop import second_opinion
from tests.interop.client import Client, eventually
from tests.interop.judge import CLEAR, Judge, Judgement
from tests.interop.real_credentials import unsigned

pytestmark = pytest.mark.slow

SIMPLE = "1edtech-ob30-simple"
MESSAGES = [
    {"status": "0x0", "message": "pending_review"},
    {"status": "0x1", "message": "accepted"},
    {"status": "0x2", "message": "rejected"},
    {"status": "0x3", "message": "undefined"},
]


def fetched(url: str) -> dict[str, Any]:
    """The list as the libraries would ask for it."""
    request = urllib.request.Request(url, headers={"Accept": "application/ld+json, application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        document: dict[str, Any] = json.loads(response.read())
        return document


def entry_of(credential: dict[str, Any], purpose: str) -> dict[str, Any]:
    return next(one for one in second_opinion.entries(credential) if one["statusPurpose"] == purpose)


async def test_a_refresh_is_seen_and_does_not_invalidate(judge: Judge, client: Client, shared_dir: Path) -> None:
    await client.add_list("refresh")
    old, new = [await client.issue(unsigned(shared_dir / "fixtures", SIMPLE)) for _ in range(2)]
    clear = {**CLEAR, "refresh": False}
    assert judge.verify(old) == Judgement(verified=True, statuses=clear)
    await client.supersede(old["id"], by=new["id"])
    refreshed = {**CLEAR, "refresh": True}
    seen = await eventually(lambda: judge.verify(old), lambda found: found.statuses == refreshed)
    assert seen == Judgement(verified=True, statuses=refreshed)
    assert second_opinion.statuses(old) == refreshed
    assert judge.verify(new) == Judgement(verified=True, statuses=clear)


async def test_a_message_list_is_a_credential_whose_every_term_is_signed(
    judge: Judge, client: Client, shared_dir: Path
) -> None:
    """The library refuses documents with terms that nothing defines; and what was changed, it notices."""
    await client.add_list("message", statusSize=2, statusMessages=MESSAGES, statusReference="https://college.example/m")
    credential = await client.issue(unsigned(shared_dir / "fixtures", SIMPLE))
    entry = entry_of(credential, "message")
    assert entry["statusMessage"] == MESSAGES
    await client.set_message(credential["id"], "0x2")
    index = int(entry["statusListIndex"])

    def value() -> int:
        found = second_opinion.fetched(entry["statusListCredential"])
        return 2 * found.bit(2 * index) + found.bit(2 * index + 1)

    assert await eventually(value, lambda found: found == 2) == 2
    published = fetched(entry["statusListCredential"])
    assert judge.verify_list(published) == Judgement(verified=True, statuses={})
    subject = published["credentialSubject"]
    for changed in (
        {"statusSize": 1},
        {"statusReference": ["https://elsewhere.example/"]},
        {"statusMessages": [*subject["statusMessages"][:3], {**subject["statusMessages"][3], "message": "accepted"}]},
    ):
        assert not judge.verify_list({**published, "credentialSubject": {**subject, **changed}}).verified, changed


async def test_a_list_of_the_past_is_accepted_and_shows_what_stood_then(
    judge: Judge, client: Client, shared_dir: Path
) -> None:
    credential = await client.issue(unsigned(shared_dir / "fixtures", SIMPLE))
    assert judge.verify(credential) == Judgement(verified=True, statuses=CLEAR)
    then = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await client.revoke(credential["id"])
    revoked = {**CLEAR, "revocation": True}
    seen = await eventually(lambda: judge.verify(credential), lambda found: found.statuses == revoked)
    assert seen.statuses == revoked
    urls = [one["statusListCredential"] for one in second_opinion.entries(credential)]
    past = {url: fetched(f"{url}?timestamp={quote(then, safe='')}") for url in urls}
    for document in past.values():
        assert judge.verify_list(document) == Judgement(verified=True, statuses={})
    assert judge.verify(credential, past) == Judgement(verified=True, statuses=CLEAR)
    assert judge.check_status(credential, past) == Judgement(verified=True, statuses=CLEAR)
