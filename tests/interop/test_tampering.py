"""One changed byte, in a credential or in a list, and verifiers that others wrote refuse it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import second_opinion
from tests.interop.client import Client, eventually
from tests.interop.judge import CLEAR, Judge, Judgement
from tests.interop.real_credentials import unsigned

pytestmark = pytest.mark.slow

BYTES = 60
"""How many bytes are changed, one at a time, at places drawn anew but alike in every run."""


@pytest.fixture
async def credential(client: Client, shared_dir: Path) -> dict[str, Any]:
    """An issued credential."""
    return await client.issue(unsigned(shared_dir / "fixtures", "1edtech-ob30-simple"))


@pytest.fixture
async def published(credential: dict[str, Any]) -> dict[str, Any]:
    """The revocation list that it names."""
    return second_opinion.fetched(second_opinion.entries(credential)[0]["statusListCredential"]).document


async def test_any_changed_value_of_a_credential_is_refused(judge: Judge, credential: dict[str, Any]) -> None:
    assert judge.verify(credential).verified
    for where, changed in with_one_value_changed(credential):
        assert not judge.verify(changed).verified, where


async def test_any_changed_byte_of_a_credential_is_refused(judge: Judge, credential: dict[str, Any]) -> None:
    assert judge.verify(credential).verified
    for where, changed in with_one_byte_changed(credential):
        assert not judge.verify(changed).verified, where


async def test_an_added_claim_is_refused(judge: Judge, credential: dict[str, Any]) -> None:
    assert not judge.verify({**credential, "description": "with honours"}).verified


async def test_a_credential_stripped_of_its_status_is_refused(judge: Judge, credential: dict[str, Any]) -> None:
    credential["credentialStatus"] = credential["credentialStatus"][1:]
    assert not judge.verify(credential).verified


async def test_any_changed_value_of_a_list_is_refused(
    judge: Judge, credential: dict[str, Any], published: dict[str, Any]
) -> None:
    url = published["id"]
    assert judge.check_status(credential, {url: published}) == Judgement(verified=True, statuses=CLEAR)
    for where, changed in with_one_value_changed(published):
        assert not judge.check_status(credential, {url: changed}).verified, where
        assert not judge.verify_list(changed).verified, where


async def test_any_changed_byte_of_a_list_is_refused(
    judge: Judge, credential: dict[str, Any], published: dict[str, Any]
) -> None:
    for where, changed in with_one_byte_changed(published):
        assert not judge.check_status(credential, {published["id"]: changed}).verified, where


async def test_a_cleared_revocation_is_refused(judge: Judge, client: Client, credential: dict[str, Any]) -> None:
    """The attack that pays: the list as it is, but for the one bit."""
    await client.revoke(credential["id"])
    entry = second_opinion.entries(credential)[0]
    await eventually(lambda: second_opinion.status(entry), bool)
    found = second_opinion.fetched(entry["statusListCredential"])
    octet, place = divmod(int(entry["statusListIndex"]), 8)
    bits = bytearray(found.bits)
    bits[octet] ^= 0b1000_0000 >> place
    forged = copy.deepcopy(found.document)
    forged["credentialSubject"]["encodedList"] = second_opinion.compressed(bytes(bits))
    assert not judge.check_status(credential, {found.document["id"]: forged}).verified
    assert judge.check_status(credential).statuses == {"revocation": True, "suspension": False}


async def test_a_list_of_another_purpose_in_its_place_is_refused(
    judge: Judge, credential: dict[str, Any], published: dict[str, Any]
) -> None:
    """A suspension list in the place of the revocation list, well signed by the right issuer."""
    suspension = second_opinion.entries(credential)[1]["statusListCredential"]
    other = second_opinion.fetched(suspension).document
    assert judge.verify_list(other).verified
    assert not judge.check_status(credential, {published["id"]: other}).verified


def with_one_value_changed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield *document* with each string in turn changed by one character in its middle, and each number by one."""
    for path in paths(document):
        changed = copy.deepcopy(document)
        holder: Any = changed
        for step in path[:-1]:
            holder = holder[step]
        value = holder[path[-1]]
        holder[path[-1]] = with_another_character(value) if isinstance(value, str) else value + 1
        yield "/".join(str(step) for step in path), changed


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every string and number in *value*."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(part, (*path, key))
    else:
        yield path


def with_another_character(text: str) -> str:
    middle = len(text) // 2
    return text[:middle] + ("1" if text[middle] != "1" else "2") + text[middle + 1 :]


def with_one_byte_changed(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield *document* with one bit of one byte of its JSON text changed, where JSON remains."""
    text, draw = json.dumps(document, separators=(",", ":")), random.Random(2025)
    left = BYTES
    while left:
        place = draw.randrange(len(text))
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        try:
            parsed = json.loads(changed)
        except ValueError:
            continue  # no verifier reads this at all
        left -= 1
        yield f"byte {place}: …{changed[max(0, place - 20) : place + 20]}…", parsed
