from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from socket import SO_SNDBUF, SOL_SOCKET

import pytest

from registry.domain.commands import RevokeCredential, SuspendCredential, SuspendIssuer
from registry.domain.events import Reason
from registry.domain.names import CredentialId, Stream, credential_stream
from registry.errors import (
    AlreadyRegistered,
    DatabaseUnavailable,
    IllegalTransition,
    IssuerNotActive,
    QueueFull,
    TooLarge,
    UnknownCredential,
)
from registry.log import read
from registry.log.connection import connect
from registry.log.draft import Fact, View
from registry.log.lease import Lease
from registry.log.sequencer import WORTH_HALVING, Decision, IdempotencyKey, Limits, Request
from registry.log.tail import Tail, sending_socket
from tests import oracle
from tests.builders import AT
from tests.clock import FakeClock
from tests.log.holding import head_held, until_blocked, until_decided_ahead
from tests.log.writing import LOG, sequencing, toggled


async def test_what_waits_together_is_committed_together(writing):
    async with writing() as one:
        issuer = await one.issuer()
        one.counts.batches.clear()
        outcomes = await asyncio.gather(*(one.register(issuer, f"urn:x:{n}") for n in range(50)))
    assert one.counts.batches == [25, 25], "one half is decided while the other is written"
    assert len({outcome.position for outcome in outcomes}) == 50


async def test_few_are_committed_at_once(writing):
    async with writing() as one:
        issuer = await one.issuer()
        one.counts.batches.clear()
        await asyncio.gather(*(one.register(issuer, f"urn:x:{n}") for n in range(WORTH_HALVING - 1)))
    assert one.counts.batches == [WORTH_HALVING - 1]


async def test_a_refused_request_sinks_alone(writing):
    async with writing() as one:
        issuer = await one.issuer()
        revoke_unknown = one.do(RevokeCredential(AT, issuer, CredentialId("urn:x:none")))
        fine = [one.register(issuer, f"urn:x:{n}") for n in range(10)]
        *registered, refused = await asyncio.gather(*fine, revoke_unknown, return_exceptions=True)
    assert isinstance(refused, UnknownCredential)
    assert len({outcome.position for outcome in registered}) == 10
    assert one.counts.rejections == {"UnknownCredential": 1}


async def test_a_later_request_of_a_batch_sees_an_earlier_one(writing):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        cid = CredentialId("urn:x:1")
        one.counts.batches.clear()
        revoked, again, suspended = await asyncio.gather(
            one.do(RevokeCredential(AT, issuer, cid, Reason.FRAUD)),
            one.do(RevokeCredential(AT, issuer, cid)),
            one.do(SuspendCredential(AT, issuer, cid)),
            return_exceptions=True,
        )
    assert one.counts.batches == [1]
    assert again.position == revoked.position
    assert isinstance(suspended, IllegalTransition)


async def test_a_later_request_of_a_batch_sees_another_streams_change(writing):
    async with writing() as one:
        issuer = await one.issuer()
        first = one.do(SuspendIssuer(AT, issuer))
        # of the same queue, or the rotation would decide the order
        suspended, refused = await asyncio.gather(first, one.register(issuer, "urn:x:1"), return_exceptions=True)
    assert suspended.position
    assert isinstance(refused, IssuerNotActive)


def _lazily(stream: Stream, view: View) -> Decision:
    return toggled(stream, view)


async def test_a_stream_that_was_not_announced_is_loaded_when_it_is_asked_for(writing):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
    stream = credential_stream(issuer, CredentialId("urn:x:1"))
    async with writing() as fresh:
        outcome = await fresh.sequencer.submit(Request(partial(_lazily, stream), (), "q", "key:test", "r"))
    assert outcome.position > 1


async def test_a_fact_over_60_kib_sinks_alone_and_leaves_no_trace(writing):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        stream = credential_stream(issuer, CredentialId("urn:x:1"))

        def too_large(view: View) -> Decision:
            small, large = toggled(stream, view).facts[0], toggled(stream, view).facts[0]
            event = large.event.model_copy(update={"credential_id": "urn:" + "x" * 70_000})
            return Decision([small, Fact(stream, event)], lambda position: {})

        refused, done, again = await asyncio.gather(
            one.sequencer.submit(Request(too_large, (stream,), "toggles", "key:test", "r")),
            one.toggle(stream),
            one.toggle(stream),
            return_exceptions=True,
        )
    assert isinstance(refused, TooLarge)
    assert again.position == done.position + 1


async def test_a_defect_in_one_decision_or_answer_sinks_it_alone_and_records_nothing(writing, opened):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        stream = credential_stream(issuer, CredentialId("urn:x:1"))

        def broken(view: View) -> Decision:
            raise ZeroDivisionError

        def answerless(view: View) -> Decision:
            return Decision(toggled(stream, view).facts, lambda position: {}["answer"])

        before = (await oracle.check(opened.superuser)).position
        outcomes = await asyncio.gather(
            one.toggle(stream),
            *(one.sequencer.submit(Request(how, (stream,), "toggles", "k", "r")) for how in (broken, answerless)),
            one.toggle(stream),
            return_exceptions=True,
        )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Appended", "ZeroDivisionError", "KeyError", "Appended"]
    assert (await oracle.check(opened.superuser)).position == before + 2


async def test_a_request_that_the_database_refuses_sinks_alone(writing):
    """PostgreSQL has no NUL in text; the door refuses it, and if it did not, the neighbours would not suffer."""
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        stream = credential_stream(issuer, CredentialId("urn:x:1"))
        outcomes = await asyncio.gather(
            *(one.toggle(stream, f"key {n}" + ("\0" if n == 5 else "")) for n in range(12)), return_exceptions=True
        )
    failed = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Exception)]
    assert failed == [5]


async def test_a_stream_that_no_longer_parses_sinks_alone(writing, opened):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        await one.register(issuer, "urn:x:2")
    stream = credential_stream(issuer, CredentialId("urn:x:1"))
    conn = await connect(opened.superuser)
    body = await conn.fetchval("SELECT body FROM events WHERE stream = $1", stream)
    await conn.execute("UPDATE events SET body = $2 WHERE stream = $1", stream, b"{}")
    async with writing() as fresh:
        broken, fine = await asyncio.gather(
            fresh.toggle(stream),
            fresh.toggle(credential_stream(issuer, CredentialId("urn:x:2"))),
            return_exceptions=True,
        )
    await conn.execute("UPDATE events SET body = $2 WHERE stream = $1", stream, body)
    await conn.close()
    assert isinstance(broken, Exception)
    assert fine.position > 1


async def test_a_full_queue_pushes_back_and_leaves_room_for_others(writing):
    async with writing(limits=Limits(waiting=20)) as one:
        bulk, other = await one.issuer("bulk"), await one.issuer("other")
        outcomes = await asyncio.gather(
            *(one.register(bulk, f"urn:x:{n}") for n in range(30)),
            one.register(other, "urn:x:other"),
            return_exceptions=True,
        )
    refused = [outcome for outcome in outcomes if isinstance(outcome, QueueFull)]
    assert len(refused) == 20
    assert outcomes[-1].position
    assert refused[0].retry_after_s > 0


async def test_batches_are_bounded_in_bytes_and_in_requests(writing):
    async with writing(limits=Limits(batch_bytes=2_000, batch_requests=7)) as one:
        issuer = await one.issuer()
        one.counts.batches.clear()
        outcomes = await asyncio.gather(*(one.register(issuer, f"urn:x:{n}", key=f"k{n}") for n in range(30)))
    assert max(one.counts.batches) <= 4
    assert [outcome.position for outcome in outcomes] == sorted(outcome.position for outcome in outcomes)


async def test_a_cancelled_caller_costs_nobody_an_answer(writing):
    async with writing() as one:
        issuer = await one.issuer()
        tasks = [asyncio.create_task(one.register(issuer, f"urn:x:{n}")) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::2])
    assert all(outcome.position for outcome in outcomes[1::2])


async def test_whoever_still_waits_at_the_end_is_told_and_nobody_may_ask_afterwards(writing):
    async with writing() as one:
        issuer = await one.issuer()
        waiting = asyncio.create_task(one.register(issuer, "urn:x:1"))
        await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable):
        await waiting
    with pytest.raises(DatabaseUnavailable):
        await one.register(issuer, "urn:x:2")


async def test_whoever_is_decided_ahead_at_the_end_is_told_too(writing, opened):
    async with AsyncExitStack() as held:
        async with writing(limits=Limits(batch_requests=2)) as one:
            issuer = await one.issuer()
            await held.enter_async_context(head_held(opened.superuser))
            waiting = [asyncio.create_task(one.register(issuer, f"urn:x:{n}")) for n in range(3)]
            unknown = RevokeCredential(AT, issuer, CredentialId("urn:x:none"))
            waiting.append(asyncio.create_task(one.do(unknown, key="new, which is looked up")))
            await until_blocked(opened.superuser)
            await until_decided_ahead(opened.superuser)
        outcomes = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes)


async def test_time_never_runs_backwards_along_the_log(writing, opened):
    clock = FakeClock(AT + timedelta(days=3650))
    async with writing(clock=clock) as one:
        issuer = await one.issuer()
        clock.advance(seconds=-3600)
        await one.register(issuer, "urn:x:1")
    conn = await connect(opened.owner)
    times = [one.recorded_at for one in await read.after(conn, LOG, 1, 100)]
    await conn.close()
    assert times[-1] == times[-2]


async def test_a_log_that_was_never_opened_is_refused_in_a_sentence(database):
    async with sequencing(database.writer, limits=Limits(unknown_outcome_s=0)) as one:
        with pytest.raises(DatabaseUnavailable, match="registry init"):
            await one.sequencer.submit(Request(lambda view: Decision((), lambda _: {}), (), "q", "key:test", "r"))


async def test_another_registration_under_a_used_id_is_refused(writing):
    async with writing() as one:
        issuer = await one.issuer()
        first = await one.register(issuer, "urn:x:1")
        assert (await one.register(issuer, "urn:x:1")).position == first.position
        with pytest.raises(AlreadyRegistered):
            await one.register(issuer, "urn:x:1", valid_until="2030-01-01T00:00:00Z")


async def test_a_restored_log_is_noticed_at_the_fence(writing, opened, monkeypatch):
    """The head may stand where it stood and be another history: the fence compares the chain, not the number alone."""
    async with writing() as one, writing() as other:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        stream = credential_stream(issuer, CredentialId("urn:x:1"))
        last = await one.toggle(stream)
        conn = await connect(opened.superuser)
        # back to before the toggle, where another process now writes something else
        await conn.execute("DELETE FROM events WHERE position = $1", last.position)
        await conn.execute(
            "UPDATE log_heads SET position = $1, hash = (SELECT hash FROM events WHERE position = $1)",
            last.position - 1,
        )
        await conn.close()
        monkeypatch.setattr(Lease, "take", _never)  # no turn changes hands, so that only the fence is left
        assert (await other.register(issuer, "urn:x:2")).position == last.position
        outcome = await one.toggle(stream)
    assert outcome.position == last.position + 1


async def _never(lease: Lease) -> bool:
    return False


async def test_an_idempotency_key_speaks_for_one_caller_only(writing):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        stream = credential_stream(issuer, CredentialId("urn:x:1"))
        positions = set()
        for caller in ("operator", f"issuer/{issuer}"):
            key = IdempotencyKey(caller, "the same", bytes(32))
            request = Request(partial(toggled, stream), (stream,), "q", "key:test", "r", key)
            positions.add((await one.sequencer.submit(request)).position)
    assert len(positions) == 2


async def test_many_at_once_are_decided_ahead_and_none_is_lost(writing, opened):
    """While one batch is written the next is decided on top of it; refusals and repetitions among them."""
    async with writing(limits=Limits(batch_requests=8)) as one:
        issuer = await one.issuer()
        await asyncio.gather(*(one.register(issuer, f"urn:x:{n}") for n in range(12)))
        streams = [credential_stream(issuer, CredentialId(f"urn:x:{n}")) for n in range(12)]
        before = (await oracle.check(opened.superuser)).position

        async def client(number: int) -> list[int]:
            positions = []
            for n in range(12):
                outcome = await one.toggle(streams[(number + n) % 12], f"{number}/{n}")
                again = await one.toggle(streams[(number + n) % 12], f"{number}/{n}") if n % 4 == 0 else outcome
                assert again.position == outcome.position
                positions.append(outcome.position)
                with pytest.raises(UnknownCredential):
                    await one.do(RevokeCredential(AT, issuer, CredentialId("urn:x:none")), key=f"no {number}/{n}")
            return positions

        positions = [
            position for of_one in await asyncio.gather(*(client(n) for n in range(24))) for position in of_one
        ]
    assert sorted(positions) == list(range(before + 1, before + 24 * 12 + 1))


async def test_a_key_that_is_on_its_way_is_not_taken_for_a_new_one(writing, opened):
    """A repetition that arrives while the first attempt is being written, and would be refused on top of it."""
    async with writing(limits=Limits(batch_requests=2)) as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        cid = CredentialId("urn:x:1")
        async with head_held(opened.superuser) as let_go:
            tasks = [
                asyncio.create_task(one.do(command, key=key))
                for command, key in (
                    (SuspendCredential(AT, issuer, cid), "suspend"),
                    (RevokeCredential(AT, issuer, cid), "revoke"),
                    (SuspendCredential(AT, issuer, cid), "suspend"),
                    (RevokeCredential(AT, issuer, CredentialId("urn:x:none")), "a new key, which is looked up"),
                )
            ]
            await until_blocked(opened.superuser)
            await until_decided_ahead(opened.superuser)
            await let_go()
            suspended, revoked, again, _ = await asyncio.gather(*tasks, return_exceptions=True)
    assert again.position == suspended.position
    assert again.is_replay
    assert revoked.position == suspended.position + 1


async def test_a_statement_of_many_requests_leaves_at_once(opened):
    tail = Tail(LOG, lambda: connect(opened.writer))
    try:
        given, usual = await tail.connection(), await connect(opened.writer)
        sockets = [sending_socket(conn) for conn in (given, usual)]
        room, before = (one.getsockopt(SOL_SOCKET, SO_SNDBUF) for one in sockets if one is not None)
        assert room > before
        await usual.close()
    finally:
        tail.forget()
