"""Status list sets: opening, closing, allocation, and the entries that go into a credential."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import errors
from registry.domain import status_list
from registry.domain.commands import AddListMembers, CloseListSet, OpenListSet, SuspendIssuer
from registry.domain.credential import PURPOSES
from registry.domain.events import (
    Allocation,
    AnyEvent,
    IssuerReinstated,
    ListMember,
    Permutation,
    Purpose,
    StatusListMemberAdded,
    StatusListSetClosed,
    StatusListSetOpened,
    StatusMessage,
    StatusProfile,
)
from registry.domain.names import ListSetId, lists_stream
from registry.domain.permutation import IndexPermutation
from registry.domain.status_list import ListSet, ListSets
from tests.domain.facts import DID, ISSUER, LATER, NEXT_SET, SET, after, recorded

STREAM = lists_stream(ISSUER)
SIZE = status_list.MINIMUM_SIZE
ORIGIN = "https://registry.example/status-lists"
MEMBERS = tuple(
    ListMember(purpose=purpose, status_list_id=UUID(int=n), url=f"{ORIGIN}/{UUID(int=n)}")
    for n, purpose in enumerate((Purpose.REVOCATION, Purpose.SUSPENSION))
)
OTHER_DID = "did:key:z6Mk2"


def opened(set_id: ListSetId = SET, size: int = SIZE, did: str = DID) -> StatusListSetOpened:
    return StatusListSetOpened(
        issuer_id=ISSUER, issuer_did=did, set_id=set_id, size=size, permutation=Permutation(), members=MEMBERS
    )


def opening(set_id: ListSetId, behind: ListSetId | None) -> OpenListSet:
    return OpenListSet(LATER, ISSUER, set_id, SIZE, MEMBERS, behind, DID)


def growing(*sets: ListSetId, purpose: Purpose = Purpose.REFRESH) -> AddListMembers:
    return AddListMembers(LATER, ISSUER, purpose, tuple((set_id, member_of(purpose)) for set_id in sets or (SET,)))


def grown(set_id: ListSetId = SET, purpose: Purpose = Purpose.REFRESH) -> StatusListMemberAdded:
    return StatusListMemberAdded(issuer_id=ISSUER, set_id=set_id, member=member_of(purpose))


def member_of(purpose: Purpose) -> ListMember:
    return ListMember(purpose=purpose, status_list_id=UUID(int=77), url=f"{ORIGIN}/{UUID(int=77)}")


CLOSED = StatusListSetClosed(issuer_id=ISSUER, set_id=SET, reason="exhausted")
CLOSE = CloseListSet(LATER, ISSUER, SET, "exhausted")

TABLE: list[tuple[str, tuple[AnyEvent, ...], OpenListSet | AddListMembers | CloseListSet, list[AnyEvent]]] = [
    ("the first set is opened", (), opening(SET, None), [opened(SET)]),
    ("the next set is opened", (opened(),), opening(NEXT_SET, SET), [opened(NEXT_SET)]),
    ("a set is opened behind a closed one", (opened(), CLOSED), opening(NEXT_SET, SET), [opened(NEXT_SET)]),
    ("somebody opened the first set already", (opened(),), opening(NEXT_SET, None), []),
    ("somebody opened the next set already", (opened(), opened(NEXT_SET)), opening(ListSetId(UUID(int=9)), SET), []),
    ("an unknown set is no place to stand behind", (), opening(NEXT_SET, SET), []),
    ("an open set is closed", (opened(),), CLOSE, [CLOSED]),
    ("one of two sets is closed", (opened(), opened(NEXT_SET)), CLOSE, [CLOSED]),
    ("a closed set stays closed", (opened(), CLOSED), CLOSE, []),
    ("an unknown set cannot be closed", (opened(NEXT_SET),), CLOSE, []),
    ("each set gets one list more", (opened(), opened(NEXT_SET)), growing(SET, NEXT_SET), [grown(), grown(NEXT_SET)]),
    (
        "what one has already is not added",
        (opened(), grown(), opened(NEXT_SET)),
        growing(SET, NEXT_SET),
        [grown(NEXT_SET)],
    ),
    ("a closed set gets one, too, for its indices are in the world", (opened(), CLOSED), growing(), [grown()]),
    ("a set has one list of a purpose", (opened(), grown()), growing(), []),
    ("the lists it was opened with count", (opened(),), growing(purpose=Purpose.SUSPENSION), []),
    ("without sets nothing grows", (), growing(), []),
    ("a set that would lack a list is not opened", (opened(), grown()), opening(NEXT_SET, SET), []),
    ("nothing can be closed before the first opening", (), CLOSE, []),
]


@pytest.mark.parametrize(("facts", "command", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_sets_are_opened_and_closed(facts: Any, command: Any, expected: Any) -> None:
    assert status_list.decide(command, after(STREAM, *facts)) == expected


@pytest.mark.parametrize(("facts", "command", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_repeated_command_records_nothing(facts: Any, command: Any, expected: Any) -> None:
    assert status_list.decide(command, after(STREAM, *facts, *expected)) == []


def test_a_set_that_was_opened_meanwhile_is_not_left_out() -> None:
    with pytest.raises(errors.ListsNotReady):
        status_list.decide(growing(SET), after(STREAM, opened(), opened(NEXT_SET)))


def messages(bits: int) -> tuple[StatusMessage, ...]:
    return tuple(StatusMessage(status=f"{value:#x}", message=f"message {value}") for value in range(1 << bits))


def wanted(purpose: Purpose, **shape: Any) -> AddListMembers:
    return AddListMembers(LATER, ISSUER, purpose, ((SET, member_of(purpose).model_copy(update=shape)),))


@pytest.mark.parametrize(
    ("purpose", "shape"),
    [
        (Purpose.MESSAGE, {"status_size": 1, "messages": messages(1)}),
        (Purpose.MESSAGE, {"messages": messages(1), "reference": ("https://a.example/x", "http://a.example/y")}),
        (Purpose.MESSAGE, {"status_size": 8, "messages": messages(8)}),
        *((Purpose.TOKEN, {"status_size": bits}) for bits in (1, 2, 4, 8)),
    ],
    ids=str,
)
def test_a_list_may_have_any_shape_of_its_purpose(purpose: Purpose, shape: dict[str, Any]) -> None:
    [fact] = status_list.decide(wanted(purpose, **shape), after(STREAM, opened()))
    assert isinstance(fact, StatusListMemberAdded)
    assert fact.member.bits == shape.get("status_size", 1)


@pytest.mark.parametrize(
    ("purpose", "shape"),
    [
        (Purpose.REFRESH, {"status_size": 2}),
        (Purpose.REFRESH, {"messages": messages(1)}),
        (Purpose.REFRESH, {"reference": ("https://a.example/x",)}),
        (Purpose.TOKEN, {"status_size": 3}),
        (Purpose.TOKEN, {"status_size": 2, "messages": messages(2)}),
        (Purpose.MESSAGE, {}),
        (Purpose.MESSAGE, {"status_size": 2, "messages": messages(1)}),
        (Purpose.MESSAGE, {"status_size": 1, "messages": messages(1)[::-1]}),
        (Purpose.MESSAGE, {"status_size": 9, "messages": messages(9)}),
        (Purpose.MESSAGE, {"messages": messages(1), "reference": ("urn:x",)}),
        (Purpose.MESSAGE, {"messages": messages(1), "reference": ("https://a.example/?a&b",)}),
        *(
            (Purpose.MESSAGE, {"messages": (messages(1)[0], StatusMessage(status="0x1", message=text))})
            for text in ("", "a&amp;b", "two\nlines", 'quo"ted', "back\\slash", "<b>", "x" * 201, "\ud800")
        ),
    ],
    ids=str,
)
def test_a_shape_that_no_list_can_have_is_refused(purpose: Purpose, shape: dict[str, Any]) -> None:
    with pytest.raises(errors.Malformed):
        status_list.decide(wanted(purpose, **shape), after(STREAM, opened()))


def test_what_credentials_say_of_a_list_cannot_be_changed() -> None:
    two_bits = wanted(Purpose.TOKEN, status_size=2)
    sets = after(STREAM, opened(), *status_list.decide(two_bits, after(STREAM, opened())))
    assert status_list.decide(two_bits, sets) == []
    with pytest.raises(errors.StatusListDiffers):
        status_list.decide(wanted(Purpose.TOKEN, status_size=4), sets)


def test_a_restored_log_closes_sets_for_its_own_reason() -> None:
    [fact] = status_list.decide(replace(CLOSE, reason="log-restored"), after(STREAM, opened()))
    assert isinstance(fact, StatusListSetClosed)
    assert fact.reason == "log-restored"


def test_a_command_without_a_decision_is_a_defect() -> None:
    with pytest.raises(TypeError, match="SuspendIssuer"):
        status_list.decide(SuspendIssuer(LATER, ISSUER), None)


def test_a_fact_of_another_kind_changes_nothing() -> None:
    sets = after(STREAM, opened())
    assert status_list.evolve(sets, recorded(IssuerReinstated(issuer_id=ISSUER), stream=STREAM)) == sets


# ── allocation ───────────────────────────────────────────────────────────────────────────────────────────────


def straight(_: ListSetId, number: int) -> int:
    return number


def test_the_oldest_set_with_room_gives_the_next_index() -> None:
    sets = after(STREAM, opened(), opened(NEXT_SET))
    given_out = {SET: SIZE - 1, NEXT_SET: 0}
    _, allocation = status_list.allocate(sets, DID, given_out.__getitem__, lambda _, number: number ^ 1)
    assert allocation == Allocation(set_id=SET, number=SIZE - 1, index=(SIZE - 1) ^ 1)


@pytest.mark.parametrize(
    ("facts", "given_out"),
    [
        ((opened(), opened(NEXT_SET)), {SET: SIZE, NEXT_SET: 3}),
        ((opened(), CLOSED, opened(NEXT_SET)), {SET: 5, NEXT_SET: 3}),
        ((opened(did=OTHER_DID), opened(NEXT_SET)), {SET: 5, NEXT_SET: 3}),
    ],
    ids=["full", "closed", "of another DID"],
)
def test_a_set_that_cannot_be_used_is_passed_over(facts: Any, given_out: dict[ListSetId, int]) -> None:
    _, allocation = status_list.allocate(after(STREAM, *facts), DID, given_out.__getitem__, straight)
    assert allocation == Allocation(set_id=NEXT_SET, number=3, index=3)


@pytest.mark.parametrize(
    "sets",
    [(), after(STREAM, opened(), CLOSED), after(STREAM, opened(did=OTHER_DID)), after(STREAM, opened(size=5))],
    ids=["none", "closed", "of another DID", "full"],
)
def test_without_room_the_caller_is_asked_to_repeat(sets: ListSets) -> None:
    with pytest.raises(errors.ListsNotReady):
        status_list.allocate(sets, DID, lambda _: 5, straight)


def test_no_index_is_given_out_of_a_list_that_cannot_be_fetched() -> None:
    def unpublished(_: ListSetId, __: int) -> int:
        raise errors.ListsNotReady("The lists are being published.")

    with pytest.raises(errors.ListsNotReady, match="being published"):
        status_list.allocate(after(STREAM, opened()), DID, lambda _: 0, unpublished)


@pytest.mark.parametrize(
    ("facts", "given_out", "expected"),
    [
        ((), {}, True),
        ((opened(size=100),), {SET: 74}, False),
        ((opened(size=100),), {SET: 75}, True),
        ((opened(size=100), opened(NEXT_SET, 100)), {SET: 100, NEXT_SET: 0}, False),
        ((opened(size=100), opened(NEXT_SET, 100)), {SET: 100, NEXT_SET: 75}, True),
        ((opened(size=100), CLOSED), {}, True),
        ((opened(size=100, did=OTHER_DID),), {}, True),
    ],
)
def test_the_next_set_is_wanted_when_three_quarters_of_the_newest_are_gone(
    facts: Any, given_out: dict[ListSetId, int], expected: bool
) -> None:
    assert status_list.needs_next(after(STREAM, *facts) or (), DID, given_out.__getitem__) is expected


@given(
    steps=st.lists(st.sampled_from(["allocate", "open", "close oldest"]), max_size=120),
    key=st.binary(min_size=32, max_size=32),
    size=st.integers(2, 24),
)
def test_no_index_is_given_out_twice_however_sets_come_and_go(steps: list[str], key: bytes, size: int) -> None:
    """Any interleaving of allocations, openings and closings; and a closed set gives out nothing."""
    sets: ListSets = ()
    permutation = IndexPermutation(key, size)
    given_out: Counter[ListSetId] = Counter()
    seen: set[tuple[UUID, int]] = set()
    for n, step in enumerate(steps):
        facts: list[AnyEvent] = []
        if step == "open":
            facts = status_list.decide(replace(opening(ListSetId(UUID(int=n)), last(sets)), size=size), sets)
        elif step == "close oldest":
            oldest = next((one.set_id for one in sets if one.is_open), SET)
            facts = status_list.decide(replace(CLOSE, set_id=oldest), sets)
        else:
            allocation = allocate(sets, given_out, permutation)
            if allocation is None:
                assert all(not one.is_open or given_out[one.set_id] == size for one in sets)
                continue
            place = (allocation.set_id, allocation.index)
            assert place not in seen
            assert 0 <= allocation.index < size
            assert next(one for one in sets if one.set_id == allocation.set_id).is_open
            seen.add(place)
            given_out[ListSetId(allocation.set_id)] += 1
        for fact in facts:
            sets = status_list.evolve(sets, recorded(fact, stream=STREAM))


def last(sets: ListSets) -> ListSetId | None:
    return sets[-1].set_id if sets else None


def allocate(sets: ListSets, given_out: Counter[ListSetId], permutation: IndexPermutation) -> Allocation | None:
    try:
        return status_list.allocate(sets, DID, given_out.__getitem__, lambda _, number: permutation.index(number))[1]
    except errors.ListsNotReady:
        return None


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_credential_gets_one_entry_per_purpose_of_its_profile() -> None:
    urls = {member.purpose: member.url for member in MEMBERS}
    assert status_list.status_entries(MEMBERS, PURPOSES[StatusProfile.VC2], 94_567) == [
        {
            "id": f"{urls[Purpose.REVOCATION]}#94567",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "94567",
            "statusListCredential": urls[Purpose.REVOCATION],
        },
        {
            "id": f"{urls[Purpose.SUSPENSION]}#94567",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "suspension",
            "statusListIndex": "94567",
            "statusListCredential": urls[Purpose.SUSPENSION],
        },
    ]


def test_a_message_entry_says_what_its_values_mean() -> None:
    member = member_of(Purpose.MESSAGE).model_copy(
        update={"status_size": 2, "messages": messages(2), "reference": ("https://a.example/x",)}
    )
    assert status_list.status_entries((member,), (Purpose.MESSAGE,), 7) == [
        {
            "id": f"{member.url}#7",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "message",
            "statusListIndex": "7",
            "statusListCredential": member.url,
            "statusSize": 2,
            "statusMessage": [{"status": f"0x{n}", "message": f"message {n}"} for n in range(4)],
            "statusReference": "https://a.example/x",
        }
    ]
    assert status_list.message_of(member, 3) == {"status": "0x3", "message": "message 3"}


ALL_MEMBERS = tuple(member_of(purpose) for purpose in reversed(Purpose))


@pytest.mark.parametrize(
    ("profile", "members", "expected"),
    [
        (StatusProfile.VC2, MEMBERS, "revocation suspension"),
        (StatusProfile.VC2, ALL_MEMBERS, "revocation suspension refresh message token"),
        (StatusProfile.OB3, MEMBERS, "revocation"),
        (StatusProfile.OB3, ALL_MEMBERS, "revocation token"),
    ],
)
def test_a_credential_is_spoken_about_by_the_lists_there_are(profile: Any, members: Any, expected: str) -> None:
    assert " ".join(status_list.purposes(profile, members)) == expected


@given(
    members=st.permutations([*ALL_MEMBERS[:1], *MEMBERS]),
    asked=st.lists(st.tuples(st.lists(st.sampled_from(Purpose), unique=True), st.integers(0, SIZE - 1)), max_size=4),
)
def test_a_set_tells_what_its_members_tell_however_often_it_is_asked(members: Any, asked: Any) -> None:
    one = ListSet(SET, DID, SIZE, tuple(members))
    for purposes, index in asked:
        entries = one.entries(tuple(purposes), index)
        assert entries == status_list.status_entries(members, purposes, index)
        for entry in entries:
            entry["id"] = "spoilt by whoever was told"


def test_a_set_that_got_a_list_tells_it() -> None:
    before = ListSet(SET, DID, SIZE, MEMBERS[:1])
    assert len(before.entries(PURPOSES[StatusProfile.VC2], 1)) == 1
    assert len(replace(before, members=MEMBERS).entries(PURPOSES[StatusProfile.VC2], 1)) == 2


def test_the_token_list_is_a_claim_and_no_entry() -> None:
    about = (ALL_MEMBERS, tuple(Purpose), 7)
    assert [one["statusPurpose"] for one in status_list.status_entries(*about)] == [*Purpose][:-1]
    assert status_list.status_claim(*about) == {"status_list": {"idx": 7, "uri": ALL_MEMBERS[0].url}}
    assert status_list.status_claim(MEMBERS, tuple(Purpose), 7) is None
    assert status_list.status_claim(ALL_MEMBERS, PURPOSES[StatusProfile.VC2], 7) is None, "it was issued before"


@pytest.mark.parametrize("profile", StatusProfile)
@pytest.mark.parametrize("members", [MEMBERS, MEMBERS[::-1]])
def test_revocation_comes_first_whatever_the_order_of_the_lists(profile: StatusProfile, members: Any) -> None:
    entries = status_list.status_entries(members, PURPOSES[profile], 0)
    assert entries[0]["statusPurpose"] == "revocation"


@given(index=st.integers(0, SIZE - 1), profile=st.sampled_from(StatusProfile))
def test_an_index_is_a_decimal_string_and_an_entry_is_not_its_list(index: int, profile: StatusProfile) -> None:
    for entry in status_list.status_entries(MEMBERS, PURPOSES[profile], index):
        assert entry["statusListIndex"] == f"{index:d}"
        assert entry["id"] != entry["statusListCredential"]
        assert all(type(value) is str for value in entry.values())


def test_open_badges_get_an_object_and_the_others_an_array() -> None:
    single = status_list.status_entries(MEMBERS, PURPOSES[StatusProfile.OB3], 1)
    several = status_list.status_entries(MEMBERS, PURPOSES[StatusProfile.VC2], 1)
    assert status_list.credential_status(StatusProfile.OB3, single) == single[0]
    assert status_list.credential_status(StatusProfile.VC2, several) == several


def test_a_set_remembers_what_was_signed_into_its_lists() -> None:
    assert after(STREAM, opened(), CLOSED) == (ListSet(SET, DID, SIZE, MEMBERS, is_open=False, position=2),)


def test_a_list_that_is_added_stands_behind_the_others_of_its_set() -> None:
    [changed, unchanged] = after(STREAM, opened(), opened(NEXT_SET), grown())
    assert changed.members == (*MEMBERS, member_of(Purpose.REFRESH))
    assert unchanged.members == MEMBERS


def test_closing_a_set_leaves_the_others_open() -> None:
    sets = after(STREAM, opened(), opened(NEXT_SET), CLOSED)
    assert [(one.set_id, one.is_open) for one in sets] == [(SET, False), (NEXT_SET, True)]
