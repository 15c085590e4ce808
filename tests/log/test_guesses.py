"""A stream that a request begins is not looked up; a wrong guess is found out before anybody is told of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from registry.commands.row_answers import ACCEPTED, UNCHANGED
from registry.domain.commands import CarryOutRows, RegisterCredential, RevokeCredential, SuspendIssuer
from registry.domain.names import CredentialId, IssuerId, credential_stream, issuer_stream
from registry.errors import AlreadyRegistered, IssuerNotActive
from registry.log.draft import DOUBTED_REQUESTS, Draft, Fact, Memory, NotLoaded
from tests import oracle
from tests.builders import AT
from tests.domain.facts import ISSUER, registered

OLD, NEW = CredentialId("urn:x:old"), CredentialId("urn:x:new")
STREAM = credential_stream(ISSUER, OLD)


@pytest.fixture
async def begun(writing: Any) -> Any:
    """A process that knows an issuer but not its credential OLD: the issuer, OLD's registration, the last position."""
    async with writing() as first:
        issuer = await first.issuer()
        before = await first.register(issuer, OLD, key="old")
    async with writing() as other:
        yield other, issuer, before, (await other.register(issuer, "urn:x:another")).position


def rows(issuer: IssuerId, *ids: CredentialId) -> CarryOutRows:
    commands = tuple(RegisterCredential(AT, issuer, one, ("VerifiableCredential",)) for one in ids)
    return CarryOutRows(AT, issuer, commands)


async def test_what_was_registered_before_stays_as_it_is(begun, opened):
    other, issuer, before, last = begun
    again, *news = await asyncio.gather(
        other.register(issuer, OLD), *(other.register(issuer, f"urn:x:{n}") for n in range(9))
    )
    assert (again.position, again.answer) == (before.position, before.answer)
    assert [one.position for one in news] == [last + n for n in range(1, 10)]
    await oracle.check(opened.superuser)


async def test_another_credential_under_a_used_id_is_refused(begun):
    other, issuer, _, last = begun
    refused, new = await asyncio.gather(
        other.register(issuer, OLD, valid_until="2030-01-01T00:00:00Z"),
        other.register(issuer, NEW),
        return_exceptions=True,
    )
    assert isinstance(refused, AlreadyRegistered)
    assert new.position == last + 1


async def test_a_repeated_registration_is_a_replay(begun):
    other, issuer, before, _ = begun
    again = await other.register(issuer, OLD, key="old")
    assert (again.position, again.answer, again.is_replay) == (before.position, before.answer, True)


async def test_nobody_is_refused_on_a_guess(begun):
    other, issuer, before, _ = begun
    await other.do(SuspendIssuer(AT, issuer))
    assert (await other.register(issuer, OLD)).position == before.position
    other.sequencer._tail.remembered.streams.pop(credential_stream(issuer, OLD))
    assert (await other.register(issuer, OLD, key="old")).is_replay
    with pytest.raises(IssuerNotActive):
        await other.register(issuer, NEW)


async def test_what_begins_and_goes_on_in_one_batch_is_one_life(begun):
    other, issuer, _, last = begun
    new, revoked, late = await asyncio.gather(
        other.register(issuer, NEW),
        other.do(RevokeCredential(AT, issuer, NEW)),
        other.do(RevokeCredential(AT, issuer, OLD)),
    )
    assert [one.position - last for one in (new, revoked, late)] == [1, 2, 3]
    assert (revoked.answer["status"], late.answer["status"]) == ("revoked", "revoked")


async def test_rows_of_a_chunk_are_each_found_out(begun, opened):
    other, issuer, before, last = begun
    done = await other.do(rows(issuer, NEW, OLD, CredentialId("urn:x:last")))
    assert [row[:3] for row in done.answer["rows"]] == [
        [NEW, ACCEPTED, last + 1],
        [OLD, UNCHANGED, before.position],
        ["urn:x:last", ACCEPTED, last + 2],
    ]
    await oracle.check(opened.superuser)


async def test_who_repeats_one_request_is_looked_up_from_then_on(begun):
    other, issuer, _, _ = begun
    memory = other.sequencer._tail.remembered
    assert not memory.doubts
    await other.register(issuer, OLD)
    assert memory.doubts == {str(issuer): DOUBTED_REQUESTS}
    await other.register(issuer, NEW)
    assert memory.doubts == {str(issuer): DOUBTED_REQUESTS - 1}


def test_doubt_ends():
    memory = Memory(1, bytes(32), AT)
    memory.doubt("q")
    assert [memory.is_doubted("q") for _ in range(DOUBTED_REQUESTS + 1)].count(True) == DOUBTED_REQUESTS
    assert not memory.doubts


def test_only_what_is_begun_is_guessed():
    draft = Draft(Memory(1, bytes(32), AT), "log", AT)
    draft.guess(frozenset([STREAM]))
    with pytest.raises(NotLoaded):
        draft.state(issuer_stream(ISSUER))
    assert draft.state(STREAM) is None
    with pytest.raises(NotLoaded) as unproved:
        draft.prove([Fact(credential_stream(ISSUER, NEW), registered())])
    assert unproved.value.stream == STREAM
    draft.prove([Fact(STREAM, registered())])


def test_what_is_known_is_not_guessed():
    memory = Memory(1, bytes(32), AT)
    memory.streams[STREAM] = (3, "state")
    draft = Draft(memory, "log", AT)
    draft.guess(frozenset([STREAM]))
    assert draft.state(STREAM) == "state"
    draft.prove([])
