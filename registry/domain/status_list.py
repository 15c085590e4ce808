"""Status list sets: opened ahead, one index space for all lists of a set, each index given out once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from registry.domain.commands import AddListMember, CloseListSet, IssuerCommand, OpenListSet
from registry.domain.events import (
    Allocation,
    AnyEvent,
    ListMember,
    Permutation,
    Purpose,
    Recorded,
    StatusListMemberAdded,
    StatusListSetClosed,
    StatusListSetOpened,
    StatusProfile,
)
from registry.domain.names import ListSetId
from registry.errors import ListsNotReady

MINIMUM_SIZE = 131_072
"""Entries of a list, at least (Bitstring Status List 1.0, section 6.1: herd privacy)."""

OPEN_AHEAD_AT = 0.75
"""The share of the newest set that may be given out before the next one is opened."""


@dataclass(frozen=True, slots=True)
class ListSet:
    """One set of an issuer."""

    set_id: ListSetId
    issuer_did: str
    size: int
    members: tuple[ListMember, ...]
    is_open: bool = True

    def has(self, purpose: Purpose) -> bool:
        """Whether one of its lists is of *purpose*."""
        return any(member.purpose is purpose for member in self.members)


ListSets = tuple[ListSet, ...]
"""The sets of an issuer, in the order of their opening."""


def decide(command: IssuerCommand, state: ListSets | None) -> list[AnyEvent]:
    """Return the opening, growing or closing of a set; nothing, if it is already so."""
    sets = state or ()
    match command:
        case OpenListSet():
            if (sets[-1].set_id if sets else None) != command.after:
                return []
            return [
                StatusListSetOpened(
                    issuer_id=command.issuer_id,
                    issuer_did=command.issuer_did,
                    set_id=command.set_id,
                    size=command.size,
                    permutation=Permutation(),
                    members=command.members,
                )
            ]
        case AddListMember(set_id=set_id, member=member):
            found = next((one for one in sets if one.set_id == set_id), None)
            if found is None or found.has(member.purpose):
                return []
            return [StatusListMemberAdded(issuer_id=command.issuer_id, set_id=set_id, member=member)]
        case CloseListSet(set_id=set_id):
            if not any(one.set_id == set_id and one.is_open for one in sets):
                return []
            return [StatusListSetClosed(issuer_id=command.issuer_id, set_id=set_id, reason=command.reason)]
    raise TypeError(f"No decision for {type(command).__name__}.")


def evolve(state: ListSets | None, recorded: Recorded) -> ListSets:
    """Return the issuer's sets after *recorded*."""
    sets = state or ()
    match recorded.event:
        case StatusListSetOpened() as event:
            return (*sets, ListSet(ListSetId(event.set_id), event.issuer_did, event.size, event.members))
        case StatusListMemberAdded(set_id=set_id, member=member):
            return tuple(replace(one, members=(*one.members, member)) if one.set_id == set_id else one for one in sets)
        case StatusListSetClosed(set_id=set_id):
            return tuple(replace(one, is_open=False) if one.set_id == set_id else one for one in sets)
    return sets


def allocate(
    sets: ListSets,
    issuer_did: str,
    next_number: Callable[[ListSetId], int],
    index: Callable[[ListSetId, int], int],
) -> Allocation:
    """Return the next index of the oldest set with room.

    *next_number* tells how many of a set's indices are given out; *index* applies the set's permutation, and raises
    `ListsNotReady` for a set whose lists cannot be fetched yet. Raises `ListsNotReady` when no set has room.
    """
    for one in sets:
        if one.is_open and one.issuer_did == issuer_did and (number := next_number(one.set_id)) < one.size:
            return Allocation(set_id=one.set_id, number=number, index=index(one.set_id, number))
    raise ListsNotReady("The issuer's next status lists are being opened; repeat the request in a moment.")


def needs_next(sets: ListSets, issuer_did: str, next_number: Callable[[ListSetId], int]) -> bool:
    """Whether the next set should be opened now, so that it is published before it is needed."""
    usable = [one for one in sets if one.is_open and one.issuer_did == issuer_did]
    return not usable or next_number(usable[-1].set_id) >= usable[-1].size * OPEN_AHEAD_AT


def status_entries(members: Sequence[ListMember], purposes: Sequence[Purpose], index: int) -> list[dict[str, str]]:
    """The `credentialStatus` entries of a credential at *index* (Bitstring Status List 1.0, section 2.1).

    Revocation comes first, because some verifiers read only the first. An entry's id differs from its list's URL.
    """
    urls = {member.purpose: member.url for member in members}
    return [
        {
            "id": f"{urls[purpose]}#{index}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose.value,
            "statusListIndex": str(index),
            "statusListCredential": urls[purpose],
        }
        for purpose in purposes
    ]


def credential_status(profile: StatusProfile, entries: list[dict[str, str]]) -> dict[str, str] | list[dict[str, str]]:
    """The value of `credentialStatus`: an object under `ob3` (Open Badges 3.0 allows exactly one), else an array."""
    return entries[0] if profile is StatusProfile.OB3 else entries
