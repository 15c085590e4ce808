"""A chunk of a batch: what becomes of each row, and what is recorded, is as if the rows were sent one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.commands import row_answers
from registry.commands.plans import plan
from registry.domain.commands import (
    CarryOutRows,
    CredentialCommand,
    Refusal,
    RefusedRow,
    RegisterCredential,
    ReinstateCredential,
    RevokeCredential,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.events import Recorded, StatusProfile
from registry.domain.names import CredentialId, credential_stream
from registry.errors import Refused
from registry.log.codec import GENESIS
from registry.log.draft import Draft, Memory
from tests.builders import LOG, History
from tests.log.writing import AllReady

IDS = [CredentialId(f"urn:test:{number}") for number in range(4)]
HISTORY = {profile: History() for profile in StatusProfile}
ISSUERS = {profile: HISTORY[profile].issuer("college", status_profile=profile) for profile in StatusProfile}
AT = HISTORY[StatusProfile.VC2].at + timedelta(seconds=1)


@st.composite
def commands(draw: Any, profile: StatusProfile) -> CredentialCommand:
    about = (AT, ISSUERS[profile], draw(st.sampled_from(IDS)))
    kind = draw(st.sampled_from([RegisterCredential, RevokeCredential, SuspendCredential, ReinstateCredential, None]))
    if kind is RegisterCredential:
        return RegisterCredential(
            *about, ("VerifiableCredential",), achievement_id=draw(st.sampled_from([None, "a:b"]))
        )
    if kind is None:
        return SupersedeCredential(*about, draw(st.sampled_from(IDS)), revoke=draw(st.booleans()))
    if kind is ReinstateCredential:
        return kind(*about)
    return kind(*about, effective_at=draw(st.sampled_from([None, AT - timedelta(hours=1), AT + timedelta(hours=1)])))


def a_draft(profile: StatusProfile) -> Draft:
    history = HISTORY[profile]
    memory = Memory(len(history.recorded), GENESIS, AT)
    memory.streams.update({name: (history.versions[name], state) for name, state in history.states.items()})
    for sets in (state for name, state in history.states.items() if name.startswith("status-lists/")):
        memory.numbers.update({one.set_id: 0 for one in sets})
    for one in IDS:
        for made in ISSUERS.values():
            memory.streams.setdefault(credential_stream(made, one), (0, None))
    return Draft(memory, str(history.log_id), AT)


def facts(recorded: list[Recorded]) -> list[object]:
    return [(one.position, one.stream, one.version, one.effective_at, one.event) for one in recorded]


def one_by_one(profile: StatusProfile, rows: list[CredentialCommand]) -> tuple[list[object], list[object]]:
    """What is answered and recorded when each is a request of its own."""
    draft, ready, told = a_draft(profile), AllReady(), []
    for row in rows:
        try:
            decision = plan(LOG, row, ready).decide(draft)
        except Refused as error:
            told.append((type(error).__name__, error.detail, error.extra))
            continue
        position = draft.write(decision.facts, "", "") if decision.facts else decision.position
        told.append((bool(decision.facts), decision.answer(position)))
    return told, facts(draft.recorded)


def at_once(profile: StatusProfile, rows: list[CredentialCommand]) -> tuple[list[object], list[object]]:
    draft = a_draft(profile)
    decision = plan(LOG, CarryOutRows(AT, ISSUERS[profile], tuple(rows)), AllReady()).decide(draft)
    position = draft.write(decision.facts, "", "") if decision.facts else decision.position
    told: list[object] = []
    for one in row_answers.outcomes(decision.answer(position)):
        if one.refusal is not None:
            told.append((one.refusal.error, one.refusal.detail, one.refusal.extra))
        else:
            answer = {"credentialId": one.credential_id, **one.told, "position": f"{LOG}:{one.position}"}
            told.append((one.word == "accepted", answer))
    return told, facts(draft.recorded)


@given(st.sampled_from(StatusProfile), st.data())
def test_a_chunk_comes_to_what_its_rows_come_to_one_by_one(profile: StatusProfile, data: Any) -> None:
    rows = data.draw(st.lists(commands(profile), max_size=12))
    assert at_once(profile, rows) == one_by_one(profile, rows)


@given(st.sampled_from(StatusProfile), st.data())
def test_a_look_at_a_chunk_says_what_would_become_of_its_rows_and_records_nothing(
    profile: StatusProfile, data: Any
) -> None:
    rows = data.draw(st.lists(commands(profile), max_size=12))
    draft, ready = a_draft(profile), AllReady()
    chunk = CarryOutRows(AT, ISSUERS[profile], tuple(rows))
    real = plan(LOG, chunk, ready).decide(draft).answer(0)
    looked = plan(LOG, replace(chunk, is_dry_run=True), ready).decide(draft)
    assert not looked.facts
    assert looked.answer(0)["counts"] == real["counts"]
    assert [(one.word, one.refusal) for one in row_answers.outcomes(looked.answer(0))] == [
        (one.word, one.refusal) for one in row_answers.outcomes(real)
    ]


def test_a_row_that_could_not_be_read_has_its_place_among_the_others() -> None:
    profile = StatusProfile.VC2
    unread = RefusedRow("urn:test:9", Refusal("Malformed", "no JSON", {"pointer": "/type"}))
    rows = (RegisterCredential(AT, ISSUERS[profile], IDS[0], ("VerifiableCredential",)), unread)
    decision = plan(LOG, CarryOutRows(AT, ISSUERS[profile], rows, first_row=41), AllReady()).decide(a_draft(profile))
    accepted, refused = row_answers.outcomes(decision.answer(0))
    assert (accepted.row, accepted.word, refused.row, refused.word) == (41, "accepted", 42, "rejected")
    assert refused.refusal == unread.refusal
    assert row_answers.counts_of(decision.answer(0)).rows == 2
