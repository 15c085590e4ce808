"""An issuer's life as a table: state and command → facts, or a refusal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from registry import errors
from registry.domain import issuer
from registry.domain.commands import (
    IssuerCommand,
    RegisterIssuer,
    ReinstateIssuer,
    SuspendIssuer,
    UpdateIssuer,
    WithdrawIssuer,
)
from registry.domain.events import (
    AnyEvent,
    DidAdopted,
    IssuerLegacyListsChosen,
    IssuerRegistered,
    IssuerReinstated,
    IssuerSuspended,
    IssuerUpdated,
    IssuerWithdrawn,
    LegacyList,
    LogOpened,
    Reason,
    SlugClaimed,
    StatusProfile,
    VerificationMethod,
    VerificationMethodAdded,
)
from registry.domain.issuer import Issuer, IssuerStatus
from registry.domain.names import IssuerId, issuer_stream
from tests.domain.facts import DID, ISSUER, LATER, METHOD, PROFILE, SLUG, after, recorded

STREAM = issuer_stream(ISSUER)
SETTINGS = {"profile": PROFILE, "status_profile": StatusProfile.VC2, "public_reasons": False}

REGISTERED = IssuerRegistered(issuer_id=ISSUER, slug=SLUG, **SETTINGS)
ADOPTED = DidAdopted(issuer_id=ISSUER, did=DID)
METHOD_ADDED = VerificationMethodAdded(issuer_id=ISSUER, method=METHOD)
SUSPENDED = IssuerSuspended(issuer_id=ISSUER, reason=Reason.INVESTIGATION)
REINSTATED = IssuerReinstated(issuer_id=ISSUER)
WITHDRAWN = IssuerWithdrawn(issuer_id=ISSUER, reason=Reason.PRIVILEGE_WITHDRAWN)
RENAMED = IssuerUpdated(
    issuer_id=ISSUER, **{**SETTINGS, "profile": PROFILE.model_copy(update={"name": "State University"})}
)

BEGINNING: tuple[AnyEvent, ...] = (REGISTERED, ADOPTED, METHOD_ADDED)
HISTORIES: dict[str, tuple[AnyEvent, ...]] = {
    "active": BEGINNING,
    "suspended": (*BEGINNING, SUSPENDED),
    "reinstated": (*BEGINNING, SUSPENDED, REINSTATED),
    "withdrawn": (*BEGINNING, WITHDRAWN),
    "withdrawn while suspended": (*BEGINNING, SUSPENDED, WITHDRAWN),
}

COMMANDS: dict[str, IssuerCommand] = {
    "update": UpdateIssuer(LATER, ISSUER, {"name": "State University"}),
    "suspend": SuspendIssuer(LATER, ISSUER, Reason.INVESTIGATION),
    "reinstate": ReinstateIssuer(LATER, ISSUER),
    "withdraw": WithdrawIssuer(LATER, ISSUER, Reason.PRIVILEGE_WITHDRAWN),
}

ILLEGAL = errors.IllegalTransition

# fmt: off
TABLE: dict[str, list[Any]] = {
    #                             update      suspend      reinstate     withdraw
    "active":                    [[RENAMED],  [SUSPENDED], [],           [WITHDRAWN]],
    "reinstated":                [[RENAMED],  [SUSPENDED], [],           [WITHDRAWN]],
    "suspended":                 [[RENAMED],  [],          [REINSTATED], [WITHDRAWN]],
    "withdrawn":                 [ILLEGAL,    ILLEGAL,     ILLEGAL,      []],
    "withdrawn while suspended": [ILLEGAL,    ILLEGAL,     ILLEGAL,      []],
}
# fmt: on
ROWS = [(state, name, TABLE[state][n]) for state in HISTORIES for n, name in enumerate(COMMANDS)]


def standing(history: str) -> Issuer:
    return after(STREAM, *HISTORIES[history])


@pytest.mark.parametrize(("history", "name", "expected"), ROWS, ids=[f"{name}: {state}" for state, name, _ in ROWS])
def test_a_command_leads_to_facts_or_is_refused(history: str, name: str, expected: Any) -> None:
    if isinstance(expected, list):
        assert issuer.decide(COMMANDS[name], standing(history)) == expected
    else:
        with pytest.raises(expected):
            issuer.decide(COMMANDS[name], standing(history))


@pytest.mark.parametrize(("history", "name"), [(state, name) for state, name, _ in ROWS])
def test_a_repeated_command_records_nothing(history: str, name: str) -> None:
    try:
        facts = issuer.decide(COMMANDS[name], standing(history))
    except errors.Refused:
        return
    assert issuer.decide(COMMANDS[name], after(STREAM, *HISTORIES[history], *facts)) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_issuer_cannot_change(name: str) -> None:
    with pytest.raises(errors.UnknownIssuer):
        issuer.decide(COMMANDS[name], None)


@pytest.mark.parametrize(
    ("name", "asked", "wanted"),
    [("update", "be changed", "withdrawn"), ("suspend", "become suspended", "suspended")],
)
def test_a_refusal_says_where_the_issuer_stands_and_what_was_asked(name: str, asked: str, wanted: str) -> None:
    with pytest.raises(ILLEGAL, match=f"is withdrawn; it cannot {asked}") as refusal:
        issuer.decide(COMMANDS[name], standing("withdrawn"))
    assert refusal.value.extra == {"currentStatus": "withdrawn", "requestedStatus": wanted}


# ── registration ─────────────────────────────────────────────────────────────────────────────────────────────

REGISTER = RegisterIssuer(LATER, ISSUER, SLUG, PROFILE, StatusProfile.VC2, public_reasons=False, did=DID, method=METHOD)


def test_a_registration_is_an_issuer_a_did_and_a_key() -> None:
    assert issuer.decide(REGISTER, None) == [REGISTERED, ADOPTED, METHOD_ADDED]
    state = standing("active")
    assert (state.issuer_id, state.slug, state.did, state.method) == (ISSUER, SLUG, DID, METHOD)


@pytest.mark.parametrize("history", HISTORIES)
def test_an_issuer_is_registered_once(history: str) -> None:
    with pytest.raises(ILLEGAL, match="registered again"):
        issuer.decide(REGISTER, standing(history))


def test_a_free_slug_is_claimed() -> None:
    assert issuer.claim_slug(REGISTER, None) == [SlugClaimed(slug=SLUG, issuer_id=ISSUER)]


@pytest.mark.parametrize("owner", [ISSUER, IssuerId(UUID(int=1))])
def test_a_slug_is_never_claimed_twice(owner: IssuerId) -> None:
    with pytest.raises(errors.SlugTaken, match="state-college"):
        issuer.claim_slug(REGISTER, owner)


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"profile": {"legal_name": "State College Inc."}}, {"profile": {"legal_name": "State College Inc."}}),
        ({"profile": {"identifiers": {"ror": "https://ror.org/1"}}}, {"profile": {"identifiers": {"ror": "https://ror.org/1"}}}),
        ({"status_profile": StatusProfile.OB3}, {"status_profile": StatusProfile.OB3}),
        ({"public_reasons": True}, {"public_reasons": True}),
    ],
)  # fmt: skip
def test_an_update_records_the_whole_as_it_is_from_now_on(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    profile = PROFILE.model_copy(update=expected.get("profile", {}))
    fact = IssuerUpdated(issuer_id=ISSUER, **{**SETTINGS, **expected, "profile": profile})
    assert issuer.decide(UpdateIssuer(LATER, ISSUER, **changes), standing("active")) == [fact]
    state = after(STREAM, *BEGINNING, fact)
    assert (state.profile, state.status_profile, state.public_reasons) == (
        fact.profile,
        fact.status_profile,
        fact.public_reasons,
    )


@pytest.mark.parametrize(
    "changes",
    [{}, {"profile": {"name": PROFILE.name}}, {"status_profile": StatusProfile.VC2}, {"public_reasons": False}],
)
def test_an_update_to_what_already_is_records_nothing(changes: dict[str, Any]) -> None:
    assert issuer.decide(UpdateIssuer(LATER, ISSUER, **changes), standing("active")) == []


def test_public_reasons_can_be_taken_back() -> None:
    public = after(STREAM, *BEGINNING, IssuerUpdated(issuer_id=ISSUER, **{**SETTINGS, "public_reasons": True}))
    assert issuer.decide(UpdateIssuer(LATER, ISSUER, public_reasons=False), public) == [
        IssuerUpdated(issuer_id=ISSUER, **SETTINGS)
    ]


def test_lists_that_name_credentials_are_off_until_they_are_chosen() -> None:
    assert standing("active").legacy_lists == ()
    both = (LegacyList.OB2, LegacyList.ONE_EDTECH, LegacyList.OB2)
    chosen = IssuerLegacyListsChosen(issuer_id=ISSUER, lists=(LegacyList.ONE_EDTECH, LegacyList.OB2))
    assert issuer.decide(UpdateIssuer(LATER, ISSUER, legacy_lists=both), standing("active")) == [chosen]
    on = after(STREAM, *BEGINNING, chosen)
    assert on.legacy_lists == chosen.lists
    assert issuer.decide(UpdateIssuer(LATER, ISSUER, legacy_lists=both), on) == []
    assert issuer.decide(UpdateIssuer(LATER, ISSUER, legacy_lists=()), on) == [
        IssuerLegacyListsChosen(issuer_id=ISSUER, lists=())
    ]


def test_one_update_may_describe_and_choose() -> None:
    command = UpdateIssuer(LATER, ISSUER, public_reasons=True, legacy_lists=(LegacyList.OB2,))
    assert [type(one) for one in issuer.decide(command, standing("active"))] == [IssuerUpdated, IssuerLegacyListsChosen]


@pytest.mark.parametrize("profile", [{"name": None}, {"kind": "circus"}, {"identifiers": {"é": "1"}}])
def test_a_description_that_cannot_be_stored_is_refused(profile: dict[str, object]) -> None:
    with pytest.raises(errors.Malformed, match="cannot be described"):
        issuer.decide(UpdateIssuer(LATER, ISSUER, profile), standing("active"))


# ── what later decisions ask ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("history", ["active", "reinstated"])
def test_an_active_issuer_may_issue(history: str) -> None:
    assert issuer.require_active(standing(history)) == standing(history)


@pytest.mark.parametrize("history", ["suspended", "withdrawn", "withdrawn while suspended"])
def test_no_other_issuer_may_issue(history: str) -> None:
    with pytest.raises(errors.IssuerNotActive) as refusal:
        issuer.require_active(standing(history))
    assert refusal.value.extra == {"currentStatus": str(standing(history).status)}


def test_an_issuer_nobody_registered_may_not_issue() -> None:
    with pytest.raises(errors.UnknownIssuer):
        issuer.require_active(None)


def test_the_newest_key_that_is_held_by_us_signs() -> None:
    newer = METHOD.model_copy(update={"id": f"{DID}#key-2", "key_id": UUID(int=2)})
    theirs = VerificationMethod(id=f"{DID}#key-3", controller=DID, public_key_multibase="z6Mk3")
    added = [VerificationMethodAdded(issuer_id=ISSUER, method=method) for method in (newer, theirs)]
    state = after(STREAM, *BEGINNING, *added)
    assert (state.method, state.methods) == (newer, (METHOD, newer, theirs))


def test_a_new_did_replaces_the_old_one() -> None:
    assert after(STREAM, *BEGINNING, DidAdopted(issuer_id=ISSUER, did="did:key:z6Mk2")).did == "did:key:z6Mk2"


@pytest.mark.parametrize(
    ("history", "status", "position", "since_position"),
    [
        ("active", IssuerStatus.ACTIVE, 3, 1),
        ("suspended", IssuerStatus.SUSPENDED, 4, 4),
        ("reinstated", IssuerStatus.ACTIVE, 5, 5),
        ("withdrawn while suspended", IssuerStatus.WITHDRAWN, 5, 5),
    ],
)
def test_since_moves_with_the_status_only(history: str, status: Any, position: int, since_position: int) -> None:
    state = standing(history)
    assert (state.status, state.position) == (status, position)
    assert state.since == after(STREAM, *HISTORIES[history][:since_position]).since


def test_a_fact_of_another_kind_changes_nothing() -> None:
    opened = LogOpened(log_id=ISSUER, log_name="main", origin="https://registry.example")
    assert issuer.evolve(standing("active"), recorded(opened, position=9, stream=STREAM)) == standing("active")
