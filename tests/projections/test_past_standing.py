"""Where credentials stood at a moment: what the registry would have answered then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.credential_status.past import statuses_at
from projections.credential_status.view import Ambiguous
from registry.domain.credential import Credential, Status
from registry.domain.events import Purpose, Reason, StatusMessage
from registry.domain.names import CredentialId, LogName, credential_stream
from registry.domain.streams import evolve
from registry.errors import RegistryError
from tests.builders import LOG, History
from tests.projections.reading import projected

JUST_BEFORE = timedelta(microseconds=1)


async def test_a_credential_stood_as_its_events_had_it_then(database: Any) -> None:
    history = History()
    issuer = history.issuer()
    [registered] = history.credential(issuer, "urn:a")
    history.credential(issuer, "urn:b")
    [suspended] = history.suspend(issuer, "urn:a", Reason.INVESTIGATION)
    [reinstated] = history.reinstate(issuer, "urn:a")
    [superseded] = history.supersede(issuer, "urn:a", "urn:b")
    [revoked] = history.revoke(issuer, "urn:a", Reason.FRAUD)
    expected = [
        (registered.recorded_at - JUST_BEFORE, None, None),
        (registered.recorded_at, Status.ACTIVE, None),
        (suspended.recorded_at - JUST_BEFORE, Status.ACTIVE, None),
        (suspended.recorded_at, Status.SUSPENDED, Reason.INVESTIGATION),
        (reinstated.recorded_at, Status.ACTIVE, None),
        (superseded.recorded_at, Status.SUPERSEDED, Reason.SUPERSEDED),
        (revoked.recorded_at, Status.REVOKED, Reason.FRAUD),
    ]
    async with projected(database, history) as conn:
        for moment, status, reason in expected:
            stood = await statuses_at(conn, LOG, [("urn:a", None)], moment)
            [found] = stood.found
            assert (getattr(found, "status", None), getattr(found, "reason", None)) == (status, reason)
            assert stood.position == max(one.position for one in history.recorded if one.recorded_at <= moment)


async def test_a_change_counts_from_its_recording_not_from_when_it_is_said_to_hold(database: Any) -> None:
    history = History()
    issuer = history.issuer()
    [registered] = history.credential(issuer, "urn:a")
    [revoked] = history.revoke(issuer, "urn:a", effective_at=registered.recorded_at)
    async with projected(database, history) as conn:
        before = await statuses_at(conn, LOG, [("urn:a", None)], revoked.recorded_at - JUST_BEFORE)
        assert [one.status for one in before.found] == [Status.ACTIVE]  # type: ignore[union-attr]  # it is a row


async def test_an_id_is_ambiguous_only_since_a_second_issuer_uses_it(database: Any) -> None:
    history = History()
    first, second = history.issuer("first"), history.issuer("second")
    [alone] = history.credential(first, "urn:both")
    [together] = history.credential(second, "urn:both")
    async with projected(database, history) as conn:
        [found] = (await statuses_at(conn, LOG, [("urn:both", None)], alone.recorded_at)).found
        assert getattr(found, "status", None) is Status.ACTIVE
        [found] = (await statuses_at(conn, LOG, [("urn:both", None)], together.recorded_at)).found
        assert found == Ambiguous("urn:both", ("first", "second"))
        [found] = (await statuses_at(conn, LOG, [("urn:both", "second")], alone.recorded_at)).found
        assert found is None


async def test_nothing_was_registered_before_the_log_began(database: Any) -> None:
    history = History()
    history.credential(history.issuer(), "urn:a")
    async with projected(database, history) as conn:
        long_ago = datetime(1999, 1, 1, tzinfo=UTC)
        stood = await statuses_at(conn, LOG, [("urn:a", None), ("urn:b", None)], long_ago)
        assert (stood.position, stood.found) == (0, [None, None])


_LOGS = count(1)

CHANGES = st.lists(
    st.tuples(st.sampled_from(["revoke", "suspend", "reinstate", "supersede", "message"]), st.integers(0, 2)),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, seconds=st.integers(-2, 40))
async def test_every_standing_is_a_fold_of_the_events_up_to_then(
    database: Any, changes: list[tuple[str, int]], seconds: int
) -> None:
    history = History(log=LogName(f"log-{next(_LOGS)}"))
    issuer = history.issuer()
    messages = tuple(StatusMessage(status=f"{value:#x}", message="m") for value in range(4))
    history.add_member(issuer, Purpose.MESSAGE, status_size=2, messages=messages)
    names = [f"urn:{number}" for number in range(3)]
    for name in names:
        history.credential(issuer, name)
    for what, number in changes:
        more = {"supersede": (names[(number + 1) % 3],), "message": (number,)}.get(what, ())
        try:
            getattr(history, what)(issuer, names[number], *more)
        except RegistryError:
            continue
    moment = history.recorded[0].recorded_at + timedelta(seconds=seconds)
    streams = {credential_stream(issuer, CredentialId(name)): name for name in names}
    expected: dict[str, Credential | None] = dict.fromkeys(names)
    for recorded in history.recorded:
        if recorded.recorded_at <= moment and (name := streams.get(recorded.stream)):
            expected[name] = evolve(recorded.stream, expected[name], recorded)
    async with projected(database, history) as conn:
        found = (await statuses_at(conn, history.log, [(name, None) for name in names], moment)).found
    for name, row in zip(names, found, strict=True):
        state = expected[name]
        said = (row.status, row.reason, row.since, row.message_value) if row is not None else None  # type: ignore[union-attr]
        assert said == (None if state is None else (state.status, state.reason, state.since, state.message))
