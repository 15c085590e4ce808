"""The lists as they stood: the same as what was published then, whatever the history, and nothing that nobody saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.runner import Runner
from projections.status_lists import head_file, history
from projections.status_lists.history import History
from projections.status_lists.projector import STATUS_LISTS
from projections.status_lists.published_list import PublishedList, entries
from projections.status_lists.rendering import Secured, Unsecured
from projections.status_lists.representation import EMBEDDED, STATUSLIST_JWT
from projections.status_lists.words import word_of
from registry.domain.events import Purpose, StatusMessage
from registry.domain.names import IssuerId, LogName
from registry.errors import NotYetVisible, OutOfHistory, Unavailable
from tests.clock import FakeClock
from tests.projections.status_lists_world import World, cid, open_world, secure
from tests.servers import TestDatabase

MESSAGES = tuple(StatusMessage(status=f"{value:#x}", message=f"message {value}") for value in range(4))


@pytest.fixture
async def world(database: TestDatabase, clock: FakeClock, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, clock, tmp_path) as opened:
        yield opened


def told(world: World, **differently: Any) -> History:
    return History(world.pool, differently.pop("secure", secure), clock=world.clock, **differently)


async def publish(world: World) -> datetime:
    """Publish what is due, a second later than anything before; the moment it was published."""
    world.clock.advance(seconds=1)
    await world.project()
    await world.publisher().publish(world.log)
    return world.clock.now


async def list_ids(world: World) -> dict[str, UUID]:
    rows = await world.root.fetch("SELECT purpose, status_list_id FROM projections.status_list_members")
    return {row["purpose"]: row["status_list_id"] for row in rows}


async def indices_at(world: World, list_id: UUID, moment: datetime, told_by: History | None = None) -> dict[int, int]:
    """The first entries of the list as it stood, those that are not 0."""
    forms = await (told_by or told(world)).forms_at(world.log, list_id, moment)
    return first_entries(next(iter(forms.values())))


def first_entries(published: PublishedList) -> dict[int, int]:
    found = entries(published)
    return {index: value for index in range(8) if (value := found.value(index))}


async def test_between_two_publications_a_list_stands_as_the_earlier_one_left_it(world: World) -> None:
    issuer_id = world.issuer()
    first = await publish(world)
    world.history.revoke(issuer_id, cid(1))
    second = await publish(world)
    world.history.revoke(issuer_id, cid(2))
    third = await publish(world)
    revocation = (await list_ids(world))["revocation"]
    just_before = timedelta(microseconds=1)
    assert [await indices_at(world, revocation, at) for at in (first, second - just_before)] == [{}, {}]
    assert [await indices_at(world, revocation, at) for at in (second, third - just_before)] == [{1: 1}, {1: 1}]
    assert await indices_at(world, revocation, third) == {1: 1, 2: 1}


async def test_a_list_states_the_validity_of_then_and_is_signed_now(world: World) -> None:
    issuer_id = world.issuer()
    then = await publish(world)
    published = await world.root.fetchrow(
        "SELECT * FROM projections.published_status_lists WHERE purpose = 'revocation'"
    )
    world.clock.advance(seconds=30 * 86_400)
    world.history.revoke(issuer_id, cid(0))
    await publish(world)
    forms = await told(world).forms_at(world.log, published["status_list_id"], then)
    document, before = orjson.loads(forms[EMBEDDED].body), orjson.loads(published["body"])
    assert {name: document[name] for name in document if name != "proof"} == {
        name: before[name] for name in before if name != "proof"
    }
    assert (forms[EMBEDDED].valid_from, forms[EMBEDDED].valid_until) == (
        published["valid_from"],
        published["valid_until"],
    )
    assert {one.sequence for one in forms.values()} == {published["sequence"]}
    assert set(forms) > {EMBEDDED, STATUSLIST_JWT}


async def test_before_it_was_published_and_after_now_there_is_no_list(world: World) -> None:
    world.issuer()
    first = await publish(world)
    revocation = (await list_ids(world))["revocation"]
    with pytest.raises(OutOfHistory, match="not published yet"):
        await indices_at(world, revocation, first - timedelta(microseconds=1))
    with pytest.raises(OutOfHistory, match="future"):
        await indices_at(world, revocation, first + timedelta(microseconds=1))
    with pytest.raises(OutOfHistory):
        await told(world).forms_at(LogName("other"), revocation, first)
    with pytest.raises(OutOfHistory):
        await told(world).forms_at(world.log, UUID(int=1), first)


async def test_a_list_added_later_has_no_past_before_it_was_added(world: World) -> None:
    issuer_id = world.issuer()
    world.history.supersede(issuer_id, cid(0), cid(1))
    first = await publish(world)
    world.history.add_member(issuer_id, Purpose.REFRESH)
    second = await publish(world)
    refresh = (await list_ids(world))["refresh"]
    with pytest.raises(OutOfHistory):
        await indices_at(world, refresh, first)
    assert await indices_at(world, refresh, second) == {0: 1}


@dataclass
class Seen:
    """What the world saw of a list from a moment on."""

    at: datetime
    position: int
    values: dict[int, int]


STEPS = st.one_of(
    st.tuples(st.sampled_from(["revoke", "suspend", "reinstate", "supersede", "again"]), st.integers(0, 3)),
    st.tuples(st.just("message"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.sampled_from(["publish", "publish", "wait"])),
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=24), picks=st.lists(st.integers(0, 200), min_size=3, max_size=6))
async def test_a_list_at_any_moment_is_what_was_published_and_a_fold_of_the_log(
    world: World, steps: list[tuple[Any, ...]], picks: list[int]
) -> None:
    issuer_id = await fresh_issuer(world)
    began, seen = world.clock.now, await saw(world, issuer_id, {})
    for step in steps:
        take(world, issuer_id, step)
        world.clock.advance(seconds=2)
        if step[0] == "publish":
            await world.project()
            await world.publisher().publish(world.log)
            seen = await saw(world, issuer_id, seen)
    await world.project()
    past = told(world)
    for seconds in picks:
        moment = min(began + timedelta(seconds=seconds / 2), world.clock.now)
        for list_id, versions in seen.items():
            then = next((one for one in reversed(versions) if one.at <= moment), None)
            if then is None:
                with pytest.raises(OutOfHistory):
                    await past.forms_at(world.log, list_id, moment)
                continue
            assert await indices_at(world, list_id, moment, past) == then.values
            some = await past.entries_at(world.log, list_id, [0, 1, 2, 3, 7, 2**40], moment)
            assert {index: value for index, value in some.values.items() if value} == then.values
            assert (some.version.position, some.size) == (then.position, 131_072)
            if some.purpose != Purpose.TOKEN:
                assert folded(world, list_id, then.position) == then.values


def take(world: World, issuer_id: IssuerId, step: tuple[Any, ...]) -> None:
    """Do what the domain allows of *step*."""
    what, *arguments = step
    said = world.history
    try:
        match what:
            case "revoke" | "suspend" | "reinstate":
                getattr(said, what)(issuer_id, own(issuer_id, arguments[0]))
            case "supersede":
                said.supersede(issuer_id, own(issuer_id, arguments[0]), own(issuer_id, (arguments[0] + 1) % 4))
            case "message":
                said.message(issuer_id, own(issuer_id, arguments[0]), arguments[1])
            case "again":
                said.record(said.recorded[-1].stream, said.recorded[-1].event)  # a fact that moves nothing
    except Exception as refused:
        if type(refused).__module__ != "registry.errors":
            raise


async def fresh_issuer(world: World) -> IssuerId:
    """An issuer of its own for each example, with every kind of list."""
    issuer_id = world.history.issuer(f"issuer-{len(world.history.recorded)}")
    world.history.add_member(issuer_id, Purpose.REFRESH)
    world.history.add_member(issuer_id, Purpose.MESSAGE, status_size=2, messages=MESSAGES)
    world.history.add_member(issuer_id, Purpose.TOKEN, status_size=2)
    for number in range(4):
        world.history.credential(issuer_id, own(issuer_id, number))
    await world.project()
    return issuer_id


def own(issuer_id: IssuerId, number: int) -> str:
    return f"urn:{issuer_id}:{number}"


async def saw(world: World, issuer_id: IssuerId, before: dict[UUID, list[Seen]]) -> dict[UUID, list[Seen]]:
    """What the world sees now of the issuer's lists, appended to what it saw *before*."""
    rows = await world.root.fetch(
        "SELECT p.status_list_id, p.published_at, p.position, p.body, f.content FROM projections.status_list_sets s"
        "  JOIN projections.status_list_members m USING (log_name, list_set)"
        "  LEFT JOIN projections.published_status_lists p USING (log_name, status_list_id)"
        "  LEFT JOIN projections.published_forms f"
        "    ON f.status_list_id = p.status_list_id AND f.media_type = 'application/statuslist+jwt'"
        " WHERE s.issuer_id = $1",
        issuer_id,
    )
    for row in (row for row in rows if row["status_list_id"] is not None):
        versions = before.setdefault(row["status_list_id"], [])
        if not versions or versions[-1].at < row["published_at"]:
            versions.append(Seen(row["published_at"], row["position"], first_entries(as_published(row))))
    return before


def as_published(row: Any) -> PublishedList:
    body, media_type = (row["body"], EMBEDDED) if row["body"] else (row["content"], STATUSLIST_JWT)
    rest = dict.fromkeys(name for name in PublishedList.__dataclass_fields__ if name not in ("body", "media_type"))
    return PublishedList(body=body, media_type=media_type, **rest)  # type: ignore[arg-type]  # nothing else is read


def folded(world: World, list_id: UUID, position: int) -> dict[int, int]:
    """A list as its facts tell it, one after another."""
    recorded = world.history.recorded
    key = next(
        (one.event.set_id, member.purpose)
        for one in recorded
        for member in (*getattr(one.event, "members", ()), getattr(one.event, "member", None))
        if member is not None and member.status_list_id == list_id
    )
    values: dict[int, int] = {}
    for one in recorded[:position]:
        word = word_of(one.event)
        if word is not None and word[0][:2] == key:
            values[word[0][2]] = word[1]
    return {index: value for index, value in values.items() if value}


# ── after a restore ──────────────────────────────────────────────────────────────────────────────────────────


async def test_after_a_restore_the_past_is_what_the_world_saw_except_for_what_was_lost(world: World) -> None:
    issuer_id = world.issuer()
    before = await publish(world)
    restored_to = len(world.history.recorded)
    world.history.revoke(issuer_id, cid(0))
    lost = await publish(world)
    head = head_file.read(world.directory, world.log)
    assert head is not None
    await world.restore(restored_to)
    world.accept_restore(head.position, head.hash, restored_to)
    world.history.revoke(issuer_id, cid(1))
    after = await publish(world)
    world.history.revoke(issuer_id, cid(2))
    later = await publish(world)
    revocation = (await list_ids(world))["revocation"]
    assert await indices_at(world, revocation, before) == {}
    with pytest.raises(OutOfHistory, match="lost"):
        await indices_at(world, revocation, lost)
    assert await indices_at(world, revocation, after) == {0: 1, 1: 1}, "what was published as revoked stayed so"
    assert await indices_at(world, revocation, later) == {0: 1, 1: 1, 2: 1}
    some = await told(world).entries_at(world.log, revocation, [0, 3], after)
    assert (some.values.get(0, 0), some.values.get(3, 0)) == (1, 0)


async def test_what_a_restore_may_have_lost_is_not_guessed(world: World) -> None:
    """All of the database was restored: that anything was published after the restored point, it does not know."""
    issuer_id = world.issuer()
    first = await publish(world)
    world.history.suspend(issuer_id, cid(0))
    second = await publish(world)
    restored_to = len(world.history.recorded)
    world.history.suspend(issuer_id, cid(1))
    lost = await publish(world)
    head = head_file.read(world.directory, world.log)
    assert head is not None
    await world.restore(restored_to)
    await world.root.execute("DELETE FROM projections.published_versions WHERE position > $1", restored_to)
    world.accept_restore(head.position, head.hash, restored_to)
    after = await publish(world)
    suspension = (await list_ids(world))["suspension"]
    assert await indices_at(world, suspension, first) == {}
    for moment in (second, lost, after - timedelta(microseconds=1)):
        with pytest.raises(OutOfHistory, match="lost"):
            await indices_at(world, suspension, moment)
    assert await indices_at(world, suspension, after) == {0: 1}


# ── being asked ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_version_is_made_once_however_many_ask_for_it(world: World) -> None:
    world.issuer()
    moment = await publish(world)
    signed = 0

    async def counted(log: LogName, unsecured: Unsecured) -> Secured:
        nonlocal signed
        signed += 1
        return await secure(log, unsecured)

    past = told(world, secure=counted)
    revocation = (await list_ids(world))["revocation"]
    world.clock.advance(seconds=60)
    moments = [moment + timedelta(seconds=seconds) for seconds in range(30)]
    answers = await asyncio.gather(*(past.forms_at(world.log, revocation, at) for at in moments))
    assert signed == 1
    assert all(one is answers[0] for one in answers)


async def test_what_was_made_is_made_anew_after_a_minute(world: World) -> None:
    """Perhaps by another key: the one that signed may have been compromised since."""
    world.issuer()
    moment = await publish(world)
    seconds = 0.0
    past = told(world, monotonic=lambda: seconds)
    revocation = (await list_ids(world))["revocation"]
    first = await past.forms_at(world.log, revocation, moment)
    seconds = history.KEPT_S - 0.1
    assert await past.forms_at(world.log, revocation, moment) is first
    seconds = history.KEPT_S
    assert await past.forms_at(world.log, revocation, moment) is not first


async def test_what_is_kept_is_bounded(world: World) -> None:
    issuer_id = world.issuer()
    moments = [await publish(world)]
    for number in range(3):
        world.history.revoke(issuer_id, cid(number))
        moments.append(await publish(world))
    past = told(world, max_bytes=1)
    revocation = (await list_ids(world))["revocation"]
    for number, moment in enumerate(moments):
        assert len(await indices_at(world, revocation, moment, past)) == number
    assert len(past._kept) == 1


async def test_too_many_at_once_are_asked_to_come_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.issuer()
    moment = await publish(world)
    monkeypatch.setattr(history, "MOST_WAITING", 1)
    began, release = asyncio.Event(), asyncio.Event()

    async def slow(log: LogName, unsecured: Unsecured) -> Secured:
        began.set()
        await release.wait()
        return await secure(log, unsecured)

    past, lists = told(world, secure=slow), await list_ids(world)
    first = asyncio.ensure_future(past.forms_at(world.log, lists["revocation"], moment))
    await began.wait()
    with pytest.raises(Unavailable):
        await past.forms_at(world.log, lists["suspension"], moment)
    release.set()
    assert await first


async def test_while_the_read_side_is_rebuilt_the_past_is_told_in_a_moment(world: World) -> None:
    world.issuer()
    moment = await publish(world)
    revocation = (await list_ids(world))["revocation"]
    await world.forget_projection()
    with pytest.raises(NotYetVisible):
        await told(world).forms_at(world.log, revocation, moment)
    await Runner(world.database.projector, [STATUS_LISTS]).catch_up()
    assert await indices_at(world, revocation, moment) == {}
