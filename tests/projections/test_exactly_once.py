"""Projecting in one go, in any batches, or with a crash at any point gives the same rows, and the domain's answers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections import generations
from projections.advance import Overtaken, Target, advance, read_batch
from projections.catalog import PROJECTIONS
from projections.checkpoints import standing
from projections.credential_status import view as credential_status
from projections.issuer_directory import view as issuer_directory
from projections.runner import Runner
from registry.domain.commands import SupersedeCredential
from registry.domain.credential import Credential
from registry.domain.events import Purpose, Reason, StatusMessage, StatusProfile
from registry.domain.issuer import Issuer
from registry.domain.names import CredentialId, LogName, issuer_stream, lists_stream
from registry.errors import ListsNotReady, Refused
from registry.log.connection import LOST
from tests.builders import History, a_profile, identity
from tests.projections.writing import write

OPERATIONS = (
    "register issuer", "adopt a DID", *("rotate the key",) * 2,
    "describe issuer", "suspend issuer", "reinstate issuer", "withdraw issuer",
    "open a set", "close a set", *("register",) * 5, *("secure",) * 3, *("suspend",) * 3, "suspend earlier",
    *("reinstate",) * 4, "revoke", "supersede", "supersede and revoke",
    "add a list", *("message",) * 2, "open an own list", *("set an entry",) * 2,
)  # fmt: skip

Step = tuple[str, int, int]

_MESSAGES = tuple(StatusMessage(status=f"{value:#x}", message=f"m\x00{value}") for value in range(4))
SHAPES: tuple[dict[str, Any], ...] = ({}, {"status_size": 2}, {"status_size": 2, "messages": _MESSAGES})
"""Of refresh, token and message lists."""


def grow(history: History, step: Step) -> None:
    """Carry out one step, if the domain allows it."""
    operation, one, other = step
    slug, credential = f"issuer-{one}", f"urn:credential:{other}"
    issuer = identity(0, f"issuer {slug}")
    if issuer_stream(issuer) not in history.states:
        operation = "register issuer"
    sets = history.states.get(lists_stream(issuer)) or ()
    match operation:
        case "register issuer":
            profile = StatusProfile.OB3 if one == 2 else StatusProfile.VC2
            history.issuer(slug, profile=a_profile(f"Issuer\x00 {one}"), status_profile=profile)
        case "adopt a DID":
            history.adopt_did(issuer, f"did:key:{one}-{other}")
        case "rotate the key":
            history.rotate_key(issuer, since=history.at if other else None)
        case "describe issuer":
            profile = {"name": f"Renamed {other}", "identifiers": {"ctid": f"ce-{other}"}}
            history.update_issuer(issuer, profile=profile, public_reasons=other % 2 == 0)
        case "suspend issuer":
            history.suspend_issuer(issuer)
        case "reinstate issuer":
            history.reinstate_issuer(issuer)
        case "withdraw issuer" if other == 0:
            history.withdraw_issuer(issuer)
        case "open a set":
            history.open_set(issuer)
        case "close a set" if other:
            history.close_set(issuer, sets[-1].set_id)
        case "register":
            history.credential(issuer, credential, valid_until="2030-01-01T00:00:00Z")
        case "secure":
            history.secure(issuer, credential)
        case "suspend":
            history.suspend(issuer, credential, Reason.INVESTIGATION)
        case "suspend earlier":
            history.suspend(issuer, credential, effective_at=history.at - timedelta(days=1))
        case "reinstate":
            history.reinstate(issuer, credential)
        case "revoke":
            history.revoke(issuer, credential, Reason.FRAUD)
        case "add a list":
            history.add_member(issuer, (Purpose.REFRESH, Purpose.TOKEN, Purpose.MESSAGE)[other], **SHAPES[other])
        case "message":
            history.message(issuer, credential, other)
        case "open an own list":
            history.open_own_list(issuer, Purpose.SUSPENSION)
        case "set an entry":
            history.set_entry(issuer, index=other, value=int(history.at.second % 2))
        case "supersede" | "supersede and revoke":
            by = CredentialId(f"urn:credential:{(other + 1) % 3}")
            revoke = operation == "supersede and revoke"
            history.change(SupersedeCredential(history.tick(), issuer, CredentialId(credential), by, revoke=revoke))


@dataclass
class Crashing:
    """Projects a log in batches of the given sizes; before each, a crash may happen, and everything is read again."""

    dsn: str
    log: LogName
    conn: asyncpg.Connection

    async def project(self, sizes: Sequence[int], crashes: Sequence[str]) -> None:
        for number in count():
            position, targets = await self.stand()
            batch = await read_batch(self.conn, self.log, position, sizes[number % len(sizes)])
            if not batch:
                return
            crash = crashes[number] if number < len(crashes) else "none"
            await self.crash(crash, targets, position, batch)
            with suppress(Overtaken):
                await advance(self.conn, self.log, targets, position, batch)

    async def stand(self) -> tuple[int, list[Target]]:
        live = [generations.current(await generations.known(self.conn), one.name) for one in PROJECTIONS]
        stands = await standing(self.conn, live)
        targets = [Target(one, row.generation) for one, row in zip(PROJECTIONS, live, strict=True)]
        return max(stands[self.log, one.name] for one in PROJECTIONS), targets

    async def crash(self, how: str, targets: list[Target], position: int, batch: Any) -> None:
        match how:
            case "after the rows" | "after some of the rows":
                last = targets[-1] if how == "after the rows" else targets[len(batch) % 2]
                broken = [one if one is not last else self.broken(one) for one in targets]
                with pytest.raises(ZeroDivisionError):
                    await advance(self.conn, self.log, broken, position, batch)
            case "of the backend":
                with pytest.raises((*LOST, asyncpg.PostgresError)):
                    await advance(self.conn, self.log, [*targets[:-1], self.killed(targets[-1])], position, batch)
                self.conn = await asyncpg.connect(self.dsn)
            case "after the commit":  # it failed, but persisted
                await advance(self.conn, self.log, targets, position, batch)

    def broken(self, target: Target) -> Target:
        async def project(conn: Any, log: LogName, batch: Any) -> None:
            await target.projection.project(conn, log, batch)
            raise ZeroDivisionError

        return replace(target, projection=replace(target.projection, project=project))

    def killed(self, target: Target) -> Target:
        async def project(conn: Any, log: LogName, batch: Any) -> None:
            await target.projection.project(conn, log, batch)
            await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        return replace(target, projection=replace(target.projection, project=project))


async def rows_of_log(conn: asyncpg.Connection, log: LogName) -> dict[str, list[str]]:
    """All rows of a log without its name, in a fixed order."""
    rows = {}
    for table in (table for projection in PROJECTIONS for table in projection.tables):
        found = await conn.fetch(f"SELECT * FROM projections.{table} WHERE log_name = $1", log)
        rows[table] = sorted(repr({name: value for name, value in row.items() if name != "log_name"}) for row in found)
    return rows


async def holds_what_the_domain_says(conn: asyncpg.Connection, log: LogName, history: History) -> None:
    for state in history.states.values():
        match state:
            case Credential(registered=registered):
                row = await credential_status.status_of(conn, log, registered.credential_id, str(registered.issuer_id))
                secured = state.secured.digest_sha256 if state.secured else None
                assert (row.status, row.reason, row.since, row.position, row.superseded_by, row.digest_sha256) == (
                    state.status, state.reason, state.since, state.position, state.superseded_by, secured,
                )  # fmt: skip
                assert (row.issuer.did, row.index) == (registered.issuer_did, registered.allocation.index)
                assert (row.purposes, row.profile) == (registered.purposes, registered.profile)
                assert row.message_value == state.message
            case Issuer():
                entry = await issuer_directory.issuer(conn, log, state.slug)
                assert (entry.status, entry.since, entry.did) == (state.status, state.since, state.did)
                assert (entry.name, entry.position) == (state.profile.name.replace("\x00", "\ufffd"), state.position)
                assert entry.identifiers == state.profile.identifiers
                methods = await issuer_directory.methods(conn, log, state.slug)
                keys = [(key.method.id, key.since, key.state, key.until) for key in state.keys.all]
                assert [(one.method_id, one.added_at, one.state, one.until) for one in methods] == keys


_numbers = count()

# Long histories of few credentials: most steps then find something to change.
steps = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.sampled_from([0, 0, 0, 1, 2]), st.sampled_from([0, 0, 1, 2])),
    min_size=40,
    max_size=80,
)
sizes = st.lists(st.integers(1, 12), min_size=1, max_size=8)
crashes = st.lists(
    st.sampled_from(["none", "after the rows", "after some of the rows", "after the commit", "of the backend"]),
    max_size=10,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # logs differ per example
)
@given(steps=steps, sizes=sizes, crashes=crashes)
async def test_one_go_any_batches_and_crashes_give_the_same_rows_and_the_domains_answers(
    database, steps, sizes, crashes
):
    history = History()
    for step in steps:
        with suppress(Refused, ListsNotReady):
            grow(history, step)
    number = next(_numbers)
    logs = [LogName(f"{how}-{number}") for how in ("whole", "batched", "crashed")]
    for log in logs:
        history.log = log
        await write(database.owner, history)
    await Runner(database.projector, PROJECTIONS, logs=logs[:1]).catch_up()
    conn = await asyncpg.connect(database.projector)
    for log in logs[1:]:
        for live in await generations.known(conn):
            await generations.begin(conn, live, [log])
    await conn.close()
    for log, planned in ((logs[1], []), (logs[2], crashes)):
        one = Crashing(database.projector, log, await asyncpg.connect(database.projector))
        await one.project(sizes, planned)
        await one.conn.close()
    reader = await asyncpg.connect(database.writer)
    whole, batched, crashed = [await rows_of_log(reader, log) for log in logs]
    await holds_what_the_domain_says(reader, logs[2], history)
    await reader.close()
    assert whole == batched
    assert whole == crashed
