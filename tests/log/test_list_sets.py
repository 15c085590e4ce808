"""Lists that are added to sets: nothing points to one that cannot be fetched, and no set is left without it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from registry.commands.handle import Outcome
from registry.commands.idempotency import Asked
from registry.commands.list_sets import ListSetKeeper, ListShape, Waits
from registry.commands.row_answers import counts_of
from registry.commands.sequenced import Sequenced
from registry.domain.commands import AddListMembers, CarryOutRows, CloseListSet, RegisterCredential, RowCounts
from registry.domain.events import Purpose, StatusListMemberAdded
from registry.domain.names import CredentialId, IssuerId, LogName, lists_stream
from registry.domain.status_list import ListSets
from registry.errors import ListsNotReady, StatusListDiffers
from registry.vault.keys import Vault
from registry.vault.master import MasterKeys
from tests.log.writing import LOG, SIZE, Writing, sequencing, system_clock

MASTER = MasterKeys.from_text("a:" + base64.b64encode(bytes(range(32))).decode())
ASKED = Asked(LOG, "key:test", "operator", "request")
REFRESH = ListShape(Purpose.REFRESH)


async def _no_stream(*_: Any) -> list[Any]:
    return []


@dataclass
class Process:
    """One process's commands for one issuer; lists of the purposes in `withheld` cannot be fetched yet."""

    writing: Writing
    vault: Vault
    issuer_id: IssuerId
    withheld: set[Purpose] = field(default_factory=set)
    looks: int = 0

    def __post_init__(self) -> None:
        sequencers = {LOG: self.writing.sequencer}
        self.keeper = ListSetKeeper(
            sequencers,
            {LOG: "https://registry.example"},
            self.vault,
            self.fetchable,
            clock=system_clock,
            size=SIZE,
            waits=Waits(total_s=0.3, every_s=0.01),
        )
        self.commands = Sequenced(
            sequencers, self.keeper, self.vault, clock=system_clock, did_of=_no_did, read_stream=_no_stream
        )

    async def fetchable(self, _: LogName, list_set: UUID) -> frozenset[UUID]:
        self.looks += 1
        members = [member for one in await self.sets() if one.set_id == list_set for member in one.members]
        return frozenset(member.status_list_id for member in members if member.purpose not in self.withheld)

    async def sets(self) -> ListSets:
        found: ListSets = await self.commands.state(LOG, lists_stream(self.issuer_id)) or ()
        return found

    async def register(self) -> list[str]:
        """The purposes of a new credential's entries."""
        identifier = CredentialId(f"urn:{uuid4()}")
        command = RegisterCredential(system_clock(), self.issuer_id, identifier, ("VerifiableCredential",))
        outcome = await self.commands.handle(ASKED, command)
        return [one["statusPurpose"] for one in outcome.answer["credentialStatus"]]

    async def add(self, shape: ListShape = REFRESH) -> Outcome:
        return await self.commands.add_list(ASKED, self.issuer_id, shape)


def _no_did(*_: Any) -> Any:
    raise AssertionError("no issuer is registered this way here")


@pytest.fixture
async def pool(opened: Any) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    async with asyncpg.create_pool(opened.writer, min_size=1, max_size=4) as pool:
        yield pool


@pytest.fixture
async def process(opened: Any, pool: Any) -> AsyncIterator[Process]:
    """An issuer whose one open set was opened by the keeper, so that its permutation is in the vault."""
    async with sequencing(opened.writer) as writing:
        one = Process(writing, Vault(pool, MASTER, system_clock), await writing.issuer())
        await one.keeper.open_next(LOG, one.issuer_id)
        first, _ = await one.sets()
        await writing.do(CloseListSet(system_clock(), one.issuer_id, first.set_id, "log-restored"))
        yield one


async def test_a_credential_is_not_held_up_by_a_list_that_cannot_be_fetched_and_does_not_point_to_it(
    process: Process,
) -> None:
    assert await process.register() == ["revocation", "suspension"]
    process.withheld.add(Purpose.REFRESH)
    with pytest.raises(ListsNotReady):
        await process.add()
    assert all(one.member(Purpose.REFRESH) for one in await process.sets()), "it is recorded all the same"
    assert await process.register() == ["revocation", "suspension"]
    looks = process.looks
    assert await process.register() == ["revocation", "suspension"]
    assert process.looks == looks, "it is not looked for again at once"
    process.withheld.clear()
    await process.add()
    assert await process.register() == ["revocation", "suspension", "refresh"]


async def test_another_process_learns_at_its_next_registration(process: Process, opened: Any) -> None:
    async with sequencing(opened.writer) as writing:
        other = Process(writing, process.vault, process.issuer_id)
        assert await other.register() == ["revocation", "suspension"]
        await process.add()
        other.keeper._fetchable.clear()  # as after the second that a look counts for
        assert await other.register() == ["revocation", "suspension", "refresh"]


async def test_a_set_opened_later_has_what_the_newest_one_has(process: Process) -> None:
    await process.add()
    await process.add(ListShape(Purpose.TOKEN, status_size=2))
    await process.keeper.open_next(LOG, process.issuer_id)
    newest = (await process.sets())[-1]
    assert [member.purpose for member in newest.members] == ["revocation", "suspension", "refresh", "token"]
    assert newest.members[3].bits == 2
    urls = [member.url for one in await process.sets() for member in one.members]
    assert len(set(urls)) == len(urls), "each list has a URL of its own"


async def test_a_set_that_grows_while_the_next_is_opened_is_looked_at_again(process: Process) -> None:
    """Whatever comes first, in the end every set has the list."""
    await asyncio.gather(
        process.keeper.open_next(LOG, process.issuer_id),
        process.add(),
        process.keeper.open_next(LOG, process.issuer_id),
    )
    assert all(one.member(Purpose.REFRESH) for one in await process.sets())


async def test_asking_from_several_sides_at_once_adds_one_list_to_each_set(process: Process, opened: Any) -> None:
    before = len(await process.sets())
    answers = await asyncio.gather(*(process.add() for _ in range(8)))
    assert len({tuple(one.answer["statusLists"]) for one in answers}) == 1
    assert len({one.position for one in answers}) == 1
    conn = await asyncpg.connect(opened.superuser)
    query = "SELECT count(*) FROM events WHERE type = $1"
    assert await conn.fetchval(query, StatusListMemberAdded.__name__) == before
    await conn.close()
    with pytest.raises(StatusListDiffers):
        await process.commands.handle(ASKED, await another_shape(process))


async def another_shape(process: Process) -> AddListMembers:
    await process.add(ListShape(Purpose.TOKEN, status_size=2))
    shape = ListShape(Purpose.TOKEN, status_size=4)
    members = tuple((one.set_id, process.keeper.member(LOG, shape)) for one in await process.sets())
    return AddListMembers(system_clock(), process.issuer_id, Purpose.TOKEN, members)


async def given_out(process: Process, opened: Any, left: int) -> None:
    """As if all but *left* indices of the open set were given out."""
    await process.register()
    (one,) = [one for one in await process.sets() if one.is_open]
    number = SIZE - left - 1
    conn = await asyncpg.connect(opened.superuser)
    await conn.execute(
        "INSERT INTO status_list_allocations (log_name, list_set, number, index, position) VALUES ($1, $2, $3, $4, 1)",
        LOG,
        one.set_id,
        number,
        process.keeper.index(one.set_id, number),
    )
    await conn.close()


async def test_a_chunk_of_a_batch_may_begin_in_one_set_and_end_in_the_next(process: Process, opened: Any) -> None:
    await given_out(process, opened, left=30)
    async with sequencing(opened.writer) as writing:
        other = Process(writing, process.vault, process.issuer_id)
        rows = tuple(
            RegisterCredential(
                system_clock(), other.issuer_id, CredentialId(f"urn:{uuid4()}"), ("VerifiableCredential",)
            )
            for _ in range(100)
        )
        for one in (rows, rows):  # sent again, nothing changes
            command = CarryOutRows(system_clock(), other.issuer_id, one, first_row=1)
            outcome = await other.commands.handle(ASKED, command)
        assert counts_of(outcome.answer) == RowCounts(accepted=0, unchanged=100, rejected=0)
        told = outcome.answer["rows"]
        assert [shape for *_, shape, _ in told] == [0] * 30 + [1] * 70
        assert len({(shape, index) for *_, shape, index in told}) == 100
        assert len([one for one in await other.sets() if one.is_open]) == 2


async def test_the_next_set_is_ready_before_it_is_needed(process: Process) -> None:
    await process.register()
    process.keeper.want_next(LOG, process.issuer_id)
    await process.keeper.close()  # once the opening under way is over
    newest = (await process.sets())[-1]
    looks = process.looks
    assert process.keeper.index(newest.set_id, 0) in range(SIZE)
    assert [one.purpose for one in process.keeper.usable(newest)] == ["revocation", "suspension"]
    assert process.looks == looks


async def test_a_set_that_is_closed_is_forgotten(process: Process, opened: Any) -> None:
    await process.register()
    process.keeper.want_next(LOG, process.issuer_id)
    await process.keeper.close()
    *_, full, newest = await process.sets()
    async with sequencing(opened.writer) as writing:
        await writing.do(CloseListSet(system_clock(), process.issuer_id, full.set_id, "log-restored"))
    await process.register()
    await process.keeper.prepare(LOG, process.issuer_id)
    assert process.keeper.index(newest.set_id, 0) in range(SIZE)
    with pytest.raises(ListsNotReady):
        process.keeper.index(full.set_id, 0)


async def test_who_stops_does_not_wait_for_lists_to_be_published(process: Process) -> None:
    process.withheld.add(Purpose.REVOCATION)
    process.keeper._waits = Waits(total_s=3_600, every_s=0.01)
    process.keeper.want_next(LOG, process.issuer_id)
    while len([one for one in await process.sets() if one.is_open]) < 2:
        pass  # it is not open yet
    await asyncio.wait_for(process.keeper.close(), 60)
