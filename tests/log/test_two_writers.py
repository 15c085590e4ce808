"""Two processes on one log: each a sequencer with its own lease, memory and connections."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from registry.domain.commands import ReinstateCredential, RevokeCredential, SuspendCredential, SuspendIssuer
from registry.domain.names import CredentialId, credential_stream
from registry.errors import IllegalTransition, IssuerNotActive
from registry.log import lease as leases
from registry.log.connection import connect
from registry.log.sequencer import Limits
from tests import oracle
from tests.builders import AT
from tests.log.writing import LOG

CID = CredentialId("urn:x:1")


async def test_two_writers_with_64_tasks_each_lose_nothing(writing, opened):
    async with writing() as one, writing() as two:
        issuer = await one.issuer()
        for writer in (two,):
            writer.ready = one.ready  # the permutations: a process reads them from the vault

        async def client(number: int) -> list[int]:
            writer, random_ = (one, two)[number % 2], random.Random(number)
            cid, positions = f"urn:x:{number}", []
            positions.append((await writer.register(issuer, cid, key=f"r{number}")).position)
            for n in range(3):
                other = (one, two)[random_.randrange(2)]
                stream = credential_stream(issuer, CredentialId(cid))
                positions.append((await other.toggle(stream, f"{number}/{n}")).position)
            return positions

        outcomes = await asyncio.gather(*(client(number) for number in range(128)))
    positions = [position for of_client in outcomes for position in of_client]
    checked = await oracle.check(opened.superuser)
    assert len(positions) == len(set(positions)) == 128 * 4
    assert all(of_client == sorted(of_client) for of_client in outcomes)
    changes = [n for n, body in enumerate(checked.events, 1) if body["stream"].startswith("credential/")]
    assert sorted(positions) == changes
    assert len(checked.of_type("CredentialRegistered")) == 128


async def test_nobody_is_answered_from_what_another_process_made_untrue(writing):
    """Process B knows the credential as suspended; A lifts that; B's "it is so already" would be wrong."""
    async with writing() as a, writing() as b:
        issuer = await a.issuer()
        await a.register(issuer, CID)
        suspended = await b.do(SuspendCredential(AT, issuer, CID))
        assert (await b.do(SuspendCredential(AT, issuer, CID))).position == suspended.position
        await a.do(ReinstateCredential(AT, issuer, CID))
        assert (await b.do(SuspendCredential(AT, issuer, CID))).position > suspended.position
        await a.do(RevokeCredential(AT, issuer, CID))
        with pytest.raises(IllegalTransition):
            await b.do(SuspendCredential(AT, issuer, CID))


async def test_nothing_is_decided_on_another_streams_stale_state(writing):
    async with writing() as a, writing() as b:
        issuer = await a.issuer()
        b.ready = a.ready
        await b.register(issuer, "urn:x:1")
        await a.do(SuspendIssuer(AT, issuer))
        with pytest.raises(IssuerNotActive):
            await b.register(issuer, "urn:x:2")


async def test_the_fence_alone_keeps_stale_memory_from_answering(writing, monkeypatch):
    """As above, without the lease: as if it could not be had."""
    monkeypatch.setattr(leases.Lease, "take", _never)
    async with writing() as a, writing() as b:
        issuer = await a.issuer()
        await a.register(issuer, CID)
        await b.do(SuspendCredential(AT, issuer, CID))
        await a.do(RevokeCredential(AT, issuer, CID))
        with pytest.raises(IllegalTransition):
            await b.do(SuspendCredential(AT, issuer, CID))


async def _never(lease: leases.Lease) -> bool:
    return False  # "nobody else wrote", which is not true


async def test_four_writers_without_a_lease_all_get_on(writing, opened, monkeypatch):
    """A loser waits in line for the head's row, so that nobody starves."""
    monkeypatch.setattr(leases.Lease, "take", _never)
    async with AsyncExitStack() as stack:
        writers = [await stack.enter_async_context(writing()) for _ in range(4)]
        issuer = await writers[0].issuer()
        await writers[0].register(issuer, CID)
        stream = credential_stream(issuer, CID)

        async def client(number: int) -> None:
            for n in range(5):
                await writers[number % 4].toggle(stream, f"{number}/{n}")

        async with asyncio.timeout(60):
            await asyncio.gather(*(client(number) for number in range(16)))
    checked = await oracle.check(opened.superuser)
    assert len(checked.of_type("CredentialSuspended")) + len(checked.of_type("CredentialReinstated")) == 16 * 5


async def test_what_did_not_fit_into_a_batch_that_lost_its_fence_is_applied_once(writing, opened, monkeypatch):
    monkeypatch.setattr(leases.Lease, "take", _never)
    small = Limits(batch_bytes=1_500)
    async with writing(limits=small) as one, writing(limits=small) as two:
        issuer = await one.issuer()
        await one.register(issuer, CID)
        stream = credential_stream(issuer, CID)
        before = (await oracle.check(opened.superuser)).position
        outcomes = await asyncio.gather(*(writer.toggle(stream) for _ in range(30) for writer in (one, two)))
    assert sorted(outcome.position for outcome in outcomes) == list(range(before + 1, before + 61))
    assert (await oracle.check(opened.superuser)).position == before + 60


async def test_processes_take_turns(writing):
    async with writing() as one, writing() as two:
        issuer = await one.issuer()
        for cid in ("urn:x:1", "urn:x:2"):
            await one.register(issuer, cid)

        async def keep_on(writer, cid: str, others_turn: asyncio.Event, ours: asyncio.Event) -> int:
            count = 0
            while not others_turn.is_set() or count < 20:
                await writer.toggle(credential_stream(issuer, CredentialId(cid)))
                count += 1
                ours.set()
            return count

        first, second = asyncio.Event(), asyncio.Event()
        async with asyncio.timeout(20):
            await asyncio.gather(keep_on(one, "urn:x:1", second, first), keep_on(two, "urn:x:2", first, second))
    assert not one.counts.rejections
    assert not two.counts.rejections


async def test_a_frozen_holder_is_passed_by(writing, opened, monkeypatch):
    monkeypatch.setattr(leases, "PATIENCE_S", 0.05)
    frozen = await connect(opened.writer)
    lease = leases.Lease(LOG, lambda: connect(opened.writer))
    await frozen.fetchval("SELECT pg_advisory_lock($1)", lease._key)  # held, and never let go
    async with writing() as one:
        issuer = await one.issuer()
        outcomes = await asyncio.gather(*(one.register(issuer, f"urn:x:{n}") for n in range(10)))
    await frozen.close()
    assert all(outcome.position for outcome in outcomes)


async def test_a_lease_whose_connection_died_is_taken_by_another_and_both_get_on(writing, opened):
    async with writing() as one, writing() as two:
        issuer = await one.issuer()
        await one.register(issuer, CID)
        stream = credential_stream(issuer, CID)
        superuser = await connect(opened.superuser)
        await superuser.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await superuser.close()
        outcomes = [await writer.toggle(stream) for writer in (two, one, two, one)]
    positions = [outcome.position for outcome in outcomes]
    assert positions == sorted(positions)


async def test_a_lease_is_handed_on_when_its_holder_has_nothing_to_do(writing, opened):
    async with writing() as one:
        issuer = await one.issuer()
        await one.register(issuer, CID)
        wanting = leases.Lease(LOG, lambda: connect(opened.writer))
        async with asyncio.timeout(5):
            assert await wanting.take()
        assert await wanting.take() is False  # held, so nobody else may have written
        await wanting.close()


async def test_the_hint_that_the_log_has_grown_is_sent(writing, opened):
    heard = asyncio.Event()
    listener = await connect(opened.projector)
    await listener.add_listener("registry_log", lambda *arguments: heard.set() if arguments[-1] == LOG else None)
    async with writing() as one:
        await one.issuer()
        async with asyncio.timeout(5):
            await heard.wait()
    await listener.close()
