"""Real credentials through their whole life, judged by verifiers that others wrote and by one that shares no code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.interop import second_opinion
from tests.interop.client import Client, eventually
from tests.interop.judge import CLEAR, Judge, Judgement
from tests.interop.real_credentials import NAMES, in_folder, unsigned

pytestmark = pytest.mark.slow

REVOKED = {"revocation": True, "suspension": False}
SUSPENDED = {"revocation": False, "suspension": True}


async def everybody_sees(judge: Judge, credential: dict[str, Any], statuses: Any) -> None:
    """Assert that the libraries accept the credential and its lists, and that they and we see these bits."""
    seen = await eventually(lambda: judge.verify(credential), lambda found: found.statuses == statuses)
    assert seen == Judgement(verified=True, statuses=statuses)
    assert judge.check_status(credential) == Judgement(verified=True, statuses=statuses)
    assert second_opinion.statuses(credential) == statuses


def test_every_fixture_of_the_data_model_2_0_is_judged(shared_dir: Path) -> None:
    assert set(NAMES) == in_folder(shared_dir / "fixtures")


@pytest.mark.parametrize("name", NAMES)
async def test_a_real_credential_is_accepted_and_each_change_is_seen(
    name: str, judge: Judge, client: Client, shared_dir: Path
) -> None:
    document = unsigned(shared_dir / "fixtures", name)
    credential = await client.issue(document)
    await everybody_sees(judge, credential, CLEAR)
    assert await client.looked_up(credential["id"]) == "active"

    await client.suspend(credential["id"])
    await everybody_sees(judge, credential, SUSPENDED)
    assert await client.looked_up(credential["id"]) == "suspended"

    await client.reinstate(credential["id"])
    await everybody_sees(judge, credential, CLEAR)
    assert await client.looked_up(credential["id"]) == "active"

    await client.revoke(credential["id"])
    await everybody_sees(judge, credential, REVOKED)
    assert await client.looked_up(credential["id"]) == "revoked"


@pytest.mark.parametrize("name", NAMES)
async def test_issuing_adds_issuer_status_and_proof_and_changes_nothing_else(
    name: str, client: Client, shared_dir: Path
) -> None:
    document = unsigned(shared_dir / "fixtures", name)
    credential = await client.issue(document)
    ours = second_opinion.entries(credential)
    foreign = document.pop("credentialStatus", None)
    assert [entry["statusPurpose"] for entry in ours] == ["revocation", "suspension"]
    assert credential.pop("credentialStatus") == [*ours, *([foreign] if foreign else [])]
    assert credential.pop("proof")["cryptosuite"] == "eddsa-rdfc-2022"
    issuer = credential.pop("issuer")
    expected = document.pop("issuer", None)
    assert issuer == (issuer if expected is None else {"id": issuer["id"], **expected})
    assert credential == document


async def test_revoking_a_suspended_credential_leaves_the_suspension_as_it_is(
    judge: Judge, client: Client, shared_dir: Path
) -> None:
    credential = await client.issue(unsigned(shared_dir / "fixtures", "1edtech-ob30-simple"))
    await client.suspend(credential["id"])
    await client.revoke(credential["id"])
    await everybody_sees(judge, credential, {"revocation": True, "suspension": True})


async def test_a_change_sets_one_bit_of_one_list(client: Client, shared_dir: Path) -> None:
    one, *others = [await client.issue(unsigned(shared_dir / "fixtures", "1edtech-ob30-simple")) for _ in range(5)]
    await client.revoke(one["id"])
    revocation, suspension = second_opinion.entries(one)
    await eventually(lambda: second_opinion.status(revocation), bool)
    revoked = second_opinion.fetched(revocation["statusListCredential"]).set_indices()
    assert revoked == {int(revocation["statusListIndex"])}
    assert second_opinion.fetched(suspension["statusListCredential"]).set_indices() == set()
    assert all(second_opinion.statuses(other) == CLEAR for other in others)


async def test_an_issuer_of_profile_ob3_gives_one_status_that_others_understand(
    judge: Judge, service: Any, shared_dir: Path
) -> None:
    client = await Client.registered(service, statusProfile="ob3")
    credential = await client.issue(unsigned(shared_dir / "fixtures", "1edtech-ob30-simple"))
    assert isinstance(credential["credentialStatus"], dict)
    await everybody_sees(judge, credential, {"revocation": False})
    await client.revoke(credential["id"])
    await everybody_sees(judge, credential, {"revocation": True})


async def test_the_default_issuer_check_holds(judge: Judge, service: Any, shared_dir: Path) -> None:
    """The libraries take no word about a credential from anybody but its issuer."""
    mine, theirs = [
        await (await Client.registered(service)).issue(unsigned(shared_dir / "fixtures", "1edtech-ob30-simple"))
        for _ in range(2)
    ]
    assert judge.check_status(mine).verified
    judged = judge.check_status({**mine, "credentialStatus": theirs["credentialStatus"]})
    assert not judged.verified
    assert "do not match" in judged.errors[0]


def test_the_judge_fetches_from_nowhere_but_the_service(judge: Judge) -> None:
    for url in ("https://example.org/context.json", "https://www.w3.org/ns/credentials/examples/v2"):
        assert judge.ask("load", url=url)["errors"] == [f"The judge may not load {url}."]
