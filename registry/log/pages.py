"""Events as COPY takes them in, many at a time, for a log that is filled in bulk; made in any process, chained in one.

The position is not among a body's bytes, so that a page can be made before it is known where it will stand.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any
from uuid import UUID

from registry.domain.credential import PURPOSES
from registry.domain.events import (
    Allocation,
    AnyEvent,
    CredentialRegistered,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSecured,
    CredentialSuperseded,
    CredentialSuspended,
    Purpose,
    Recorded,
    StatusProfile,
)
from registry.domain.mechanisms import DEFAULT_MECHANISMS
from registry.domain.names import CredentialId, IssuerId, Stream, credential_stream
from registry.domain.parts import Reason
from registry.domain.permutation import IndexPermutation
from registry.log.codec import encode
from registry.log.synthetic import Plan, credential_id

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
"""Around the rows of COPY … (FORMAT binary)."""

_ALLOCATION = struct.Struct(">i16siiii")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_REASONS = tuple(Reason)
_TYPES = {
    StatusProfile.VC2: ("VerifiableCredential", "AlumniCredential"),
    StatusProfile.OB3: ("VerifiableCredential", "OpenBadgeCredential"),
}


@dataclass(slots=True)
class Page:
    """Events in their order, without position and hash."""

    recorded_at: datetime
    rows: list[bytes] = field(default_factory=list)
    """stream, version, type and body of each, as COPY's fields."""
    leaves: list[bytes] = field(default_factory=list)
    given: list[tuple[int, bytes]] = field(default_factory=list)
    """(number of the event in this page, list set, number and index as COPY's fields)."""

    def add(self, stream: str, version: int, name: str, body: bytes) -> None:
        """Append one event."""
        self.rows.append(b"".join((counted(stream), number4(version), counted(name), counted(body))))
        self.leaves.append(hashlib.sha256(b"\x00" + body).digest())

    def give(self, set_id: UUID, number: int, index: int) -> None:
        """The event that was added last gave this index out."""
        self.given.append((len(self.rows) - 1, _ALLOCATION.pack(16, set_id.bytes, 4, number, 4, index)))


@dataclass(frozen=True, slots=True)
class Run:
    """Credentials that one issuer registers one after another, all with indices of one set."""

    plan: Plan
    log_id: str
    issuer: int
    issuer_did: str
    method_id: str
    set_id: UUID
    permutation_key: bytes
    number: int
    """Of the first credential, among the issuer's."""
    allocation: int
    """Of the first credential, among the set's."""
    count: int

    @property
    def issuer_id(self) -> IssuerId:
        """Whose they are."""
        return self.plan.issuer_id(self.issuer)


def page(recorded_at: datetime, runs: Iterable[Run]) -> Page:
    """Return *runs* as events that were recorded at one moment: each run's registrations, then what became of them."""
    made = Page(recorded_at)
    for run in runs:
        _Writing(made, run).write()
    return made


class _Writing:
    """One run on its way into a page."""

    def __init__(self, made: Page, run: Run) -> None:
        plan = run.plan
        self._page, self._run = made, run
        self._random = Random(f"{plan.seed}/{run.issuer}/{run.number}")  # noqa: S311  # a shape, no secret
        self._actor = f"key:{run.issuer_id.hex[:16]}"
        self._request_id = self._random.randbytes(16).hex()
        self._milliseconds = int(made.recorded_at.timestamp() * 1000)
        self._profile = plan.profile(run.issuer)
        self._first = self._example()

    def write(self) -> None:
        run, plan, random = self._run, self._run.plan, self._random
        stencil = Stencil.of(run.log_id, self._recorded(self._first, Stream(""), 1))
        index, stream = _permutation(run.permutation_key, plan.list_size).index, f"credential/{run.issuer_id}/"
        add, give = self._page.add, self._page.give
        versions: dict[int, int] = {}
        for n in range(run.count):
            name = credential_id(plan.seed, run.issuer, run.number + n)
            number, digest = run.allocation + n, hashlib.sha256(name.encode()).hexdigest()
            index_now = index(number)
            event_id, salt = self._event_id(), random.randbytes(16).hex()
            body = stencil.filled(index_now, number, name, event_id, salt, stream + digest)
            add(stream + digest, 1, "CredentialRegistered", body)
            give(run.set_id, number, index_now)
            if random.random() < plan.secured:
                versions[n] = self._then(n, 1, self._secured(n))
        self._change(versions)

    def _change(self, versions: dict[int, int]) -> None:
        plan, random = self._run.plan, self._random
        for n in range(self._run.count):
            drawn = random.random()
            if drawn < plan.revoked:
                events: list[AnyEvent] = [CredentialRevoked(**self._common(n), reason=random.choice(_REASONS))]
            elif drawn < plan.revoked + plan.suspended and Purpose.SUSPENSION in PURPOSES[self._profile]:
                events = [CredentialSuspended(**self._common(n), reason=Reason.INVESTIGATION)]
                if random.random() < 0.5:
                    events.append(CredentialReinstated(**self._common(n)))
            elif drawn > 1 - plan.superseded and n + 1 < self._run.count:
                events = [CredentialSuperseded(**self._common(n), by=self._name(n + 1))]
            else:
                continue
            for event in events:
                versions[n] = self._then(n, versions.get(n, 1), event)

    def _then(self, n: int, version: int, event: AnyEvent) -> int:
        """Append a later event of the run's *n*-th credential; return its version."""
        stream = credential_stream(self._run.issuer_id, self._name(n))
        recorded = self._recorded(event, stream, version + 1)
        body = encode(self._run.log_id, self._random.randbytes(16), recorded)
        self._page.add(stream, recorded.version, event.type, body)
        return recorded.version

    def _recorded(self, event: AnyEvent, stream: Stream, version: int) -> Recorded:
        at = self._page.recorded_at
        event_id = UUID(self._event_id())
        return Recorded(0, stream, version, at, at, self._actor, self._request_id, event_id, event)

    def _event_id(self) -> str:
        """A UUIDv7 (RFC 9562, section 5.7) of the page's moment."""
        moment, drawn = f"{self._milliseconds:012x}", self._random.randbytes(9).hex()
        return f"{moment[:8]}-{moment[8:]}-7{drawn[:3]}-a{drawn[3:6]}-{drawn[6:]}"

    def _name(self, n: int) -> CredentialId:
        return credential_id(self._run.plan.seed, self._run.issuer, self._run.number + n)

    def _example(self) -> CredentialRegistered:
        """What the registrations of a run have in common."""
        run, day = self._run, self._page.recorded_at.date()
        slug = run.plan.slug(run.issuer)
        return CredentialRegistered(
            issuer_id=run.issuer_id,
            credential_id="",
            credential_types=_TYPES[self._profile],
            issuer_did=run.issuer_did,
            profile=self._profile,
            purposes=PURPOSES[self._profile],
            allocation=Allocation(set_id=run.set_id, number=0, index=0),
            valid_from=f"{day}T00:00:00Z",
            valid_until=f"{day.year + 5}-01-01T00:00:00Z" if self._random.random() < 0.5 else None,
            achievement_id=f"https://{slug}.example/achievements/{self._random.randrange(40)}",
        )

    def _secured(self, n: int) -> CredentialSecured:
        return CredentialSecured(
            issuer_id=self._run.issuer_id,
            credential_id=self._name(n),
            digest_sha256=self._random.randbytes(32).hex(),
            mechanism=DEFAULT_MECHANISMS[0],
            verification_method=self._run.method_id,
            created=self._page.recorded_at.replace(microsecond=0),
        )

    def _common(self, n: int) -> dict[str, Any]:
        run = self._run
        number = run.allocation + n
        index = _permutation(run.permutation_key, run.plan.list_size).index(number)
        return {
            "issuer_id": run.issuer_id,
            "credential_id": self._name(n),
            "allocation": Allocation(set_id=run.set_id, number=number, index=index),
        }


@dataclass(frozen=True, slots=True)
class Stencil:
    """The canonical bytes of a registration with holes for what differs from one to the next, cut by the codec."""

    text: str

    @classmethod
    def of(cls, log_id: str, example: Recorded) -> Stencil:
        """Return the stencil of all that is like *example*."""
        event = example.event
        assert isinstance(event, CredentialRegistered)
        set_id, index, number = event.allocation.set_id, 2_000_000_001, 2_000_000_002
        event_id, salt = UUID(int=1), bytes([170]) * 16
        marked = event.model_copy(
            update={
                "allocation": Allocation(set_id=set_id, number=number, index=index),
                "credential_id": "\u2460",
            }
        )
        recorded = Recorded(
            0,
            Stream("\u2461"),
            1,
            example.recorded_at,
            example.effective_at,
            example.actor,
            example.request_id,
            event_id,
            marked,
        )
        text = encode(log_id, salt, recorded).decode().replace("%", "%%")
        for mark in (str(index), str(number), "\u2460", str(event_id), salt.hex(), "\u2461"):
            before, hole, after = text.partition(mark)
            assert hole, "the codec writes what it is given"
            text = f"{before}%s{after}"
        return cls(text)

    def filled(self, *parts: object) -> bytes:
        """Return a registration; *parts*: index, number, credential id, event id, salt in hex, stream."""
        return (self.text % parts).encode()


@lru_cache(maxsize=1024)
def _permutation(key: bytes, size: int) -> IndexPermutation:
    return IndexPermutation(key, size)


def counted(value: str | bytes) -> bytes:
    """A field of COPY: its length, and itself."""
    content = value.encode() if isinstance(value, str) else value
    return len(content).to_bytes(4) + content


def number4(value: int) -> bytes:
    """A field of COPY: an integer."""
    return b"\0\0\0\x04" + value.to_bytes(4)


def number8(value: int) -> bytes:
    """A field of COPY: a bigint."""
    return b"\0\0\0\x08" + value.to_bytes(8)


def moment(value: datetime) -> bytes:
    """A field of COPY: a timestamptz, microseconds since 2000."""
    passed = value - _EPOCH
    return number8((passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds)
