from __future__ import annotations

import asyncio
from functools import partial

import pytest

from registry.domain.commands import ReinstateCredential, RevokeCredential, SuspendCredential
from registry.domain.names import CredentialId, credential_stream
from registry.errors import KeyReused, UnknownCredential
from registry.log.draft import View
from registry.log.sequencer import Decision, IdempotencyKey, Request
from tests import oracle
from tests.builders import AT
from tests.log.writing import toggled

CID = CredentialId("urn:x:1")


@pytest.fixture
async def registered(writing):
    """A running sequencer with one credential, and that credential's stream."""
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, CID)
        yield one, issuer, credential_stream(issuer, CID)


async def test_a_repeated_request_gets_the_first_answer_and_takes_effect_once(registered, opened):
    one, _, stream = registered
    first = await one.toggle(stream, "k")
    events = (await oracle.check(opened.superuser)).position
    again = await one.toggle(stream, "k")
    assert (again.position, again.answer, again.is_replay) == (first.position, first.answer, True)
    assert not first.is_replay
    assert (await oracle.check(opened.superuser)).position == events
    assert one.counts.replays == 1


async def test_a_key_is_remembered_by_a_process_that_never_saw_it(registered, writing):
    one, _, stream = registered
    first = await one.toggle(stream, "k")
    async with writing() as other:
        again = await other.toggle(stream, "k")
    assert (again.position, again.is_replay) == (first.position, True)


async def test_a_repetition_after_other_changes_still_gets_the_first_answer(registered):
    one, _, stream = registered
    first = await one.toggle(stream, "k")
    for n in range(3):
        await one.toggle(stream, f"other {n}")
    assert (await one.toggle(stream, "k")).answer == first.answer


async def test_a_key_with_another_request_is_refused(registered):
    one, _, stream = registered
    await one.toggle(stream, "k")
    with pytest.raises(KeyReused):
        await one.toggle(stream, "k", body=b"another body")


async def test_one_key_twice_at_the_same_time_takes_effect_once(registered, opened):
    one, _, stream = registered
    events = (await oracle.check(opened.superuser)).position
    outcomes = await asyncio.gather(*(one.toggle(stream, "k") for _ in range(5)))
    assert len({outcome.position for outcome in outcomes}) == 1
    assert sorted(outcome.is_replay for outcome in outcomes) == [False, True, True, True, True]
    assert (await oracle.check(opened.superuser)).position == events + 1


async def test_one_key_with_two_bodies_at_the_same_time_refuses_the_second(registered):
    one, _, stream = registered
    first, second = await asyncio.gather(
        one.toggle(stream, "k"), one.toggle(stream, "k", body=b"another body"), return_exceptions=True
    )
    assert first.position
    assert isinstance(second, KeyReused)


async def test_a_used_key_costs_its_neighbours_nothing(registered):
    one, _, stream = registered
    first = await one.toggle(stream, "used")
    *others, again = await asyncio.gather(
        *(one.toggle(stream, f"new {n}") for n in range(9)), one.toggle(stream, "used")
    )
    assert again.position == first.position
    assert len({outcome.position for outcome in others}) == 9
    assert not any(outcome.is_replay for outcome in others)


async def test_a_refused_request_leaves_its_key_free(registered):
    one, issuer, _ = registered
    for _ in range(2):
        with pytest.raises(UnknownCredential):
            await one.do(RevokeCredential(AT, issuer, CredentialId("urn:x:later")), key="k")
    await one.register(issuer, "urn:x:later")
    assert not (await one.do(RevokeCredential(AT, issuer, CredentialId("urn:x:later")), key="k")).is_replay


async def test_a_repetition_is_answered_even_when_the_change_would_be_refused_now(registered):
    one, issuer, _ = registered
    suspended = await one.do(SuspendCredential(AT, issuer, CID), key="suspend")
    await one.do(RevokeCredential(AT, issuer, CID), key="revoke")
    again = await one.do(SuspendCredential(AT, issuer, CID), key="suspend")
    assert (again.position, again.answer["status"], again.is_replay) == (suspended.position, "suspended", True)


async def test_a_success_that_changed_nothing_is_remembered_too(registered, opened):
    """Its repetition, after the state went on, must not take effect: the first answer said that it is done."""
    one, issuer, _ = registered
    await one.do(SuspendCredential(AT, issuer, CID))
    unchanged = await one.do(SuspendCredential(AT, issuer, CID), key="k")
    await one.do(ReinstateCredential(AT, issuer, CID))
    events = (await oracle.check(opened.superuser)).position
    again = await one.do(SuspendCredential(AT, issuer, CID), key="k")
    assert (again.position, again.is_replay) == (unchanged.position, True)
    assert (await oracle.check(opened.superuser)).position == events
    with pytest.raises(KeyReused):
        await one.do(SuspendCredential(AT, issuer, CID), key="k", body=b"another body")


async def test_a_key_may_hold_anything_a_header_may_hold(registered):
    one, _, stream = registered
    for key in ("two words", "ä, ö", "'; --", "x" * 255):
        first = await one.toggle(stream, key)
        assert (await one.toggle(stream, key)).position == first.position


async def test_what_is_kept_is_the_answer_as_it_was_sent(registered, opened):
    one, _, stream = registered

    def decide(view: View) -> Decision:
        return Decision(toggled(stream, view).facts, lambda position: {"id": "ü", "list": [1, {"a": None}]})

    request = Request(decide, (stream,), "q", "key:test", "r", IdempotencyKey("operator", "k", bytes(32)))
    first = await one.sequencer.submit(request)
    again = await one.sequencer.submit(request)
    assert again.answer == first.answer == {"id": "ü", "list": [1, {"a": None}]}


@pytest.mark.parametrize(
    "bad",
    [
        IdempotencyKey("operator", "short", bytes(31)),
        IdempotencyKey("operator", "long", bytes(33)),
        IdempotencyKey("operator", "two\nlines", bytes(32)),
    ],
    ids=["short", "long", "lines"],
)
async def test_a_key_that_would_take_its_neighbours_place_sinks_alone(registered, opened, bad):
    one, _, stream = registered
    before = (await oracle.check(opened.superuser)).position
    good = IdempotencyKey("operator", "good", bytes(32))
    done = await asyncio.gather(
        *(one.sequencer.submit(Request(partial(toggled, stream), (stream,), "q", "key:test", "r", key))
          for key in (bad, good)),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(done[0], ValueError)
    assert done[1].position == before + 1
    assert (await oracle.check(opened.superuser)).position == before + 1
