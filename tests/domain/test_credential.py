"""A credential's life as a table: state and command → facts, or a refusal."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry import errors
from registry.domain import credential
from registry.domain.commands import (
    CredentialCommand,
    RecordSecuring,
    RegisterCredential,
    ReinstateCredential,
    RevokeCredential,
    SetCredentialMessage,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.credential import Credential, Status
from registry.domain.events import (
    AnyEvent,
    CredentialMessageSet,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSecured,
    CredentialSuperseded,
    CredentialSuspended,
    DidAdopted,
    IssuerSuspended,
    LogOpened,
    Purpose,
    Reason,
    StatusProfile,
)
from registry.domain.mechanisms import Mechanism
from registry.domain.names import CredentialId, credential_stream, issuer_stream
from tests.builders import History
from tests.domain.facts import (
    ALLOCATION,
    AT,
    DID,
    DIPLOMA,
    ISSUER,
    LATER,
    METHOD,
    STRANGER,
    STREAM,
    SUCCESSOR,
    TYPES,
    after,
    recorded,
    registered,
)
from tests.domain.test_issuer import REGISTERED as ISSUER_REGISTERED

_OF = {"issuer_id": ISSUER, "credential_id": DIPLOMA, "allocation": ALLOCATION}

REGISTERED = registered()
REVOKED = CredentialRevoked(**_OF, reason=Reason.FRAUD)
SUSPENDED = CredentialSuspended(**_OF, reason=Reason.INVESTIGATION)
REINSTATED = CredentialReinstated(**_OF)
SUPERSEDED = CredentialSuperseded(**_OF, by=SUCCESSOR, reason=Reason.SUPERSEDED)
REVOKED_TOO = CredentialRevoked(**_OF, reason=Reason.SUPERSEDED)
SECURED = CredentialSecured(
    issuer_id=ISSUER,
    credential_id=DIPLOMA,
    digest_sha256="ab" * 32,
    mechanism="eddsa-rdfc-2022",
    verification_method=METHOD.id,
    created=AT,
)

HISTORIES: dict[str, tuple[AnyEvent, ...]] = {
    "active": (REGISTERED,),
    "reinstated": (REGISTERED, SUSPENDED, REINSTATED),
    "suspended": (REGISTERED, SUSPENDED),
    "revoked": (REGISTERED, REVOKED),
    "revoked while suspended": (REGISTERED, SUSPENDED, REVOKED),
    "superseded": (REGISTERED, SUPERSEDED),
    "superseded while suspended": (REGISTERED, SUSPENDED, SUPERSEDED),
    "superseded and revoked": (REGISTERED, SUPERSEDED, REVOKED_TOO),
}

COMMANDS: dict[str, CredentialCommand] = {
    "revoke": RevokeCredential(LATER, ISSUER, DIPLOMA, Reason.FRAUD),
    "suspend": SuspendCredential(LATER, ISSUER, DIPLOMA, Reason.INVESTIGATION),
    "reinstate": ReinstateCredential(LATER, ISSUER, DIPLOMA),
    "supersede": SupersedeCredential(LATER, ISSUER, DIPLOMA, by=SUCCESSOR),
    "supersede and revoke": SupersedeCredential(LATER, ISSUER, DIPLOMA, by=SUCCESSOR, revoke=True),
    "supersede by a third": SupersedeCredential(LATER, ISSUER, DIPLOMA, by=STRANGER),
}

ILLEGAL = errors.IllegalTransition
THIRD = SUPERSEDED.model_copy(update={"by": STRANGER})
BOTH = [SUPERSEDED, REVOKED_TOO]

# fmt: off
TABLE: dict[str, list[Any]] = {
    #                              revoke     suspend      reinstate     supersede     … and revoke   … by a third
    "active":                     [[REVOKED], [SUSPENDED], [],           [SUPERSEDED], BOTH,          [THIRD]],
    "reinstated":                 [[REVOKED], [SUSPENDED], [],           [SUPERSEDED], BOTH,          [THIRD]],
    "suspended":                  [[REVOKED], [],          [REINSTATED], [SUPERSEDED], BOTH,          [THIRD]],
    "revoked":                    [[],        ILLEGAL,     ILLEGAL,      ILLEGAL,      ILLEGAL,       ILLEGAL],
    "revoked while suspended":    [[],        ILLEGAL,     ILLEGAL,      ILLEGAL,      ILLEGAL,       ILLEGAL],
    "superseded":                 [[REVOKED], ILLEGAL,     ILLEGAL,      [],           [REVOKED_TOO], ILLEGAL],
    "superseded while suspended": [[REVOKED], ILLEGAL,     ILLEGAL,      [],           [REVOKED_TOO], ILLEGAL],
    "superseded and revoked":     [[],        ILLEGAL,     ILLEGAL,      [],           [],            ILLEGAL],
}
# fmt: on
ROWS = [(state, name, TABLE[state][n]) for state in HISTORIES for n, name in enumerate(COMMANDS)]


def standing(history: str) -> Credential:
    return after(STREAM, *HISTORIES[history])


def known(credential_id: Any) -> Credential:
    return after(STREAM, registered(credential_id))


def decide(command: CredentialCommand, state: Credential | None) -> list[AnyEvent]:
    """The decision, with every successor known."""
    by = known(command.by) if isinstance(command, SupersedeCredential) else None
    return credential.decide(command, state, by=by)


@pytest.mark.parametrize(("history", "name", "expected"), ROWS, ids=[f"{name}: {state}" for state, name, _ in ROWS])
def test_a_command_leads_to_facts_or_is_refused(history: str, name: str, expected: Any) -> None:
    if isinstance(expected, list):
        assert decide(COMMANDS[name], standing(history)) == expected
    else:
        with pytest.raises(expected):
            decide(COMMANDS[name], standing(history))


@pytest.mark.parametrize(("history", "name"), [(state, name) for state, name, _ in ROWS])
def test_a_repeated_command_records_nothing(history: str, name: str) -> None:
    try:
        facts = decide(COMMANDS[name], standing(history))
    except errors.Refused:
        return
    state = after(STREAM, *HISTORIES[history], *facts)
    assert decide(COMMANDS[name], state) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_what_was_never_registered_cannot_change(name: str) -> None:
    with pytest.raises(errors.UnknownCredential):
        decide(COMMANDS[name], None)


def test_a_repetition_with_another_reason_keeps_the_first() -> None:
    again = replace(COMMANDS["revoke"], reason=Reason.HOLDER_REQUEST)
    state = standing("revoked")
    assert decide(again, state) == []
    assert (state.reason, state.position) == (Reason.FRAUD, 2)


def test_a_refusal_says_where_the_credential_stands_and_what_was_asked() -> None:
    with pytest.raises(ILLEGAL, match="is revoked; it cannot become active") as refusal:
        decide(COMMANDS["reinstate"], standing("revoked"))
    assert refusal.value.extra == {"currentStatus": "revoked", "requestedStatus": "active"}


def test_a_second_successor_is_refused_in_words_that_make_sense() -> None:
    with pytest.raises(ILLEGAL, match="is superseded; it cannot become so by another one"):
        decide(COMMANDS["supersede by a third"], standing("superseded"))


# ── superseding ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_successor_must_be_registered() -> None:
    with pytest.raises(errors.UnknownCredential) as refusal:
        credential.decide(COMMANDS["supersede"], standing("active"), by=None)
    assert refusal.value.extra == {"pointer": "/by"}


def test_repeating_a_supersession_does_not_look_for_the_successor_again() -> None:
    assert credential.decide(COMMANDS["supersede"], standing("superseded"), by=None) == []


@pytest.mark.parametrize("history", HISTORIES)
def test_a_credential_cannot_take_its_own_place(history: str) -> None:
    command = SupersedeCredential(LATER, ISSUER, DIPLOMA, by=DIPLOMA)
    with pytest.raises(errors.Malformed, match="its own place"):
        decide(command, standing(history))


def test_a_supersession_keeps_its_own_position_when_revocation_follows() -> None:
    state = standing("superseded and revoked")
    assert (state.superseded_by, state.superseded_position) == (SUCCESSOR, 2)
    assert (state.status, state.position) == (Status.REVOKED, 3)


# ── suspension entries ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rest", [(), (REVOKED,), (SUPERSEDED,)])
def test_without_a_suspension_entry_nobody_would_see_a_suspension(rest: tuple[AnyEvent, ...]) -> None:
    state = after(STREAM, registered(profile=StatusProfile.OB3), *rest)
    with pytest.raises(errors.NoSuspensionEntry):
        decide(COMMANDS["suspend"], state)


def test_without_a_suspension_entry_revocation_is_possible() -> None:
    state = after(STREAM, registered(profile=StatusProfile.OB3))
    assert decide(COMMANDS["revoke"], state) == [REVOKED]


# ── effective times ──────────────────────────────────────────────────────────────────────────────────────────

TIMED = ["revoke", "suspend", "reinstate", "supersede"]


@pytest.mark.parametrize("name", TIMED)
def test_a_change_is_never_recorded_ahead_of_its_time(name: str) -> None:
    command = replace(COMMANDS[name], effective_at=LATER + timedelta(microseconds=1))
    with pytest.raises(errors.Malformed) as refusal:
        decide(command, standing("suspended"))
    assert refusal.value.extra == {"pointer": "/effectiveAt"}


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("effective_at", [LATER, AT - timedelta(days=300)])
def test_a_change_may_hold_from_now_or_an_earlier_moment(name: str, effective_at: Any) -> None:
    assert decide(replace(COMMANDS[name], effective_at=effective_at), standing("suspended")) == decide(
        COMMANDS[name], standing("suspended")
    )


def test_since_tells_from_when_a_status_holds_not_when_it_was_recorded() -> None:
    fact = recorded(REVOKED, position=9, recorded_at=LATER, effective_at=AT - timedelta(days=300))
    state = credential.evolve(standing("active"), fact)
    assert state is not None
    assert (state.since, state.position) == (AT - timedelta(days=300), 9)


# ── registration ─────────────────────────────────────────────────────────────────────────────────────────────

REGISTER = RegisterCredential(LATER, ISSUER, DIPLOMA, TYPES)
ACTIVE_ISSUER = after(issuer_stream(ISSUER), ISSUER_REGISTERED, DidAdopted(issuer_id=ISSUER, did=DID))


def given(asked: StatusProfile, expected: StatusProfile = StatusProfile.VC2) -> Any:
    assert asked is expected
    return ALLOCATION, registered(profile=asked).purposes


def never(_: StatusProfile) -> Any:
    raise AssertionError("no index may be given out")


@pytest.mark.parametrize("profile", StatusProfile)
def test_a_registration_gives_the_entries_of_the_issuers_profile(profile: StatusProfile) -> None:
    registrar = replace(ACTIVE_ISSUER, status_profile=profile)
    expected = registered(profile=profile)
    assert credential.register(REGISTER, None, registrar, lambda asked: given(asked, profile)) == [expected]
    assert expected.purposes[0] is Purpose.REVOCATION


def test_a_registration_keeps_what_was_said_of_the_credential() -> None:
    said = {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z", "achievement_id": "urn:a:1"}
    command = RegisterCredential(LATER, ISSUER, DIPLOMA, TYPES, **said)
    [fact] = credential.register(command, None, ACTIVE_ISSUER, given)
    assert fact == REGISTERED.model_copy(update=said)
    state = after(STREAM, fact)
    assert credential.register(command, state, ACTIVE_ISSUER, never) == []


@pytest.mark.parametrize("history", HISTORIES)
def test_registering_the_same_again_records_nothing_and_gives_out_no_index(history: str) -> None:
    assert credential.register(REGISTER, standing(history), None, never) == []


@pytest.mark.parametrize(
    "other",
    [
        {"credential_types": ("VerifiableCredential",)},
        {"valid_from": "2026-01-01T00:00:00Z"},
        {"valid_until": "2026-01-01T00:00:00Z"},
        {"achievement_id": "urn:a:2"},
    ],
)
def test_another_credential_under_the_same_id_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(errors.AlreadyRegistered):
        credential.register(replace(REGISTER, **other), standing("active"), ACTIVE_ISSUER, never)


def test_an_issuer_that_is_not_active_registers_nothing() -> None:
    suspended = after(issuer_stream(ISSUER), ISSUER_REGISTERED, IssuerSuspended(issuer_id=ISSUER))
    with pytest.raises(errors.IssuerNotActive):
        credential.register(REGISTER, None, suspended, never)


def test_an_unknown_issuer_registers_nothing() -> None:
    with pytest.raises(errors.UnknownIssuer):
        credential.register(REGISTER, None, None, never)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

WITH_MESSAGES = REGISTERED.model_copy(update={"purposes": (*REGISTERED.purposes, Purpose.MESSAGE)})


def set_message(value: int) -> SetCredentialMessage:
    return SetCredentialMessage(LATER, ISSUER, DIPLOMA, value)


def message_set(value: int) -> CredentialMessageSet:
    return CredentialMessageSet(**_OF, value=value)


@pytest.mark.parametrize(
    ("facts", "value", "expected"),
    [
        ((WITH_MESSAGES,), 2, [message_set(2)]),
        ((WITH_MESSAGES,), 0, []),
        ((WITH_MESSAGES, message_set(2)), 2, []),
        ((WITH_MESSAGES, message_set(2)), 0, [message_set(0)]),
        ((WITH_MESSAGES, REVOKED), 3, [message_set(3)]),
    ],
    ids=["set", "it begins with 0", "already so", "and back", "a revoked one too"],
)
def test_a_message_says_what_it_was_set_to_last(facts: Any, value: int, expected: Any) -> None:
    assert credential.decide(set_message(value), after(STREAM, *facts), message_bits=2) == expected
    state = after(STREAM, *facts, *expected)
    assert state.message == value
    assert credential.decide(set_message(value), state, message_bits=2) == []


def test_a_message_changes_no_status() -> None:
    before, state = after(STREAM, WITH_MESSAGES, REVOKED), after(STREAM, WITH_MESSAGES, REVOKED, message_set(1))
    assert (state.status, state.position, state.since) == (before.status, before.position, before.since)
    assert state.message_position == 3


@pytest.mark.parametrize("value", [4, -1])
def test_a_value_without_a_message_is_refused(value: int) -> None:
    with pytest.raises(errors.Malformed, match="0x0 to 0x3"):
        credential.decide(set_message(value), after(STREAM, WITH_MESSAGES), message_bits=2)


def test_a_credential_without_a_message_entry_has_no_message() -> None:
    with pytest.raises(errors.NoMessageEntry):
        credential.decide(set_message(1), after(STREAM, REGISTERED), message_bits=2)


# ── securing ─────────────────────────────────────────────────────────────────────────────────────────────────

SECURE = RecordSecuring(LATER, ISSUER, DIPLOMA, "ab" * 32, Mechanism.EDDSA_RDFC_2022, METHOD.id, AT)


@pytest.mark.parametrize("history", HISTORIES)
def test_the_digest_of_a_signed_credential_is_recorded_once(history: str) -> None:
    assert decide(SECURE, standing(history)) == [SECURED]
    secured = after(STREAM, *HISTORIES[history], SECURED)
    assert decide(SECURE, secured) == []
    assert (secured.secured, secured.status) == (SECURED, standing(history).status)


def test_signing_does_not_move_the_position_of_the_status() -> None:
    assert after(STREAM, REGISTERED, SECURED).position == 1


def test_other_contents_under_the_same_id_are_refused() -> None:
    with pytest.raises(errors.AlreadyRegistered):
        decide(replace(SECURE, digest_sha256="cd" * 32), after(STREAM, REGISTERED, SECURED))


def test_whichever_mechanism_was_used_is_recorded() -> None:
    secured = decide(replace(SECURE, mechanism=Mechanism.VC_JWT), standing("active"))
    assert secured == [SECURED.model_copy(update={"mechanism": "vc+jwt"})]


# ── totality ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_command_without_a_decision_is_a_defect() -> None:
    with pytest.raises(TypeError, match="RegisterCredential"):
        credential.decide(REGISTER, standing("active"))


def test_a_fact_of_another_kind_changes_nothing() -> None:
    opened = LogOpened(log_id=ISSUER, log_name="main", origin="https://registry.example")
    state = standing("suspended")
    assert credential.evolve(state, recorded(opened, position=9)) == state


def test_a_key_that_is_compromised_by_now_has_secured_nothing() -> None:
    history = History()
    issuer_id = history.issuer()
    for cid in ("c:0", "c:1"):
        history.credential(issuer_id, cid)
    signed = history.states[issuer_stream(issuer_id)].method.id
    history.secure(issuer_id, "c:0")
    history.rotate_key(issuer_id, since=history.at)
    issuer = history.states[issuer_stream(issuer_id)]

    def record(cid: str) -> list[AnyEvent]:
        digest = hashlib.sha256(cid.encode()).hexdigest()
        command = RecordSecuring(
            history.at, issuer_id, CredentialId(cid), digest, Mechanism.EDDSA_RDFC_2022, signed, history.at
        )
        state = history.states[credential_stream(issuer_id, CredentialId(cid))]
        return credential.decide(command, state, issuer=issuer)

    assert record("c:0") == [], "what is on record is repeated for ever"
    with pytest.raises(errors.NoFittingKey, match="compromised"):
        record("c:1")
