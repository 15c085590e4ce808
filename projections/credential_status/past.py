"""Where credentials stood at a moment, folded from their events: what the registry would have said then.

A change counts from its recording, also one that says it holds from an earlier moment: nobody knew of it before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from projections.credential_status.view import Ambiguous, CredentialRow, Query, answers, rows_of
from projections.projection import Executor
from projections.visibility import visible
from registry.domain.credential import Credential
from registry.domain.names import CredentialId, IssuerId, LogName, Stream, credential_stream
from registry.domain.streams import evolve
from registry.log import read

AT_A_TIME = 500
"""Credentials whose events are decoded before others get their turn on the loop."""

_NEXT = timedelta(microseconds=1)  # the log's own resolution


@dataclass(frozen=True, slots=True)
class Standing:
    """Answers that hold for the log up to `position`."""

    position: int
    found: list[CredentialRow | Ambiguous | None]


@visible
async def statuses_at(conn: Executor, log: LogName, queries: Sequence[Query], moment: datetime) -> Standing:
    """Return an answer per query as of *moment*, in order; None where no credential was registered then."""
    position = await read.before(conn, log, moment + _NEXT)
    rows = {_stream(row): row for row in await rows_of(conn, log, queries)}
    then: list[CredentialRow] = []
    for part in _parts(rows):
        states: dict[Stream, Credential | None] = dict.fromkeys(part)
        for recorded in await read.streams(conn, log, part, position):
            states[recorded.stream] = evolve(recorded.stream, states[recorded.stream], recorded)
        then += [_as_it_stood(rows[name], state) for name, state in states.items() if state is not None]
        await asyncio.sleep(0)
    return Standing(position, answers(queries, then))


def _stream(row: CredentialRow) -> Stream:
    return credential_stream(IssuerId(row.issuer.issuer_id), CredentialId(row.credential_id))


def _parts(streams: dict[Stream, CredentialRow]) -> Iterator[list[Stream]]:
    rest = iter(streams)
    while part := list(islice(rest, AT_A_TIME)):
        yield part


def _as_it_stood(row: CredentialRow, state: Credential) -> CredentialRow:
    return replace(
        row,
        status=state.status,
        reason=state.reason,
        since=state.since,
        position=state.position,
        superseded_by=state.superseded_by,
        digest_sha256=state.secured.digest_sha256 if state.secured is not None else None,
        message_value=state.message,
    )
