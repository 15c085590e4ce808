"""A log filled in bulk is one that the service could have written, and goes on writing."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.catalog import PROJECTIONS
from registry.app import Process, utc_now
from registry.commands.idempotency import system
from registry.domain.commands import RegisterCredential, RevokeCredential
from registry.domain.credential import PURPOSES
from registry.domain.events import Allocation, CredentialRegistered, Recorded
from registry.domain.names import CredentialId, LogName, Stream, credential_stream
from registry.domain.parts import Reason, StatusProfile
from registry.errors import LoadRefused
from registry.lifetime import Databases
from registry.loading import Plan, _require_trial, load, load_as_set
from registry.log.append import open_log
from registry.log.codec import encode
from registry.log.connection import connect
from registry.log.pages import Stencil
from registry.log.verify import verify
from registry.vault.master import MasterKeys
from tests import oracle
from tests.interop.truth import published
from tests.service import service_settings

LOG = LogName("main")
ORIGIN = "http://127.0.0.1:8080"
MASTER = MasterKeys.from_text("a:" + base64.b64encode(bytes(range(32))).decode())
PLAN = Plan(
    credentials=3_000, issuers=9, list_size=256, secured=0.2, revoked=0.05, suspended=0.1, superseded=0.1, seed=7
)


async def test_a_load_is_a_log_like_any_other(database: Any) -> None:
    told: list[tuple[int, int]] = []
    head = await load(
        database.owner, LOG, ORIGIN, PLAN, MASTER, progress=lambda done, total: told.append((done, total))
    )
    checked = await oracle.check(database.superuser)
    conn = await connect(database.writer)
    assert await verify(conn, LOG) == head
    await conn.close()
    assert told[-1] == (PLAN.credentials, PLAN.credentials)
    registered = Counter(event["issuer_id"] for event in checked.of_type("CredentialRegistered"))
    assert [registered[str(PLAN.issuer_id(n))] for n in range(PLAN.issuers)] == PLAN.sizes()
    names = {event["credential_id"] for event in checked.of_type("CredentialRegistered")}
    assert PLAN.credential_id(0, PLAN.sizes()[0] - 1) in names
    for name, share in {
        "Secured": 0.2,
        "Revoked": 0.05,
        "Suspended": 0.075,
        "Reinstated": 0.04,
        "Superseded": 0.1,
    }.items():
        assert len(checked.of_type(f"Credential{name}")) == pytest.approx(PLAN.credentials * share, rel=0.5)


async def test_sets_are_opened_ahead_and_closed_when_they_are_full(database: Any) -> None:
    await load(database.owner, LOG, ORIGIN, PLAN, MASTER)
    checked = await oracle.check(database.superuser)
    given: Counter[str] = Counter()
    opened: set[str] = set()
    for body in checked.events:
        event = body["event"]
        match event["type"]:
            case "StatusListSetOpened":
                opened.add(event["set_id"])
            case "StatusListSetClosed":
                assert given[event["set_id"]] == PLAN.list_size
                opened.remove(event["set_id"])
            case "CredentialRegistered":
                assert event["allocation"]["set_id"] in opened
                given[event["allocation"]["set_id"]] += 1
    assert len(checked.of_type("StatusListSetClosed")) >= 4
    assert max(given.values()) == PLAN.list_size


async def test_the_service_serves_it_and_goes_on_registering(database: Any, tmp_path: Path) -> None:
    settings = service_settings(tmp_path / "home")
    master = MasterKeys.generate_file(settings.master_key_path)
    head = await load(database.owner, LOG, settings.origins[LOG], PLAN, master)
    databases = Databases(database.writer, database.writer, database.writer, database.projector)
    async with Process(settings, databases, door=True, projecting=True).running() as process:
        assert process.commands is not None
        assert process.progress is not None
        for issuer in range(PLAN.issuers):
            await _goes_on(process.commands, issuer)
        for projection in PROJECTIONS:
            await process.progress.reach(LOG, projection.name, head.position, timeout_s=30)
        checked = await oracle.check(database.superuser)
        lists = await _published(database.superuser, len(checked.of_type("StatusListSetOpened")) * 2)
    oracle.check_published(checked, lists)


async def _goes_on(commands: Any, issuer: int) -> None:
    issuer_id = PLAN.issuer_id(issuer)
    assert await commands.issuer_id(LOG, PLAN.slug(issuer)) == issuer_id
    new = RegisterCredential(utc_now(), issuer_id, CredentialId("urn:new"), ("VerifiableCredential",))
    await commands.handle(system(LOG, "test"), new)
    old = RevokeCredential(utc_now(), issuer_id, PLAN.credential_id(issuer, 0), Reason.FRAUD)
    await commands.handle(system(LOG, "test"), old)


async def _published(dsn: str, lists: int) -> list[oracle.Published]:
    """Return all forms of all lists, once every list is there."""
    async with asyncio.timeout(60):
        while True:
            found = await published(dsn)
            if len({one.list_id for one in found}) >= lists:
                return found
            await asyncio.sleep(0.1)


async def test_a_log_that_holds_anything_is_refused(database: Any) -> None:
    small = replace(PLAN, credentials=20, issuers=2)
    await load(database.owner, LOG, ORIGIN, small, MASTER)
    with pytest.raises(LoadRefused, match="nothing but its opening"):
        await load(database.owner, LOG, ORIGIN, small, MASTER)
    await oracle.check(database.superuser)


async def test_an_opened_log_and_a_neighbour_keep_what_they_have(database: Any) -> None:
    conn = await connect(database.owner)
    await open_log(conn, LOG, ORIGIN, datetime.now(UTC))
    await open_log(conn, LogName("other"), "https://other.example", datetime.now(UTC))
    small = replace(PLAN, credentials=600, issuers=2)
    await load(database.owner, LogName("other"), "https://other.example", small, MASTER)
    await load(database.owner, LOG, ORIGIN, small, MASTER)
    await conn.close()
    await oracle.check(database.superuser)
    await oracle.check(database.superuser, "other")


async def test_an_interrupted_load_leaves_nothing(database: Any) -> None:
    def stop(done: int, total: int) -> None:
        if done > 1_000:
            raise KeyError("stop")

    with pytest.raises(KeyError):
        await load(database.owner, LOG, ORIGIN, PLAN, MASTER, progress=stop)
    conn = await asyncpg.connect(database.superuser)
    assert await conn.fetchval("SELECT count(*) FROM log_heads") == 0
    assert await conn.fetchval("SELECT count(*) FROM vault.permutation_keys") == 0
    await conn.close()
    await load(database.owner, LOG, ORIGIN, PLAN, MASTER)  # with keys and indexes as they were
    await oracle.check(database.superuser)


async def test_processes_make_the_same_as_one(database: Any) -> None:
    small = replace(PLAN, credentials=900)
    await load(database.owner, LOG, ORIGIN, small, MASTER, processes=2)
    await load(database.owner, LogName("one"), ORIGIN, small, MASTER, processes=0)
    said = []
    for log in ("main", "one"):
        events = (await oracle.check(database.superuser, log)).events
        said.append([(one["version"], one["event"]["type"], one["event"].get("credential_id")) for one in events])
    assert said[0] == said[1]


async def test_keys_and_indexes_are_there_again(database: Any) -> None:
    await load(database.owner, LOG, ORIGIN, replace(PLAN, credentials=50, issuers=1), MASTER)
    conn = await asyncpg.connect(database.superuser)
    dropped = await conn.fetch(
        "SELECT conrelid::regclass::text AS name, contype FROM pg_constraint WHERE contype IN ('p', 'u')"
        " AND conrelid::regclass::text IN ('events', 'status_list_allocations')"
    )
    await conn.close()
    assert Counter(row["name"] for row in dropped) == {"events": 2, "status_list_allocations": 2}


TEXT = st.text('abcXYZ019-:/%.é"\\', min_size=1, max_size=30)


@given(
    names=st.lists(TEXT, min_size=1, max_size=4),
    profile=st.sampled_from(StatusProfile),
    achievement=st.none() | TEXT,
    until=st.none() | TEXT,
    place=st.tuples(st.integers(0, 1 << 26), st.integers(0, 1 << 26)),
    ids=st.tuples(st.uuids(), st.uuids(), st.uuids()),
    salt=st.binary(min_size=16, max_size=16),
)
def test_a_stencil_writes_what_the_codec_writes(
    names: list[str], profile: StatusProfile, achievement: str | None, until: str | None,
    place: tuple[int, int], ids: tuple[UUID, UUID, UUID], salt: bytes,
) -> None:  # fmt: skip
    at = datetime(2026, 5, 4, 3, 2, 1, 5, tzinfo=UTC)
    credential = f"urn:uuid:{ids[2]}"
    stream = credential_stream(PLAN.issuer_id(0), CredentialId(credential))
    event = CredentialRegistered(
        issuer_id=PLAN.issuer_id(0), credential_id=credential, credential_types=tuple(names), issuer_did=names[0],
        profile=profile, purposes=PURPOSES[profile], valid_until=until, achievement_id=achievement,
        allocation=Allocation(set_id=ids[0], number=place[0], index=place[1]),
    )  # fmt: skip
    recorded = Recorded(0, stream, 1, at, at, names[-1], "request", ids[1], event)
    other = event.model_copy(update={"credential_id": "x", "allocation": Allocation(set_id=ids[0], number=3, index=4)})
    example = Recorded(0, Stream("y"), 1, at, at, names[-1], "request", UUID(int=5), other)
    stencil = Stencil.of("log", example)
    assert stencil.filled(place[1], place[0], credential, ids[1], salt.hex(), stream) == encode("log", salt, recorded)


async def test_a_deployment_is_filled_with_its_own_settings(database: Any, tmp_path: Path) -> None:
    settings = service_settings(tmp_path, owner_database_url=database.owner, list_size=1 << 18)
    MasterKeys.generate_file(settings.master_key_path)
    few = replace(PLAN, credentials=20, issuers=2)
    await load_as_set(settings, "main", few, lambda _done, _total: None, is_meant=False)
    checked = await oracle.check(database.superuser)
    assert {event["size"] for event in checked.of_type("StatusListSetOpened")} == {1 << 18}
    assert {event["origin"] for event in checked.of_type("LogOpened")} == {settings.origins[LOG]}


def test_only_where_things_are_tried_out_unless_it_is_meant() -> None:
    with pytest.raises(LoadRefused, match="REGISTRY_ENV is live"):
        _require_trial("live", is_meant=False)
    _require_trial("live", is_meant=True)
    _require_trial("test", is_meant=False)


def test_sizes_follow_zipf_and_add_up() -> None:
    sizes = Plan(credentials=1_000_000).sizes()
    assert sum(sizes) == 1_000_000
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(10 * sizes[9], rel=0.01)
    assert sum(count for _, count in Plan(credentials=10_000, issuers=5).runs()) == 10_000
