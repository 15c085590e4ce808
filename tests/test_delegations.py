"""A delegation that was lost is named by `registry doctor`, with what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from registry.doctor import Verdict, delegations
from registry.domain.events import VerificationMethod
from registry.errors import RemoteUnavailable
from registry.securing.did import Method, controller_document
from registry.securing.public_key import PublicKey
from tests.builders import LOG, History, identity
from tests.projections.reading import projected
from tests.securing.signers import SIGNERS
from tests.servers import TestDatabase

COLLEGE = "did:web:college.example"
KEYS = {name: PublicKey(signer.algorithm, signer.public_key) for name, signer in SIGNERS.items()}
OURS, THEIRS = KEYS["Ed25519"], KEYS["P-256"]
NOW = datetime(2026, 6, 1, tzinfo=UTC)

DOCUMENTS: dict[str, tuple[Mapping[str, Any] | None, Verdict, str]] = {
    "lists it": (
        controller_document(COLLEGE, [Method(f"{COLLEGE}#ours", OURS), Method(f"{COLLEGE}#theirs", THEIRS)]),
        Verdict.GOOD,
        "lists every key",
    ),
    "lists others": (controller_document(COLLEGE, [Method(f"{COLLEGE}#theirs", THEIRS)]), Verdict.WARNING, "lists no"),
    "calls it something else": (
        controller_document(COLLEGE, [Method(f"{COLLEGE}#renamed", OURS)]),
        Verdict.WARNING,
        "under another id",
    ),
    "is of another": (controller_document("did:web:other.example", []), Verdict.WARNING, "is about"),
    "cannot be had": (None, Verdict.WARNING, "does not answer"),
}


def a_history() -> History:
    history = History()
    history.issuer("web")
    moved = history.issuer("moved")
    method = VerificationMethod(
        id=f"{COLLEGE}#ours", controller=COLLEGE, public_key_multibase=OURS.multikey(), key_id=identity(1)
    )
    history.adopt_did(moved, COLLEGE, method)
    return history


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_the_doctor_asks_the_document_of_whoever_delegated(database: TestDatabase, name: str) -> None:
    document, verdict, said = DOCUMENTS[name]
    asked: list[str] = []

    async def resolve(did: str) -> Mapping[str, Any]:
        asked.append(did)
        if document is None:
            raise RemoteUnavailable("college.example does not answer.")
        return document

    async with projected(database, a_history()) as conn:
        [finding] = await delegations(conn, LOG, resolve, NOW)
    assert (finding.subject, finding.verdict, asked) == ("issuer moved", verdict, [COLLEGE])
    assert said in finding.sentence
    assert ("verifiers refuse" in finding.sentence) is (verdict is Verdict.WARNING)
