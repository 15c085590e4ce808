"""What an event says about an entry of a list. Pure."""

from __future__ import annotations

from uuid import UUID

from registry.domain.events import (
    AnyEvent,
    CredentialMessageSet,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSuperseded,
    CredentialSuspended,
    Purpose,
    StatusChanged,
    StatusListEntrySet,
)

EntryKey = tuple[UUID, str, int]
"""Set, purpose, index."""

WORDS: frozenset[type] = frozenset(
    (CredentialRevoked, CredentialSuspended, CredentialReinstated, CredentialSuperseded, CredentialMessageSet,
     StatusListEntrySet)
)  # fmt: skip
"""The facts that say anything about an entry."""


def word_of(event: AnyEvent) -> tuple[EntryKey, int] | None:
    """Return the entry that *event* speaks of, and its value from then on; None for a fact about something else."""
    match event:
        case CredentialRevoked():
            return _key(event, Purpose.REVOCATION), 1
        case CredentialSuspended():
            return _key(event, Purpose.SUSPENSION), 1
        case CredentialReinstated():
            return _key(event, Purpose.SUSPENSION), 0
        case CredentialSuperseded():
            return _key(event, Purpose.REFRESH), 1
        case CredentialMessageSet(value=value):
            return _key(event, Purpose.MESSAGE), value
        case StatusListEntrySet(set_id=set_id, purpose=purpose, index=index, value=value):
            return (set_id, purpose.value, index), value
    return None


def _key(event: StatusChanged, purpose: Purpose) -> EntryKey:
    return event.allocation.set_id, purpose.value, event.allocation.index
