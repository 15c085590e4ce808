"""Lists whose indices an issuer gives out itself: opened, and each entry set as the issuer says."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.commands import IssuerCommand, OpenOwnList, SetListEntry
from registry.domain.events import AnyEvent, ListMember, OwnStatusListOpened, Purpose, Recorded, StatusListEntrySet
from registry.domain.issuer import Issuer, require_active
from registry.domain.names import ListSetId
from registry.domain.status_list import require_shape
from registry.errors import IllegalTransition, Malformed, TooManyStatusLists, UnknownStatusList

MOST_LISTS = 1_000
"""Of one issuer; each is signed anew several times a day, for ever."""

_FINAL = (Purpose.REVOCATION, Purpose.REFRESH)
"""Not reversible (Bitstring Status List 1.0, section 2.2)."""


@dataclass(frozen=True, slots=True)
class OwnList:
    """One list."""

    set_id: ListSetId
    size: int
    member: ListMember
    position: int


OwnLists = tuple[OwnList, ...]
"""The lists of an issuer, in the order of their opening."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says, and where the log says so; one that was never set says 0."""

    value: int = 0
    position: int = 0


def decide(
    command: IssuerCommand, lists: OwnLists | None, *, issuer: Issuer | None = None, entry: Entry | None = None
) -> list[AnyEvent]:
    """Return the opening of a list, or an entry's new value; nothing, if it is already so.

    *issuer* is looked at to open, *entry* to set. Raises `IssuerNotActive`, `TooManyStatusLists`, `Malformed`,
    `UnknownStatusList` and `IllegalTransition`.
    """
    match command:
        case OpenOwnList():
            return _open(command, lists or (), issuer)
        case SetListEntry():
            return _set(command, list_of(lists, command.set_id), entry or Entry())
    raise TypeError(f"No decision for {type(command).__name__}.")


def list_of(lists: OwnLists | None, set_id: ListSetId) -> OwnList:
    """Return the list of *set_id*; raise `UnknownStatusList`."""
    found = next((one for one in lists or () if one.set_id == set_id), None)
    if found is None:
        raise UnknownStatusList("The issuer has no status list of its own under this id.")
    return found


def _open(command: OpenOwnList, lists: OwnLists, issuer: Issuer | None) -> list[AnyEvent]:
    issuer = require_active(issuer)
    if command.member.purpose is Purpose.TOKEN:
        raise Malformed("A token list says what the issuer's other lists say; add one to its sets.", pointer="/type")
    require_shape(command.member)
    if len(lists) >= MOST_LISTS:
        raise TooManyStatusLists(f"An issuer has at most {MOST_LISTS} status lists of its own; use one of those.")
    return [
        OwnStatusListOpened(
            issuer_id=command.issuer_id,
            issuer_did=issuer.did,
            set_id=command.set_id,
            size=command.size,
            member=command.member,
        )
    ]


def _set(command: SetListEntry, found: OwnList, entry: Entry) -> list[AnyEvent]:
    purpose, bits = found.member.purpose, found.member.bits
    if not 0 <= command.index < found.size:
        raise Malformed(f"The list has the indices 0 to {found.size - 1}.", pointer="/credentialStatus/statusListIndex")
    if not 0 <= command.value < 1 << bits:
        raise Malformed(f"An entry of the list has the values 0x0 to {(1 << bits) - 1:#x}.", pointer="/status")
    if command.value == entry.value:
        return []
    if purpose in _FINAL and not command.value:
        raise IllegalTransition(f"The entry is set; {purpose} is final.", currentStatus="set", requestedStatus="clear")
    return [
        StatusListEntrySet(
            issuer_id=command.issuer_id,
            set_id=command.set_id,
            purpose=purpose,
            index=command.index,
            value=command.value,
        )
    ]


def evolve(state: OwnLists | None, recorded: Recorded) -> OwnLists:
    """Return the issuer's lists after *recorded*."""
    match recorded.event:
        case OwnStatusListOpened() as event:
            opened = OwnList(ListSetId(event.set_id), event.size, event.member, recorded.position)
            return (*(state or ()), opened)
    return state or ()
