"""What holds of a credential whatever is asked of it, in whatever order."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from registry import errors
from registry.domain import credential
from registry.domain.commands import (
    CredentialCommand,
    ReinstateCredential,
    RevokeCredential,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.credential import Credential, Status
from registry.domain.events import (
    AnyEvent,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuspended,
    Reason,
    StatusProfile,
)
from tests.domain.facts import AT, DIPLOMA, ISSUER, STRANGER, STREAM, SUCCESSOR, after, recorded, registered

REASONS = st.sampled_from(Reason)
COMMANDS = st.one_of(
    st.builds(RevokeCredential, st.just(AT), st.just(ISSUER), st.just(DIPLOMA), REASONS),
    st.builds(SuspendCredential, st.just(AT), st.just(ISSUER), st.just(DIPLOMA), REASONS),
    st.builds(ReinstateCredential, st.just(AT), st.just(ISSUER), st.just(DIPLOMA)),
    st.builds(
        SupersedeCredential, st.just(AT), st.just(ISSUER), st.just(DIPLOMA),
        st.sampled_from([SUCCESSOR, STRANGER]), REASONS, st.booleans(),
    ),
)  # fmt: skip
WISHES = st.lists(COMMANDS, max_size=12)
PROFILES = st.sampled_from(StatusProfile)


class Life:
    """One credential, the facts recorded about it, and the refusals."""

    def __init__(self, profile: StatusProfile) -> None:
        self.facts: list[AnyEvent] = [registered(profile=profile)]
        self.state: Credential = after(STREAM, *self.facts)

    def ask(self, command: CredentialCommand) -> list[AnyEvent] | None:
        """Carry out *command*; the facts, or None if it was refused."""
        by = after(STREAM, registered(command.by)) if isinstance(command, SupersedeCredential) else None
        try:
            facts = credential.decide(command, self.state, by=by)
        except errors.Conflict:
            return None
        for fact in facts:
            self.facts.append(fact)
            position = len(self.facts)
            moved = credential.evolve(self.state, recorded(fact, position=position, recorded_at=seconds(position)))
            assert moved is not None
            self.state = moved
        return facts

    def bit(self, sets: type[AnyEvent], *clears: type[AnyEvent]) -> bool:
        """A bit as a reader of the facts sees it."""
        is_set = False
        for fact in self.facts:
            is_set = isinstance(fact, sets) or (is_set and not isinstance(fact, clears))
        return is_set


def seconds(position: int) -> datetime:
    return AT + timedelta(seconds=position)


@given(WISHES, WISHES, PROFILES)
def test_revocation_has_no_way_back(before: list, afterwards: list, profile: StatusProfile) -> None:
    life = Life(profile)
    for command in before:
        life.ask(command)
    life.ask(RevokeCredential(AT, ISSUER, DIPLOMA, Reason.FRAUD))
    assert life.state.status is Status.REVOKED
    revoked = life.state
    for command in afterwards:
        assert life.ask(command) in (None, [])
    assert life.state == revoked


@given(WISHES, PROFILES)
def test_a_command_that_was_carried_out_records_nothing_the_second_time(wishes: list, profile: StatusProfile) -> None:
    life = Life(profile)
    for command in wishes:
        if life.ask(command) is not None:
            assert life.ask(command) == []


@given(WISHES, PROFILES)
def test_a_refused_or_repeated_command_leaves_everything_as_it_was(wishes: list, profile: StatusProfile) -> None:
    life = Life(profile)
    for command in wishes:
        before = life.state
        if not life.ask(command):
            assert life.state == before


@given(WISHES, PROFILES)
def test_the_bits_say_what_the_status_says(wishes: list, profile: StatusProfile) -> None:
    """The revocation bit is set exactly when the credential is revoked, and then for ever.

    The suspension bit is set exactly while it is suspended; what ends a life (revocation, supersession) leaves the
    bit as it is.
    """
    life = Life(profile)
    for command in wishes:
        suspended_before = life.bit(CredentialSuspended, CredentialReinstated)
        life.ask(command)
        suspended = life.bit(CredentialSuspended, CredentialReinstated)
        assert life.bit(CredentialRevoked) is (life.state.status is Status.REVOKED)
        if life.state.status in (Status.REVOKED, Status.SUPERSEDED):
            assert suspended is suspended_before
        else:
            assert suspended is (life.state.status is Status.SUSPENDED)


@given(WISHES)
def test_without_a_suspension_entry_no_suspension_is_ever_recorded(wishes: list) -> None:
    life = Life(StatusProfile.OB3)
    for command in wishes:
        life.ask(command)
    assert not any(isinstance(fact, CredentialSuspended | CredentialReinstated) for fact in life.facts)


@given(WISHES, PROFILES)
def test_the_facts_alone_tell_the_state(wishes: list, profile: StatusProfile) -> None:
    """Folding the recorded facts from the beginning gives what deciding step by step gave."""
    life = Life(profile)
    for command in wishes:
        life.ask(command)
    assert after(STREAM, *life.facts) == life.state


@given(WISHES, PROFILES)
def test_every_change_names_the_index_of_the_registration(wishes: list, profile: StatusProfile) -> None:
    life = Life(profile)
    for command in wishes:
        life.ask(command)
    assert len({fact.allocation for fact in life.facts}) == 1
