"""Status list sets: opened ahead, one index space for all lists of a set, each index given out once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from registry.domain.commands import AddListMembers, CloseListSet, IssuerCommand, OpenListSet
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
from registry.domain.names import ListSetId, is_absolute_iri
from registry.errors import ListsNotReady, Malformed, StatusListDiffers

Entry = dict[str, Any]
"""A JSON object, as it goes into a credential."""

MOST_SHAPES = 4_096
_known_shapes: dict[tuple[int, tuple[Purpose, ...]], tuple[tuple[ListMember, ...], tuple[Entry, ...]]] = {}
"""By the members themselves (which are kept, so that no others get their id): comparing them takes longer."""

MINIMUM_SIZE = 131_072
"""Entries of a list, at least (Bitstring Status List 1.0, section 6.1: herd privacy)."""

OPEN_AHEAD_AT = 0.75
"""The share of the newest set that may be given out before the next one is opened."""


MOST_MESSAGE_BITS = 8
"""A list of 8 bits has 256 messages, and every credential's entry repeats them."""

_MESSAGE = re.compile(r"""[^\x00-\x1f\x7f-\x9f"\\&<>\ud800-\udfff]{1,200}""")
_TOKEN_BITS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class ListSet:
    """One set of an issuer."""

    set_id: ListSetId
    issuer_did: str
    size: int
    members: tuple[ListMember, ...]
    is_open: bool = True
    position: int = 0
    """Of the last fact about it."""

    def member(self, purpose: Purpose) -> ListMember | None:
        """The list of *purpose*, if there is one."""
        return next((one for one in self.members if one.purpose is purpose), None)

    def entries(self, purposes: tuple[Purpose, ...], index: int) -> list[Entry]:
        """Return the `status_entries` of its members, of which all but the index is made once."""
        members = self.members
        known = _known_shapes.get((id(members), purposes))
        if known is None or known[0] is not members:
            if len(_known_shapes) >= MOST_SHAPES:
                _known_shapes.clear()
            known = _known_shapes[id(members), purposes] = members, tuple(_shapes(members, purposes))
        return _at(known[1], index)


ListSets = tuple[ListSet, ...]
"""The sets of an issuer, in the order of their opening."""


def decide(command: IssuerCommand, state: ListSets | None) -> list[AnyEvent]:
    """Return the opening, growing or closing of a set; nothing, if it is already so."""
    sets = state or ()
    match command:
        case OpenListSet():
            if (sets[-1].set_id if sets else None) != command.after or _lacks(command.members, sets):
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
        case AddListMembers(members=members):
            return _grow(command, dict(members), sets)
        case CloseListSet(set_id=set_id):
            if not any(one.set_id == set_id and one.is_open for one in sets):
                return []
            return [StatusListSetClosed(issuer_id=command.issuer_id, set_id=set_id, reason=command.reason)]
    raise TypeError(f"No decision for {type(command).__name__}.")


def require_shape(member: ListMember) -> None:
    """Raise `Malformed` unless *member* is what its purpose allows."""
    match member.purpose:
        case Purpose.MESSAGE:
            _require_messages(member)
        case Purpose.TOKEN if member.bits not in _TOKEN_BITS:
            raise Malformed("An entry of a token list has 1, 2, 4 or 8 bits.", pointer="/statusSize")
        case purpose if purpose not in (Purpose.MESSAGE, Purpose.TOKEN) and member.bits != 1:
            raise Malformed(f"An entry of a {purpose} list has one bit.", pointer="/statusSize")
    if member.purpose is not Purpose.MESSAGE and (member.messages is not None or member.reference is not None):
        raise Malformed("Only a message list has messages and a reference.", pointer="/statusMessages")


def _require_messages(member: ListMember) -> None:
    """Bitstring Status List 1.0, section 2.1: one message for each value an entry can have, in their order."""
    if not 1 <= member.bits <= MOST_MESSAGE_BITS:
        raise Malformed(f"An entry of a message list has 1 to {MOST_MESSAGE_BITS} bits.", pointer="/statusSize")
    messages = member.messages or ()
    if [one.status for one in messages] != [f"{value:#x}" for value in range(1 << member.bits)]:
        raise Malformed(
            f"A message list with `statusSize` {member.bits} says what each of its {1 << member.bits} values means: "
            '`statusMessages` is [{"status": "0x0", "message": "…"}, {"status": "0x1", "message": "…"}, …].',
            pointer="/statusMessages",
        )
    if not all(is_plain_message(one.message) for one in messages):
        raise Malformed(
            'A message is one line of 1 to 200 characters, none of them ", \\, &, < or >.', pointer="/statusMessages"
        )
    for url in member.reference or ():
        if not (url.startswith(("https://", "http://")) and is_absolute_iri(url) and "&" not in url):
            raise Malformed("A reference is an absolute web address without `&`.", pointer="/statusReference")


def is_plain_message(text: str) -> bool:
    """Whether *text* can stand in a list: one line of 1 to 200 characters that no format needs to escape.

    Nor anything that reads as HTML: one widely used verifier decodes its entities before it parses.
    """
    return _MESSAGE.fullmatch(text) is not None


def _lacks(members: Sequence[ListMember], sets: ListSets) -> bool:
    """Whether *members* would give the next set fewer lists than the newest one got in the meantime."""
    return bool(sets) and not {one.purpose for one in sets[-1].members} <= {one.purpose for one in members}


def _grow(command: AddListMembers, members: Mapping[ListSetId, ListMember], sets: ListSets) -> list[AnyEvent]:
    """Raises `ListsNotReady` where a set would be left out, `StatusListDiffers` where one has another such list."""
    for member in members.values():
        require_shape(member)
    added: list[AnyEvent] = []
    for one in sets:
        found, wanted = one.member(command.purpose), members.get(one.set_id)
        if wanted is None:
            raise ListsNotReady("The issuer's next status lists were opened just now; repeat the request.")
        if found is None:
            added.append(StatusListMemberAdded(issuer_id=command.issuer_id, set_id=one.set_id, member=wanted))
        elif found.shape != wanted.shape:
            raise StatusListDiffers(
                f"The issuer has {command.purpose} lists already, of another size or with other messages; what "
                "credentials say of them cannot be changed."
            )
    return added


def evolve(state: ListSets | None, recorded: Recorded) -> ListSets:
    """Return the issuer's sets after *recorded*."""
    sets = state or ()
    match recorded.event:
        case StatusListSetOpened() as event:
            opened = ListSet(ListSetId(event.set_id), event.issuer_did, event.size, event.members)
            return (*sets, replace(opened, position=recorded.position))
        case StatusListMemberAdded(set_id=set_id, member=member):
            return _with(sets, set_id, lambda one: replace(one, members=(*one.members, member)), recorded)
        case StatusListSetClosed(set_id=set_id):
            return _with(sets, set_id, lambda one: replace(one, is_open=False), recorded)
    return sets


def _with(sets: ListSets, set_id: UUID, change: Callable[[ListSet], ListSet], recorded: Recorded) -> ListSets:
    return tuple(replace(change(one), position=recorded.position) if one.set_id == set_id else one for one in sets)


def allocate(
    sets: ListSets,
    issuer_did: str,
    next_number: Callable[[ListSetId], int],
    index: Callable[[ListSetId, int], int],
) -> tuple[ListSet, Allocation]:
    """Return the oldest set with room, and its next index.

    *next_number* tells how many of a set's indices are given out; *index* applies the set's permutation, and raises
    `ListsNotReady` for a set whose lists cannot be fetched yet. Raises `ListsNotReady` when no set has room.
    """
    for one in sets:
        if one.is_open and one.issuer_did == issuer_did and (number := next_number(one.set_id)) < one.size:
            set_id = one.set_id
            return one, Allocation.whole({"set_id": set_id, "number": number, "index": index(set_id, number)})
    raise ListsNotReady("The issuer's next status lists are being opened; repeat the request in a moment.")


def needs_next(sets: ListSets, issuer_did: str, next_number: Callable[[ListSetId], int]) -> bool:
    """Whether the next set should be opened now, so that it is published before it is needed."""
    for one in reversed(sets):
        if one.is_open and one.issuer_did == issuer_did:
            return next_number(one.set_id) >= one.size * OPEN_AHEAD_AT
    return True


def purposes(profile: StatusProfile, members: Sequence[ListMember]) -> tuple[Purpose, ...]:
    """Which of *members* speak about a credential of *profile*, in the order of its entries.

    Open Badges 3.0 allows one entry; the `token` list is named by a claim beside them, so it counts for both.
    """
    return _purposes(profile, tuple(map(_PURPOSE, members)))


_PURPOSE = attrgetter("purpose")


@lru_cache(maxsize=1_024)  # there are few combinations, and every registration asks
def _purposes(profile: StatusProfile, there: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
    allowed = (Purpose.REVOCATION, Purpose.TOKEN) if profile is StatusProfile.OB3 else tuple(Purpose)
    return tuple(purpose for purpose in allowed if purpose in there)


def status_entries(members: Sequence[ListMember], purposes: Sequence[Purpose], index: int) -> list[Entry]:
    """The `credentialStatus` entries of a credential at *index* (Bitstring Status List 1.0, section 2.1).

    Revocation comes first, because some verifiers read only the first. An entry's id differs from its list's URL.
    """
    return _at(_shapes(members, purposes), index)


def _at(shapes: Iterable[Entry], index: int) -> list[Entry]:
    text, entries = str(index), []
    for shape in shapes:
        entry = shape.copy()
        entry["id"] += text
        entry["statusListIndex"] = text
        entries.append(entry)
    return entries


def _shapes(members: Sequence[ListMember], purposes: Sequence[Purpose]) -> Iterator[Entry]:
    """Yield the entries of a credential, each without the index."""
    for purpose in purposes:
        if purpose is not Purpose.TOKEN:
            yield from (_shape(member) for member in members if member.purpose is purpose)


def _shape(member: ListMember) -> Entry:
    url = member.url
    entry: Entry = {
        "id": f"{url}#",
        "type": "BitstringStatusListEntry",
        "statusPurpose": member.purpose.value,
        "statusListIndex": "",
        "statusListCredential": url,
    }
    if member.status_size is not None and member.bits > 1:
        entry["statusSize"] = member.bits
    if member.messages is not None:
        entry["statusMessage"] = [{"status": one.status, "message": one.message} for one in member.messages]
    if member.reference is not None:
        entry["statusReference"] = member.reference[0] if len(member.reference) == 1 else list(member.reference)
    return entry


def status_claim(members: Sequence[ListMember], purposes: Sequence[Purpose], index: int) -> Entry | None:
    """The `status` claim of a credential in JWT or CWT form (Token Status List, section 6), if it has a token list."""
    if Purpose.TOKEN not in purposes:
        return None
    url = next((member.url for member in members if member.purpose is Purpose.TOKEN), None)
    if url is None:
        return None
    return {"status_list": {"idx": index, "uri": url}}


def message_of(member: ListMember, value: int) -> Entry:
    """What *value* means in the message list *member*."""
    messages = member.messages or ()
    return {"status": f"{value:#x}", "message": messages[value].message}


def credential_status(profile: StatusProfile, entries: list[Entry]) -> Entry | list[Entry]:
    """The value of `credentialStatus`: an object under `ob3` (Open Badges 3.0 allows exactly one), else an array."""
    return entries[0] if profile is StatusProfile.OB3 else entries
