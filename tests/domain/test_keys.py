"""An issuer's keys as a table: what it signs with and a command → facts, or a refusal."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import errors
from registry.domain import issuer
from registry.domain.commands import (
    AdoptDid,
    AdoptOwnDid,
    KeyCommand,
    ProposeDid,
    RegisterIssuer,
    RotateKeys,
    Rotation,
    WithdrawIssuer,
)
from registry.domain.events import (
    AnyEvent,
    DidAdopted,
    DidProposed,
    IssuerRegistered,
    StatusProfile,
    VerificationMethod,
    VerificationMethodAdded,
    VerificationMethodCompromised,
    VerificationMethodRetired,
)
from registry.domain.issuer import Issuer
from registry.domain.keys import Keys, KeyState
from registry.domain.names import issuer_stream
from tests.domain.facts import AT, DID, ISSUER, LATER, METHOD, PROFILE, SLUG, after, recorded
from tests.domain.test_issuer import BEGINNING, REGISTERED

STREAM = issuer_stream(ISSUER)
COLLEGE = "did:web:college.example"


def method(did: str, number: int) -> VerificationMethod:
    """A verification method of *did* that is held here."""
    return VerificationMethod(
        id=f"{did}#key-{number}", controller=did, public_key_multibase=f"z6Mk{number}", key_id=UUID(int=number)
    )


SECOND, THIRD = method(DID, 2), method(DID, 3)
OLD_KEY, NEW_KEY = method("did:key:z6MkOld", 4), method("did:key:z6MkNew", 5)
THEIRS_TOO, ELSEWHERE_TOO = method(COLLEGE, 9), method(COLLEGE, 10)
THEIRS, THEIR_NEXT, ELSEWHERE = method(COLLEGE, 6), method(COLLEGE, 7), method("did:web:other.example", 8)

EARLIER = AT - timedelta(days=1)


def added(one: VerificationMethod) -> VerificationMethodAdded:
    return VerificationMethodAdded(issuer_id=ISSUER, method=one)


def adopted(did: str) -> DidAdopted:
    return DidAdopted(issuer_id=ISSUER, did=did)


def retired(one: VerificationMethod) -> VerificationMethodRetired:
    return VerificationMethodRetired(issuer_id=ISSUER, method_id=one.id)


def compromised(one: VerificationMethod, since: datetime = EARLIER) -> VerificationMethodCompromised:
    return VerificationMethodCompromised(issuer_id=ISSUER, method_id=one.id, since=since)


def proposed(one: VerificationMethod, *replaces: VerificationMethod) -> DidProposed:
    return DidProposed(
        issuer_id=ISSUER, did=one.controller, methods=(one,), replaces=tuple(each.id for each in replaces)
    )


WEB = BEGINNING
ROTATED = (*WEB, added(SECOND), retired(METHOD))
LEAKED = (*WEB, added(SECOND), compromised(METHOD))
KEY: tuple[AnyEvent, ...] = (REGISTERED, adopted(OLD_KEY.controller), added(OLD_KEY))
NEXT_KEY = (*KEY, adopted(NEW_KEY.controller), added(NEW_KEY), retired(OLD_KEY))
PENDING: tuple[AnyEvent, ...] = (REGISTERED, proposed(THEIRS))
DELEGATED = (*PENDING, adopted(COLLEGE), added(THEIRS))
MOVED = (*WEB, proposed(THEIRS), adopted(COLLEGE), added(THEIRS))
WAITING = (*DELEGATED, proposed(THEIR_NEXT, THEIRS))


def rotate(old: VerificationMethod, new: VerificationMethod | None, since: datetime | None = None) -> RotateKeys:
    return RotateKeys(LATER, ISSUER, (Rotation(old.id, new),), since)


def adopt(one: VerificationMethod) -> AdoptDid:
    return AdoptDid(LATER, ISSUER, one.controller, (one,))


def own(one: VerificationMethod) -> AdoptOwnDid:
    return AdoptOwnDid(LATER, ISSUER, one.controller, (one,))


def propose(one: VerificationMethod) -> ProposeDid:
    return ProposeDid(LATER, ISSUER, one.controller, (one,))


ILLEGAL, MALFORMED = errors.IllegalTransition, errors.Malformed

TABLE: dict[str, tuple[tuple[AnyEvent, ...], KeyCommand, Any]] = {
    # a did:web rotates by another method, under the same DID
    "planned": (WEB, rotate(METHOD, SECOND), [added(SECOND), retired(METHOD)]),
    "planned, once more": (ROTATED, rotate(SECOND, THIRD), [added(THIRD), retired(SECOND)]),
    "planned, lost to another rotation": (ROTATED, rotate(METHOD, THIRD), []),
    "compromised": (WEB, rotate(METHOD, SECOND, EARLIER), [added(SECOND), compromised(METHOD)]),
    "compromised after it retired": (ROTATED, rotate(METHOD, None, EARLIER), [compromised(METHOD)]),
    "compromised earlier than known": (
        LEAKED,
        rotate(METHOD, None, EARLIER - timedelta(days=1)),
        [compromised(METHOD, EARLIER - timedelta(days=1))],
    ),
    "compromised at the moment known": (LEAKED, rotate(METHOD, None, EARLIER), []),
    "compromised later than known": (LEAKED, rotate(METHOD, None, AT), []),
    "retired after a compromise": (LEAKED, rotate(METHOD, THIRD), []),
    "compromised in the future": (WEB, rotate(METHOD, SECOND, LATER + timedelta(seconds=1)), MALFORMED),
    "a key it never had": (WEB, rotate(SECOND, THIRD), MALFORMED),
    "nothing to rotate": (PENDING, RotateKeys(LATER, ISSUER, ()), ILLEGAL),
    # a did:key is its key
    "did:key": (KEY, rotate(OLD_KEY, NEW_KEY), [adopted(NEW_KEY.controller), added(NEW_KEY), retired(OLD_KEY)]),
    "did:key compromised": (
        KEY,
        rotate(OLD_KEY, NEW_KEY, EARLIER),
        [adopted(NEW_KEY.controller), added(NEW_KEY), compromised(OLD_KEY)],
    ),
    "former did:key compromised": (NEXT_KEY, rotate(OLD_KEY, None, EARLIER), [compromised(OLD_KEY)]),
    # a DID that is controlled elsewhere must list a key first
    "proposed": (WEB, propose(THEIRS), [proposed(THEIRS)]),
    "proposed again": (PENDING, propose(THEIR_NEXT), []),
    "proposed instead": (PENDING, propose(ELSEWHERE), [proposed(ELSEWHERE)]),
    "proposed, but adopted already": (DELEGATED, propose(THEIR_NEXT), []),
    "adopted": (PENDING, adopt(THEIRS), [adopted(COLLEGE), added(THEIRS)]),
    "adopted again": (DELEGATED, adopt(THEIRS), []),
    "adopted after another DID": ((*WEB, proposed(THEIRS)), adopt(THEIRS), [adopted(COLLEGE), added(THEIRS)]),
    "adopted, never proposed": (WEB, adopt(THEIRS), ILLEGAL),
    "adopted, proposed with another key": (PENDING, adopt(THEIR_NEXT), ILLEGAL),
    "delegated, planned": (DELEGATED, rotate(THEIRS, THEIR_NEXT), [proposed(THEIR_NEXT, THEIRS)]),
    "delegated, planned again": (WAITING, rotate(THEIRS, THEIR_NEXT), []),
    "delegated, planned, then listed": (WAITING, adopt(THEIR_NEXT), [added(THEIR_NEXT), retired(THEIRS)]),
    "delegated, compromised": (
        DELEGATED,
        rotate(THEIRS, THEIR_NEXT, EARLIER),
        [compromised(THEIRS), proposed(THEIR_NEXT, THEIRS)],
    ),
    "delegated, compromised while waiting": (WAITING, rotate(THEIRS, THEIR_NEXT, EARLIER), [compromised(THEIRS)]),
    "delegated, compromised, then listed": (
        (*WAITING, compromised(THEIRS)),
        adopt(THEIR_NEXT),
        [added(THEIR_NEXT)],
    ),
    "delegated, a second key planned": (
        (*WAITING, added(THEIRS_TOO)),
        rotate(THEIRS_TOO, ELSEWHERE_TOO),
        [
            DidProposed(
                issuer_id=ISSUER,
                did=COLLEGE,
                methods=(THEIR_NEXT, ELSEWHERE_TOO),
                replaces=(THEIRS.id, THEIRS_TOO.id),
            )
        ],
    ),
    "delegated, compromised, its proposal lost": (
        (*WAITING, compromised(THEIRS), proposed(ELSEWHERE)),
        propose(THEIR_NEXT),
        [proposed(THEIR_NEXT)],
    ),
    # the did:web whose document is ours
    "our own, from a did:key": (KEY, own(METHOD), [adopted(DID), added(METHOD)]),
    "our own, once more": (WEB, own(SECOND), []),
    "our own, after another DID": (MOVED, own(SECOND), [adopted(DID)]),
    "our own, instead of one that waits": (PENDING, own(METHOD), [adopted(DID), added(METHOD)]),
    "the former did:web's key": (MOVED, rotate(METHOD, SECOND), [added(SECOND), retired(METHOD)]),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_command_leads_to_facts_or_is_refused(name: str) -> None:
    history, command, expected = TABLE[name]
    if isinstance(expected, list):
        assert issuer.decide(command, after(STREAM, *history)) == expected
    else:
        with pytest.raises(expected):
            issuer.decide(command, after(STREAM, *history))


@pytest.mark.parametrize("name", [name for name, (_, _, expected) in TABLE.items() if isinstance(expected, list)])
def test_a_repeated_command_records_nothing(name: str) -> None:
    history, command, facts = TABLE[name]
    assert issuer.decide(command, after(STREAM, *history, *facts)) == []


@pytest.mark.parametrize(
    ("history", "credentials", "lists"),
    [
        (WEB, {DID: [METHOD]}, {DID: [METHOD]}),
        (ROTATED, {DID: [SECOND]}, {DID: [SECOND]}),
        (LEAKED, {DID: [SECOND]}, {DID: [SECOND]}),
        (PENDING, {COLLEGE: []}, {COLLEGE: []}),
        (DELEGATED, {COLLEGE: [THEIRS]}, {COLLEGE: [THEIRS]}),
        (WAITING, {COLLEGE: [THEIRS]}, {COLLEGE: [THEIRS]}),
        ((*WAITING, compromised(THEIRS)), {COLLEGE: []}, {COLLEGE: []}),
        (MOVED, {COLLEGE: [THEIRS], DID: [METHOD]}, {COLLEGE: [THEIRS], DID: [METHOD]}),
        # a did:key finishes what was registered under it, and signs its lists for ever
        (NEXT_KEY, {NEW_KEY.controller: [NEW_KEY], OLD_KEY.controller: [OLD_KEY]}, {OLD_KEY.controller: [OLD_KEY]}),
        ((*NEXT_KEY, compromised(OLD_KEY)), {OLD_KEY.controller: []}, {OLD_KEY.controller: [OLD_KEY]}),
    ],
)  # fmt: skip
def test_what_signs_credentials_and_lists_under_each_did(history: Any, credentials: Any, lists: Any) -> None:
    keys: Keys = after(STREAM, *history).keys
    assert {did: list(keys.signing(did)) for did in credentials} == credentials
    assert {did: list(keys.signing_lists(did)) for did in lists} == lists


def test_an_issuer_whose_did_is_not_proved_may_not_issue_and_has_no_method() -> None:
    state: Issuer = after(STREAM, *PENDING)
    assert (state.did, state.keys.proposed) == ("", PENDING[1])
    with pytest.raises(errors.IssuerNotActive, match="not proved yet") as refusal:
        issuer.require_active(state)
    assert refusal.value.extra == {"currentStatus": "pending"}
    with pytest.raises(errors.IssuerNotActive, match="no key that may sign"):
        _ = state.method
    assert issuer.require_active(after(STREAM, *DELEGATED)).method == THEIRS


@pytest.mark.parametrize(
    ("history", "command"),
    [
        (WAITING, adopt(THEIR_NEXT.model_copy(update={"id": THEIRS.id}))),
        ((*WEB, added(SECOND), retired(METHOD)), rotate(SECOND, METHOD)),
    ],
    ids=["adopted", "rotated"],
)
def test_an_id_that_was_a_keys_is_no_other_keys(history: tuple[AnyEvent, ...], command: KeyCommand) -> None:
    with pytest.raises(ILLEGAL, match="id of an earlier key"):
        issuer.decide(command, after(STREAM, *history))


def test_a_registration_under_a_did_of_others_waits_for_it() -> None:
    register = RegisterIssuer(
        LATER, ISSUER, SLUG, PROFILE, StatusProfile.VC2, False, COLLEGE, THEIRS, is_delegated=True
    )
    assert issuer.decide(register, None) == list(PENDING)


def test_a_withdrawn_issuer_rotates_for_its_lists_but_moves_to_no_other_did() -> None:
    withdrawn = (*WEB, *issuer.decide(WithdrawIssuer(LATER, ISSUER), after(STREAM, *WEB)))
    assert issuer.decide(rotate(METHOD, SECOND), after(STREAM, *withdrawn)) == [added(SECOND), retired(METHOD)]
    for command in (propose(THEIRS), own(SECOND)):
        with pytest.raises(ILLEGAL, match="adopt another DID"):
            issuer.decide(command, after(STREAM, *withdrawn))


def test_a_key_tells_its_history() -> None:
    first, second = after(STREAM, *LEAKED).keys.all
    assert (first.state, first.until, second.state, second.until) == (
        KeyState.COMPROMISED, EARLIER, KeyState.ACTIVE, None,
    )  # fmt: skip
    assert (first.since, second.since) == (AT + timedelta(seconds=3), AT + timedelta(seconds=4))
    assert [first.counts_at(EARLIER - timedelta(seconds=1)), first.counts_at(EARLIER)] == [True, False]
    old, _ = after(STREAM, *ROTATED).keys.all
    assert (old.state, old.until, old.counts_at(LATER)) == (KeyState.RETIRED, AT + timedelta(seconds=5), True)


_METHODS = (METHOD, SECOND, THIRD, OLD_KEY, NEW_KEY, THEIRS, THEIR_NEXT)
_any = st.sampled_from(_METHODS)
_commands = st.one_of(
    st.builds(rotate, _any, st.none() | _any, st.none() | st.sampled_from([EARLIER, AT])),
    st.builds(propose, st.just(THEIRS)),
    st.builds(own, st.sampled_from([METHOD, SECOND])),
    st.builds(adopt, st.sampled_from([THEIRS, THEIR_NEXT])),
)


@given(st.sampled_from([WEB, KEY, PENDING, DELEGATED, MOVED]), st.lists(_commands, max_size=12))
def test_a_compromised_key_never_signs_a_credential_again_and_its_cut_off_never_moves_later(
    beginning: tuple[IssuerRegistered, ...], commands: list[KeyCommand]
) -> None:
    """Whatever is asked, in whatever order."""
    state: Issuer = after(STREAM, *beginning)
    cut_offs: dict[str, datetime] = {}
    for command in commands:
        with suppress(errors.Refused):
            facts = issuer.decide(command, state)
            state = reduce(issuer.evolve, (recorded(fact, stream=STREAM) for fact in facts), state)
        for key in state.keys.all:
            if key.state is KeyState.COMPROMISED:
                assert key.until is not None
                assert key.until <= cut_offs.setdefault(key.method.id, key.until)
                cut_offs[key.method.id] = key.until
        signing = {one.id for did in {one.controller for one in _METHODS} for one in state.keys.signing(did)}
        assert not signing & cut_offs.keys()
        assert state.did == "" or state.did in {one.controller for one in state.methods}
