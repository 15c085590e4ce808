"""A running sequencer with the few commands that tests of the log need."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from registry.commands.plans import plan
from registry.domain.commands import Command, OpenListSet, RegisterCredential, RegisterIssuer
from registry.domain.credential import Credential, Status
from registry.domain.events import (
    CredentialReinstated,
    CredentialSuspended,
    IssuerKind,
    IssuerProfile,
    ListMember,
    Purpose,
    StatusProfile,
    VerificationMethod,
)
from registry.domain.names import CredentialId, IssuerId, ListSetId, LogName, Slug, Stream
from registry.domain.permutation import IndexPermutation
from registry.domain.status_list import ListSet
from registry.log.connection import connect
from registry.log.draft import Clock, Fact, View
from registry.log.lease import Lease
from registry.log.sequencer import Appended, Decision, IdempotencyKey, Limits, Request, Sequencer
from tests.builders import AT

LOG = LogName("main")
SIZE = 131_072


class Counts:
    """What the sequencer told about itself."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.rejections: Counter[str] = Counter()
        self.replays = 0

    def batch(self, events: int, seconds: float) -> None:
        self.batches.append(events)

    def rejected(self, reason: str) -> None:
        self.rejections[reason] += 1

    def replayed(self) -> None:
        self.replays += 1


@dataclass
class AllReady:
    """Every set counts as published, under a fixed key: for tests that are not about publishing."""

    permutations: dict[ListSetId, IndexPermutation] = field(default_factory=dict)
    wanted: list[IssuerId] = field(default_factory=list)

    def index(self, set_id: ListSetId, number: int) -> int:
        if set_id not in self.permutations:
            self.permutations[set_id] = IndexPermutation(set_id.bytes * 2, SIZE)
        return self.permutations[set_id].index(number)

    def usable(self, one: ListSet) -> tuple[ListMember, ...]:
        return one.members

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        self.wanted.append(issuer_id)


@dataclass
class Writing:
    sequencer: Sequencer
    counts: Counts
    lease: Lease
    ready: AllReady = field(default_factory=AllReady)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Writing]:
        task = asyncio.create_task(self.sequencer.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def do(self, command: Command, *, key: str | None = None, body: bytes = b"body") -> Appended:
        planned = plan(LOG, command, self.ready)
        promise = IdempotencyKey("operator", key, body.ljust(32)) if key else None
        return await self.sequencer.submit(
            Request(planned.decide, planned.reads, planned.queue, "key:test", "request", promise, planned.begins)
        )

    async def toggle(self, stream: Stream, key: str | None = None, *, body: bytes = b"body") -> Appended:
        """Suspend the credential of *stream*, or reinstate it: a change that is never a repetition."""
        promise = IdempotencyKey("operator", key, body.ljust(32)) if key else None
        return await self.sequencer.submit(
            Request(partial(toggled, stream), (stream,), "toggles", "key:test", "request", promise)
        )

    async def issuer(self, slug: str = "state-college") -> IssuerId:
        """Register an issuer and open its first set; its id."""
        issuer_id = IssuerId(uuid4())
        did = f"did:key:{slug}"
        method = VerificationMethod(id=f"{did}#1", controller=did, public_key_multibase="z6Mk", key_id=uuid4())
        profile = IssuerProfile(name="State College", kind=IssuerKind.SCHOOL, jurisdiction="US-CO")
        await self.do(RegisterIssuer(AT, issuer_id, Slug(slug), profile, StatusProfile.VC2, False, did, method))
        members = tuple(_member(purpose) for purpose in (Purpose.REVOCATION, Purpose.SUSPENSION))
        await self.do(OpenListSet(AT, issuer_id, ListSetId(uuid4()), SIZE, members, None, did))
        return issuer_id

    async def register(
        self, issuer_id: IssuerId, credential_id: str, *, valid_until: str | None = None, **how: Any
    ) -> Appended:
        return await self.do(
            RegisterCredential(
                AT, issuer_id, CredentialId(credential_id), ("VerifiableCredential",), valid_until=valid_until
            ),
            **how,
        )


def toggled(stream: Stream, view: View) -> Decision:
    """Decide the change of `Writing.toggle`."""
    state: Credential = view.state(stream)
    common = {"issuer_id": state.registered.issuer_id, "credential_id": state.registered.credential_id}
    change = CredentialSuspended if state.status is Status.ACTIVE else CredentialReinstated
    event = change(**common, allocation=state.registered.allocation)
    return Decision([Fact(stream, event)], lambda position: {"position": position})


def system_clock() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def sequencing(
    dsn: str,
    *,
    log: LogName = LOG,
    limits: Limits | None = None,
    clock: Clock = system_clock,
    counts: Counts | None = None,
) -> AsyncIterator[Writing]:
    """A process's worth of writing on *dsn*: a sequencer of its own, with its own lease and memory."""
    counts = counts or Counts()
    lease = Lease(log, lambda: connect(dsn))
    sequencer = Sequencer(log, lambda: connect(dsn), lease, clock=clock, observer=counts, limits=limits)
    async with Writing(sequencer, counts, lease).running() as one:
        yield one


def _member(purpose: Purpose) -> ListMember:
    list_id: UUID = uuid4()
    return ListMember(purpose=purpose, status_list_id=list_id, url=f"http://127.0.0.1:8080/status-lists/{list_id}")
