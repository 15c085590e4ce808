"""The public facts about API keys: which exist, and how many may be live."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from registry import errors
from registry.domain import api_keys
from registry.domain.commands import CreateApiKey, RevokeApiKey, SuspendIssuer
from registry.domain.events import AnyEvent, ApiKeyCreated, ApiKeyRevoked, IssuerReinstated
from registry.domain.names import IssuerId, api_keys_stream
from tests.domain.facts import AT, ISSUER, LATER, after, recorded

STREAM = api_keys_stream(ISSUER)
SOON = LATER + timedelta(days=1)
SCOPES = ("issue", "status")


def created(key_id: str, expires: datetime | None = None) -> ApiKeyCreated:
    return ApiKeyCreated(key_id=key_id, name="registrar's office", scopes=SCOPES, expires=expires)


def create(key_id: str, issuer_id: IssuerId | None = ISSUER) -> CreateApiKey:
    return CreateApiKey(LATER, issuer_id, key_id, "registrar's office", SCOPES)


def revoke(key_id: str) -> RevokeApiKey:
    return RevokeApiKey(LATER, ISSUER, key_id)


def revoked(key_id: str) -> ApiKeyRevoked:
    return ApiKeyRevoked(key_id=key_id)


TABLE: list[tuple[str, tuple[AnyEvent, ...], CreateApiKey | RevokeApiKey, Any]] = [
    ("a first key", (), create("a"), [created("a")]),
    ("a second key", (created("a"),), create("b"), [created("b")]),
    ("a third live key", (created("a"), created("b")), create("c"), errors.TooManyApiKeys),
    ("a key after a revocation", (created("a"), created("b"), revoked("a")), create("c"), [created("c")]),
    ("a key after an expiry", (created("a", AT), created("b")), create("c"), [created("c")]),
    ("a key at the moment of an expiry", (created("a", LATER), created("b")), create("c"), [created("c")]),
    ("a key before an expiry", (created("a", SOON), created("b")), create("c"), errors.TooManyApiKeys),
    ("the same key again", (created("a"), created("b")), create("b"), []),
    ("a revoked key again", (created("a"), revoked("a")), create("a"), []),
    ("a revocation", (created("a"), created("b")), revoke("a"), [revoked("a")]),
    ("a revocation again", (created("a"), revoked("a")), revoke("a"), []),
    ("a revocation of an expired key", (created("a", AT),), revoke("a"), [revoked("a")]),
    ("a revocation of an unknown key", (created("a"),), revoke("b"), errors.UnknownApiKey),
    ("a revocation before any key", (), revoke("a"), errors.UnknownApiKey),
    ("the operator's third key", (created("a"), created("b")), create("c", None), [created("c")]),
]


@pytest.mark.parametrize(("facts", "command", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_keys_are_created_and_revoked(facts: Any, command: Any, expected: Any) -> None:
    state = after(STREAM, *facts)
    if isinstance(expected, list):
        assert api_keys.decide(command, state) == expected
        assert api_keys.decide(command, after(STREAM, *facts, *expected)) == []
    else:
        with pytest.raises(expected):
            api_keys.decide(command, state)


def test_an_expiry_is_kept() -> None:
    command = CreateApiKey(LATER, ISSUER, "a", "registrar's office", SCOPES, expires=SOON)
    assert api_keys.decide(command, None) == [created("a", SOON)]


@pytest.mark.parametrize(
    ("facts", "at", "expected"),
    [
        ((created("a"),), SOON, True),
        ((created("a"), revoked("a")), SOON, False),
        ((created("a", SOON),), SOON - timedelta(microseconds=1), True),
        ((created("a", SOON),), SOON, False),
    ],
)
def test_a_key_is_live_until_it_is_revoked_or_expires(facts: Any, at: datetime, expected: bool) -> None:
    assert after(STREAM, *facts)["a"].is_live(at) is expected


def test_a_ring_tells_when_a_key_was_made_and_revoked() -> None:
    key = after(STREAM, created("a"), created("b"), revoked("a"))["a"]
    assert (key.created_at, key.revoked_at) == (AT + timedelta(seconds=1), AT + timedelta(seconds=3))


def test_a_command_without_a_decision_is_a_defect() -> None:
    with pytest.raises(TypeError, match="SuspendIssuer"):
        api_keys.decide(SuspendIssuer(LATER, ISSUER), None)  # type: ignore[arg-type]


def test_a_fact_of_another_kind_changes_nothing() -> None:
    ring = after(STREAM, created("a"))
    assert api_keys.evolve(ring, recorded(IssuerReinstated(issuer_id=ISSUER), stream=STREAM)) == ring
