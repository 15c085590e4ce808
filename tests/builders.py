"""Histories, built purely in memory: commands go through the domain's `decide`, and become `Recorded` facts.

`History` is one log. Time moves one second per command, ids are counted: the same calls give the same history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from registry.domain import credential, issuer, own_list, status_list
from registry.domain.commands import (
    AdoptDid,
    CloseListSet,
    CredentialCommand,
    IssuerCommand,
    OpenListSet,
    OpenOwnList,
    ProposeDid,
    RecordSecuring,
    RegisterCredential,
    RegisterIssuer,
    ReinstateCredential,
    ReinstateIssuer,
    RevokeCredential,
    RotateKeys,
    Rotation,
    SetCredentialMessage,
    SetListEntry,
    SupersedeCredential,
    SuspendCredential,
    SuspendIssuer,
    UpdateIssuer,
    WithdrawIssuer,
)
from registry.domain.events import (
    Allocation,
    AnyEvent,
    IssuerKind,
    IssuerProfile,
    ListMember,
    LogOpened,
    Purpose,
    Reason,
    Recorded,
    StatusListMemberAdded,
    StatusProfile,
    VerificationMethod,
)
from registry.domain.mechanisms import Mechanism
from registry.domain.names import (
    LOG_STREAM,
    CredentialId,
    IssuerId,
    ListSetId,
    LogName,
    Slug,
    Stream,
    credential_stream,
    issuer_stream,
    list_entry_stream,
    lists_stream,
    own_lists_stream,
    slug_stream,
)
from registry.domain.streams import State, evolve

AT = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = "https://registry.example"
SIZE = status_list.MINIMUM_SIZE
LOG = LogName("main")


def identity(number: int, kind: str = "") -> UUID:
    """A UUIDv4-shaped id that *number* and *kind* determine."""
    return UUID(bytes=hashlib.sha256(f"{kind} {number}".encode()).digest()[:16], version=4)


def a_profile(name: str = "State College", **fields: Any) -> IssuerProfile:
    """A school in Colorado, unless *fields* say otherwise."""
    return IssuerProfile.model_validate({"name": name, "kind": IssuerKind.SCHOOL, "jurisdiction": "US-CO", **fields})


def a_method(did: str, number: int = 1) -> VerificationMethod:
    """A verification method of *did* that is held by us."""
    return VerificationMethod(
        id=f"{did}#key-{number}",
        controller=did,
        public_key_multibase=f"z6Mk{number}",
        key_id=identity(number, f"key of {did}"),
    )


@dataclass
class History:
    """One log as it grows."""

    log: LogName = LOG
    at: datetime = AT
    recorded: list[Recorded] = field(default_factory=list)
    states: dict[Stream, State] = field(default_factory=dict)
    versions: dict[Stream, int] = field(default_factory=dict)
    numbers: dict[ListSetId, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.record(LOG_STREAM, LogOpened(log_id=self.log_id, log_name=self.log, origin=ORIGIN))

    @property
    def log_id(self) -> UUID:
        """The id in position 1."""
        return identity(0, f"log {self.log}")

    # ── what the log does ────────────────────────────────────────────────────────────────────────────────────

    def record(self, stream: Stream, *events: AnyEvent, effective_at: datetime | None = None) -> list[Recorded]:
        """Append *events* to *stream* as they are; no decision is asked."""
        added = []
        for event in events:
            version = self.versions.get(stream, 0) + 1
            position = len(self.recorded) + 1
            entry = Recorded(
                position, stream, version, self.at, effective_at or self.at,
                "key:test", "request", identity(position, f"event {self.log}"), event,
            )  # fmt: skip
            self.versions[stream] = version
            self.states[stream] = evolve(stream, self.states.get(stream), entry)
            self.recorded.append(entry)
            added.append(entry)
        return added

    def tick(self) -> datetime:
        """Let a second pass; the new time."""
        self.at += timedelta(seconds=1)
        return self.at

    # ── issuers ──────────────────────────────────────────────────────────────────────────────────────────────

    def issuer(
        self,
        slug: str = "state-college",
        *,
        profile: IssuerProfile | None = None,
        status_profile: StatusProfile = StatusProfile.VC2,
        public_reasons: bool = False,
        did: str | None = None,
        with_lists: bool = True,
    ) -> IssuerId:
        """Register an issuer, by default with an open set of lists; its id."""
        issuer_id, did = IssuerId(identity(0, f"issuer {slug}")), did or f"did:web:registry.example:issuers:{slug}"
        command = RegisterIssuer(
            self.tick(), issuer_id, Slug(slug), profile or a_profile(slug.title()), status_profile, public_reasons,
            did, a_method(did),
        )  # fmt: skip
        self.record(slug_stream(Slug(slug)), *issuer.claim_slug(command, self.states.get(slug_stream(Slug(slug)))))
        self.change_issuer(command)
        if with_lists:
            self.open_set(issuer_id)
        return issuer_id

    def change_issuer(self, command: IssuerCommand) -> list[Recorded]:
        """Carry out a command on an issuer; the facts that followed."""
        stream = issuer_stream(command.issuer_id)
        return self.record(stream, *issuer.decide(command, self.states.get(stream)))

    def update_issuer(self, issuer_id: IssuerId, **settings: Any) -> list[Recorded]:
        return self.change_issuer(UpdateIssuer(self.tick(), issuer_id, **settings))

    def suspend_issuer(self, issuer_id: IssuerId) -> list[Recorded]:
        return self.change_issuer(SuspendIssuer(self.tick(), issuer_id))

    def reinstate_issuer(self, issuer_id: IssuerId) -> list[Recorded]:
        return self.change_issuer(ReinstateIssuer(self.tick(), issuer_id))

    def withdraw_issuer(self, issuer_id: IssuerId) -> list[Recorded]:
        return self.change_issuer(WithdrawIssuer(self.tick(), issuer_id))

    def adopt_did(self, issuer_id: IssuerId, did: str, method: VerificationMethod | None = None) -> list[Recorded]:
        """Let the issuer speak under a DID that is controlled elsewhere, with a key of its own, and lists under it."""
        methods = (method or a_method(did),)
        proposed = self.change_issuer(ProposeDid(self.tick(), issuer_id, did, methods))
        adopted = self.change_issuer(AdoptDid(self.tick(), issuer_id, did, methods))
        return [*proposed, *adopted, *self.open_set(issuer_id)]

    def rotate_key(self, issuer_id: IssuerId, *, since: datetime | None = None) -> list[Recorded]:
        """Let another key of the same DID sign; with *since*, the one before was compromised then."""
        known: issuer.Issuer = self.states[issuer_stream(issuer_id)]
        successor = a_method(known.did, len(known.methods) + 1)
        rotation = Rotation(known.method.id, successor)
        return self.change_issuer(RotateKeys(self.tick(), issuer_id, (rotation,), since))

    def open_set(self, issuer_id: IssuerId, *, size: int = SIZE) -> list[Recorded]:
        """Open the issuer's next set, with a revocation and a suspension list."""
        stream = lists_stream(issuer_id)
        sets: status_list.ListSets = self.states.get(stream) or ()
        set_id = ListSetId(identity(len(sets), f"set of {issuer_id}"))
        members = tuple(_member(set_id, purpose) for purpose in (Purpose.REVOCATION, Purpose.SUSPENSION))
        did = self.states[issuer_stream(issuer_id)].did
        after = sets[-1].set_id if sets else None
        command = OpenListSet(self.tick(), issuer_id, set_id, size, members, after, did)
        return self.record(stream, *status_list.decide(command, sets))

    def add_member(self, issuer_id: IssuerId, purpose: Purpose, *, number: int = -1, **fields: Any) -> list[Recorded]:
        """Give the issuer's set *number* (the newest, unless told otherwise) a list of *purpose*."""
        stream = lists_stream(issuer_id)
        sets: status_list.ListSets = self.states[stream]
        member = _member(sets[number].set_id, purpose).model_copy(update=fields)
        has_it = any(one.purpose is purpose for one in sets[number].members)
        fact = StatusListMemberAdded(issuer_id=issuer_id, set_id=sets[number].set_id, member=member)
        self.tick()
        return [] if has_it else self.record(stream, fact)

    def close_set(self, issuer_id: IssuerId, set_id: ListSetId, reason: str = "exhausted") -> list[Recorded]:
        stream = lists_stream(issuer_id)
        command = CloseListSet(self.tick(), issuer_id, set_id, reason)
        return self.record(stream, *status_list.decide(command, self.states.get(stream)))

    # ── credentials ──────────────────────────────────────────────────────────────────────────────────────────

    def credential(self, issuer_id: IssuerId, credential_id: str, **fields: Any) -> list[Recorded]:
        """Register a credential; its index is its number, so that a test can name it."""
        cid = CredentialId(credential_id)
        stream = credential_stream(issuer_id, cid)
        known: issuer.Issuer = self.states[issuer_stream(issuer_id)]
        sets: status_list.ListSets = self.states.get(lists_stream(issuer_id)) or ()
        command = RegisterCredential(
            self.tick(), issuer_id, cid, fields.pop("credential_types", ("VerifiableCredential",)), **fields
        )
        events = credential.register(
            command, self.states.get(stream), known,
            lambda profile: self._allocate(sets, known.did, profile),
        )  # fmt: skip
        added = self.record(stream, *events)
        for event in events:
            given = event.allocation  # type: ignore[union-attr]  # a registration is all that can follow
            self.numbers[ListSetId(given.set_id)] = given.number + 1
        return added

    def change(self, command: CredentialCommand) -> list[Recorded]:
        """Carry out a command on a credential; the facts that followed."""
        stream = credential_stream(command.issuer_id, command.credential_id)
        by = None
        if isinstance(command, SupersedeCredential):
            by = self.states.get(credential_stream(command.issuer_id, command.by))
        events = credential.decide(command, self.states.get(stream), by=by)
        return self.record(stream, *events, effective_at=getattr(command, "effective_at", None))

    def revoke(self, issuer_id: IssuerId, cid: str, reason: Reason = Reason.UNSPECIFIED, **how: Any) -> list[Recorded]:
        return self.change(RevokeCredential(self.tick(), issuer_id, CredentialId(cid), reason, **how))

    def suspend(self, issuer_id: IssuerId, cid: str, reason: Reason = Reason.UNSPECIFIED, **how: Any) -> list[Recorded]:
        return self.change(SuspendCredential(self.tick(), issuer_id, CredentialId(cid), reason, **how))

    def reinstate(self, issuer_id: IssuerId, cid: str, **how: Any) -> list[Recorded]:
        return self.change(ReinstateCredential(self.tick(), issuer_id, CredentialId(cid), **how))

    def supersede(self, issuer_id: IssuerId, cid: str, by: str, **how: Any) -> list[Recorded]:
        command = SupersedeCredential(self.tick(), issuer_id, CredentialId(cid), CredentialId(by), **how)
        return self.change(command)

    def secure(self, issuer_id: IssuerId, cid: str) -> list[Recorded]:
        """Record that the credential was signed; the digest is that of its id."""
        method = self.states[issuer_stream(issuer_id)].method.id
        digest = hashlib.sha256(cid.encode()).hexdigest()
        return self.change(
            RecordSecuring(
                self.tick(), issuer_id, CredentialId(cid), digest, Mechanism.EDDSA_RDFC_2022, method, self.at
            )
        )  # fmt: skip

    def message(self, issuer_id: IssuerId, cid: str, value: int) -> list[Recorded]:
        """Let a credential's message entry say *value*."""
        command = SetCredentialMessage(self.tick(), issuer_id, CredentialId(cid), value)
        stream = credential_stream(issuer_id, command.credential_id)
        return self.record(stream, *credential.decide(command, self.states.get(stream), message_bits=8))

    def open_own_list(self, issuer_id: IssuerId, purpose: Purpose) -> list[Recorded]:
        """Give the issuer a list whose indices it gives out itself."""
        stream = own_lists_stream(issuer_id)
        lists: own_list.OwnLists = self.states.get(stream) or ()
        set_id = ListSetId(identity(len(lists), f"own list of {issuer_id}"))
        command = OpenOwnList(self.tick(), issuer_id, set_id, SIZE, _member(set_id, purpose))
        return self.record(stream, *own_list.decide(command, lists, issuer=self.states[issuer_stream(issuer_id)]))

    def set_entry(self, issuer_id: IssuerId, *, index: int, value: int) -> list[Recorded]:
        """Let an entry of the newest of those lists say *value*; nothing, if there is none."""
        lists: own_list.OwnLists = self.states.get(own_lists_stream(issuer_id)) or ()
        if not lists:
            return []
        command = SetListEntry(self.tick(), issuer_id, lists[-1].set_id, index, value)
        stream = list_entry_stream(command.set_id, index)
        return self.record(stream, *own_list.decide(command, lists, entry=self.states.get(stream)))

    def _allocate(
        self, sets: status_list.ListSets, did: str, profile: StatusProfile
    ) -> tuple[Allocation, tuple[Purpose, ...]]:
        one, given = status_list.allocate(sets, did, self._next_number, lambda _, number: number)
        return given, status_list.purposes(profile, one.members)

    def _next_number(self, set_id: ListSetId) -> int:
        return self.numbers.get(set_id, 0)


def batches(recorded: Sequence[Recorded], size_of: Callable[[], int]) -> list[Sequence[Recorded]]:
    """Cut *recorded* into consecutive batches, as long as *size_of* says each time (at least 1)."""
    cut, start = [], 0
    while start < len(recorded):
        end = start + max(1, size_of())
        cut.append(recorded[start:end])
        start = end
    return cut


def _member(set_id: ListSetId, purpose: Purpose) -> ListMember:
    list_id = identity(0, f"{purpose} list of {set_id}")
    return ListMember(purpose=purpose, status_list_id=list_id, url=f"{ORIGIN}/status-lists/{list_id}")
