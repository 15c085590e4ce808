"""Lists whose indices an issuer gives out itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import errors
from registry.domain import own_list
from registry.domain.commands import OpenOwnList, SetListEntry, SuspendIssuer
from registry.domain.events import (
    DidAdopted,
    IssuerReinstated,
    IssuerSuspended,
    ListMember,
    OwnStatusListOpened,
    Purpose,
    StatusListEntrySet,
    StatusMessage,
)
from registry.domain.names import ListSetId, issuer_stream, list_entry_stream, own_lists_stream
from registry.domain.own_list import Entry
from tests.domain.facts import DID, ISSUER, LATER, NEXT_SET, SET, after, recorded
from tests.domain.test_issuer import REGISTERED

STREAM = own_lists_stream(ISSUER)
SIZE = 131_072
ISSUER_NOW = after(issuer_stream(ISSUER), REGISTERED, DidAdopted(issuer_id=ISSUER, did=DID))
MESSAGES = tuple(StatusMessage(status=f"{value:#x}", message="m") for value in range(4))


def member(purpose: Purpose = Purpose.REVOCATION, **fields: Any) -> ListMember:
    return ListMember(
        purpose=purpose, status_list_id=UUID(int=7), url="https://registry.example/status-lists/7", **fields
    )


def opening(purpose: Purpose = Purpose.REVOCATION, set_id: ListSetId = SET, **fields: Any) -> OpenOwnList:
    return OpenOwnList(LATER, ISSUER, set_id, SIZE, member(purpose, **fields))


def opened(purpose: Purpose = Purpose.REVOCATION, set_id: ListSetId = SET, **fields: Any) -> OwnStatusListOpened:
    return OwnStatusListOpened(
        issuer_id=ISSUER, issuer_did=DID, set_id=set_id, size=SIZE, member=member(purpose, **fields)
    )


def setting(value: int = 1, index: int = 5, set_id: ListSetId = SET) -> SetListEntry:
    return SetListEntry(LATER, ISSUER, set_id, index, value)


@pytest.mark.parametrize("purpose", [Purpose.REVOCATION, Purpose.SUSPENSION, Purpose.REFRESH])
def test_a_list_is_opened_under_the_issuers_did(purpose: Purpose) -> None:
    assert own_list.decide(opening(purpose), None, issuer=ISSUER_NOW) == [opened(purpose)]


def test_there_may_be_several_lists_of_a_purpose() -> None:
    lists = after(STREAM, opened())
    assert own_list.decide(opening(set_id=NEXT_SET), lists, issuer=ISSUER_NOW) == [opened(set_id=NEXT_SET)]
    assert [one.set_id for one in after(STREAM, opened(), opened(set_id=NEXT_SET))] == [SET, NEXT_SET]


@pytest.mark.parametrize(
    ("command", "issuer", "error"),
    [
        (opening(Purpose.TOKEN, status_size=2), ISSUER_NOW, errors.Malformed),
        (opening(Purpose.REVOCATION, status_size=2), ISSUER_NOW, errors.Malformed),
        (opening(Purpose.MESSAGE), ISSUER_NOW, errors.Malformed),
        (opening(), None, errors.UnknownIssuer),
        (
            opening(),
            after(issuer_stream(ISSUER), REGISTERED, IssuerSuspended(issuer_id=ISSUER)),
            errors.IssuerNotActive,
        ),
    ],
    ids=["token", "two bits of revocation", "without messages", "nobody", "suspended"],
)
def test_what_cannot_be_opened_is_refused(command: Any, issuer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        own_list.decide(command, None, issuer=issuer)


def test_an_issuer_has_a_bounded_number_of_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_list, "MOST_LISTS", 1)
    with pytest.raises(errors.TooManyStatusLists):
        own_list.decide(opening(set_id=NEXT_SET), after(STREAM, opened()), issuer=ISSUER_NOW)


LAST = SIZE - 1
ENTRIES: list[tuple[str, OwnStatusListOpened, int, SetListEntry, Any]] = [
    ("a clear bit is set", opened(), 0, setting(1), 1),
    ("a set bit stays set", opened(), 1, setting(1), None),
    ("a clear bit stays clear", opened(), 0, setting(0), None),
    ("the last index", opened(), 0, setting(1, LAST), 1),
    ("a revocation is final", opened(), 1, setting(0), errors.IllegalTransition),
    ("a refresh is final", opened(Purpose.REFRESH), 1, setting(0), errors.IllegalTransition),
    ("a suspension is lifted", opened(Purpose.SUSPENSION), 1, setting(0), 0),
    ("a message", opened(Purpose.MESSAGE, status_size=2, messages=MESSAGES), 3, setting(2), 2),
    ("and back", opened(Purpose.MESSAGE, status_size=2, messages=MESSAGES), 3, setting(0), 0),
    ("a value too large", opened(Purpose.MESSAGE, status_size=2, messages=MESSAGES), 0, setting(4), errors.Malformed),
    ("a bit has no value 2", opened(), 0, setting(2), errors.Malformed),
    ("an index beyond the list", opened(), 0, setting(1, SIZE), errors.Malformed),
    ("an index before it", opened(), 0, setting(1, -1), errors.Malformed),
    ("another list", opened(), 0, setting(1, set_id=NEXT_SET), errors.UnknownStatusList),
]


@pytest.mark.parametrize(
    ("fact", "before", "command", "expected"), [row[1:] for row in ENTRIES], ids=[row[0] for row in ENTRIES]
)
def test_an_entry_says_what_the_issuer_says(
    fact: OwnStatusListOpened, before: int, command: SetListEntry, expected: Any
) -> None:
    lists, entry = after(STREAM, fact), Entry(before, 9)
    if isinstance(expected, type):
        with pytest.raises(expected):
            own_list.decide(command, lists, entry=entry)
        return
    facts = own_list.decide(command, lists, entry=entry)
    assert [one.value for one in facts if isinstance(one, StatusListEntrySet)] == (
        [] if expected is None else [expected]
    )
    folded = after(list_entry_stream(SET, command.index), *facts) or entry
    assert own_list.decide(replace(command, value=folded.value), lists, entry=folded) == []


@given(st.lists(st.integers(0, 1), max_size=20))
def test_a_revocation_has_no_way_back(values: list[int]) -> None:
    lists, entry, was_set = after(STREAM, opened()), Entry(), False
    for position, value in enumerate(values, 1):
        try:
            facts = own_list.decide(setting(value), lists, entry=entry)
        except errors.IllegalTransition:
            assert was_set
            continue
        for fact in facts:
            entry = Entry(fact.value, position)  # type: ignore[union-attr]  # no other fact follows
        was_set = was_set or value == 1
        assert entry.value == int(was_set)


def test_a_command_without_a_decision_is_a_defect() -> None:
    with pytest.raises(TypeError, match="SuspendIssuer"):
        own_list.decide(SuspendIssuer(LATER, ISSUER), None)


def test_a_fact_of_another_kind_changes_nothing() -> None:
    lists = after(STREAM, opened())
    other = recorded(IssuerReinstated(issuer_id=ISSUER), stream=STREAM)
    assert own_list.evolve(lists, other) == lists
    assert own_list.evolve(None, other) == ()
