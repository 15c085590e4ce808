"""A request that follows another one is recorded behind it, or not at all; tried again, it finds its place."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from registry.domain.commands import RevokeCredential
from registry.domain.names import CredentialId, IssuerId, Stream, credential_stream
from registry.errors import KeyReused, OutOfTurn, UnknownCredential
from registry.log.draft import View
from registry.log.request import Appended
from registry.log.sequencer import Decision, IdempotencyKey, Limits, Request
from tests.builders import AT
from tests.log.holding import head_held, until_blocked, until_decided_ahead
from tests.log.writing import Writing, toggled

UNKNOWN = RevokeCredential(AT, IssuerId(UUID(int=1)), CredentialId("urn:x:none"))
HASH, OTHER = b"h".ljust(32), b"o".ljust(32)


def nothing(_: View) -> Decision:
    return Decision((), lambda _: {"nothing": True}, position=1)


def refused(_: View) -> Decision:
    raise UnknownCredential("none")


class Chain:
    """Requests 0, 1, 2, … of one caller, each after the one before it."""

    def __init__(self, writing: Writing, stream: Stream) -> None:
        self.writing = writing
        self.stream = stream

    async def send(
        self, number: int, decide: Any = None, *, request_hash: bytes = HASH, after: bytes | None = HASH
    ) -> Appended:
        follows = None if after is None or number == 0 else (f"{number - 1}", after)
        key = IdempotencyKey("chain", f"{number}", request_hash, follows)
        decide = decide or partial(toggled, self.stream)
        return await self.writing.sequencer.submit(Request(decide, (self.stream,), "q", "key:test", "r", key))


@pytest.fixture
async def chain(writing: Any) -> Any:
    async with writing(limits=Limits(batch_requests=8)) as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        one.counts.batches.clear()
        yield Chain(one, credential_stream(issuer, CredentialId("urn:x:1")))


async def gathered(*requests: Any) -> list[Any]:
    return await asyncio.gather(*requests, return_exceptions=True)


async def test_what_follows_is_recorded_behind_it_in_the_same_batch(chain):
    done = await gathered(*(chain.send(number) for number in range(5)))
    assert [one.position for one in done] == list(range(done[0].position, done[0].position + 5))
    assert chain.writing.counts.batches == [5]


async def test_what_follows_nothing_is_refused_and_may_come_again(chain):
    with pytest.raises(OutOfTurn):
        await chain.send(1)
    first = await chain.send(0)
    assert (await chain.send(1)).position == first.position + 1


async def test_all_that_follow_a_refused_request_are_refused(chain):
    done = await gathered(chain.send(0), chain.send(1, refused), *(chain.send(number) for number in range(2, 6)))
    assert [type(one) for one in done] == [Appended, UnknownCredential, *[OutOfTurn] * 4]
    assert chain.writing.counts.batches == [1]


async def test_nothing_is_recorded_behind_a_request_that_is_not_what_it_was(chain):
    first = await chain.send(0)
    done = await gathered(chain.send(0, request_hash=OTHER), chain.send(1, after=OTHER), chain.send(2))
    assert [type(one) for one in done] == [KeyReused, OutOfTurn, OutOfTurn]
    assert (await chain.send(1)).position == first.position + 1


async def test_it_may_follow_what_is_on_its_way_into_the_log(chain, opened):
    async with head_held(opened.superuser) as let_go:
        first = asyncio.create_task(chain.send(0))
        await until_blocked(opened.superuser)
        second = asyncio.create_task(chain.send(1))
        unknown = asyncio.create_task(chain.writing.do(UNKNOWN, key="a new key, which is looked up"))
        await until_decided_ahead(opened.superuser)
        await let_go()
        *done, _ = await gathered(first, second, unknown)
    assert [one.position - done[0].position for one in done] == [0, 1]


async def test_it_may_follow_what_another_process_recorded(chain, writing):
    first = await chain.send(0)
    async with writing() as other:
        after_restart = Chain(other, chain.stream)
        assert (await after_restart.send(1)).position == first.position + 1
        with pytest.raises(OutOfTurn):
            await after_restart.send(3)


async def test_it_may_follow_what_records_nothing(chain):
    done = await gathered(
        chain.send(0, nothing), chain.send(1, nothing), chain.send(2), chain.send(3, nothing), chain.send(4)
    )
    assert [type(one) for one in done] == [Appended] * 5
    assert done[4].position == done[2].position + 1


async def test_a_chain_sent_again_is_answered_from_its_keys_and_goes_on(chain):
    before = await gathered(*(chain.send(number) for number in range(3)))
    again = await gathered(*(chain.send(number) for number in range(6)))
    assert [one.position for one in again[:3]] == [one.position for one in before]
    assert [one.is_replay for one in again] == [True] * 3 + [False] * 3
    assert again[5].position == before[2].position + 3


async def test_more_than_fit_into_a_batch_keep_their_order(writing):
    async with writing(limits=Limits(batch_bytes=1_500)) as one:
        issuer = await one.issuer()
        await one.register(issuer, "urn:x:1")
        one.counts.batches.clear()
        chain = Chain(one, credential_stream(issuer, CredentialId("urn:x:1")))
        done = await gathered(*(chain.send(number) for number in range(12)))
    assert [one.position - done[0].position for one in done] == list(range(12))
    assert len(one.counts.batches) > 2
