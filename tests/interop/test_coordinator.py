"""What coordinators get from us is read by the verifiers they know: the libraries behind the common wallets."""

from __future__ import annotations

from typing import Any

import pytest

from tests import coordinator
from tests.interop.client import eventually
from tests.interop.judge import CLEAR, Judge, Judgement

pytestmark = pytest.mark.slow


async def test_a_credential_that_a_coordinator_had_allocated_is_seen_revoked(judge: Judge, service: Any) -> None:
    asking = await coordinator.ready(service)
    allocated = await asking.allocate(coordinator.unsigned())
    _, directory = await service.ask("GET", f"/issuers/{coordinator.TENANT}", key="")
    signed = {**allocated, "issuer": {**allocated["issuer"], "id": directory["id"]}}  # the signing service fills it in
    assert judge.check_status(signed) == Judgement(verified=True, statuses=CLEAR)
    for words, expected in (
        (["suspended"], {**CLEAR, "suspension": True}),
        (["unsuspended", "revoked"], {**CLEAR, "revocation": True}),
    ):
        for word in words:
            status, answer = await asking.update(allocated["id"], word)
            assert status == 200, answer
        seen = await eventually(lambda: judge.check_status(signed), lambda found, on=expected: found.statuses == on)
        assert seen == Judgement(verified=True, statuses=expected)


async def test_a_list_of_another_issuer_than_the_signing_service_is_refused_there(judge: Judge, service: Any) -> None:
    """Why the runbook says that both shall have one DID."""
    asking = await coordinator.ready(service)
    judged = judge.check_status(await asking.allocate(coordinator.unsigned()))
    assert not judged.verified
    assert "Issuers of the status list credential and verifiable credential do not match" in " ".join(judged.errors)
