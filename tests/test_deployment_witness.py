"""What the load generator for people's own deployments holds against each other: pure, on a clock that tests turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from load_tests.deployment.entries import Entries
from load_tests.deployment.version import Version, Wrong
from load_tests.deployment.witness import Witness
from projections.status_lists import encoded_list
from projections.status_lists.representation import STATUSLIST_JWT

URL, SIZE = "https://status.example/status-lists/1", 131_072
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def version(*indices: int, second: int = 0, purpose: str = "revocation") -> Version:
    bits = encoded_list.bits(indices, SIZE)
    begins = NOON + timedelta(seconds=second)
    return Version(URL, purpose, begins, begins + HOUR, bits, f'"{second}-{indices}"')


@pytest.fixture
def witness() -> Witness:
    return Witness(visible_s=10, settle_s=1)


# ── two versions of one second ───────────────────────────────────────────────────────────────────────────────


def test_the_version_of_one_second_with_fewer_bits_may_be_served_for_as_long_as_caches_settle(witness):
    for moment in (0, 0.5, 1, 1.5):
        witness.read(version(5, 6), moment, moment)
        witness.read(version(5), min(moment, 1), moment)


def test_the_version_of_one_second_with_fewer_bits_is_a_lie_after_that(witness):
    witness.read(version(5), 0, 0)
    witness.read(version(5, 6), 0, 0.1)
    witness.read(version(5), 1, 1)
    with pytest.raises(Wrong, match=r"at index 6 .* was taken back"):
        witness.read(version(5), 1.2, 1.3)


def test_what_is_read_again_of_one_second_does_not_begin_the_settling_anew(witness):
    witness.read(version(5, 6), 0, 0.1)
    witness.read(version(5, 6), 5, 5)
    with pytest.raises(Wrong, match=r"at index 6 .* was taken back"):
        witness.read(version(5), 5.1, 5.1)


def test_two_versions_of_one_second_that_each_lack_a_bit_of_the_other_are_a_lie_at_once(witness):
    witness.read(version(5, 6), 0, 0)
    with pytest.raises(Wrong, match=r"at index 6 .* was taken back"):
        witness.read(version(5, 7), 0, 0)


def test_a_suspension_may_be_lifted_within_the_second(witness):
    for moment in range(5):
        witness.read(version(5, purpose="suspension"), moment, moment)
        witness.read(version(purpose="suspension"), moment, moment)


def test_the_same_version_under_another_entity_tag_is_no_other_version(witness):
    witness.read(version(5), 0, 0)
    witness.read(replace(version(5), etag='"of nginx"'), 0, 0)
    assert witness.versions == 1


# ── versions of several seconds ──────────────────────────────────────────────────────────────────────────────


def test_a_version_before_the_newest_has_no_bit_that_the_newest_lacks(witness):
    witness.read(version(5, second=1), 0, 0)
    witness.read(version(second=0), 0, 0)
    with pytest.raises(Wrong, match=r"at index 6 .* was taken back"):
        witness.read(version(6, second=0), 0, 0)


def test_a_version_before_the_newest_is_a_lie_when_caches_have_settled(witness):
    witness.read(version(5, second=1), 0, 0)
    with pytest.raises(Wrong, match="went back"):
        witness.read(version(5, second=0), 2, 2)


def test_a_version_long_ago_is_a_lie_also_where_there_is_a_newer_one_every_moment(witness):
    for second in range(8):
        witness.read(version(second=second), second / 2, second / 2)
    witness.read(version(second=5), 3.5, 3.5)
    with pytest.raises(Wrong, match="went back"):
        witness.read(version(second=3), 3.5, 3.5)


def test_a_list_is_not_unchanged_beyond_its_validity(witness):
    witness.read(version(5), 0, 0)
    witness.unchanged(URL, version(5).etag, 1, 1, NOON + HOUR - timedelta(seconds=1))
    with pytest.raises(Wrong, match=r"said to be unchanged, but .* valid until 2026-11-25 13:00:00"):
        witness.unchanged(URL, version(5).etag, 2, 2, NOON + HOUR)


def test_a_list_that_is_unchanged_still_lacks_what_it_lacked(witness):
    witness.entries.allocated("urn:5", [("revocation", URL, 5)])
    witness.entries.begun(URL, 5)
    witness.read(version(), 0, 0)
    witness.entries.acknowledged(URL, 5, 1, 1)
    with pytest.raises(Wrong, match="was lost"):
        witness.unchanged(URL, version().etag, 12, 12, NOON)


def test_a_position_may_be_passed_for_as_long_as_processes_settle(witness):
    for number in range(8):
        witness.position("lookups", number, number / 2, number / 2)
    witness.position("lookups", 5, 3.5, 3.5)
    with pytest.raises(Wrong, match="went back: from position 4 of the log to 3"):
        witness.position("lookups", 3, 3.5, 3.5)


# ── entries of the run's own credentials ─────────────────────────────────────────────────────────────────────


@pytest.fixture
def entries(witness) -> Entries:
    """Of a witness that knows one credential, which has index 5."""
    for number in (5, 70_000):
        witness.entries.allocated(f"urn:{number}", [("revocation", URL, number), ("message", URL, number + 1)])
    return witness.entries


def test_a_bit_about_which_nothing_was_written_is_never_set(witness, entries):
    witness.read(version(4, 6), 0, 0)
    entries.begun(URL, 5)
    with pytest.raises(Wrong, match=r"Index 70000 of .* is set, but it is urn:70000's"):
        witness.read(version(4, 5, 6, 70_000, second=1), 0, 0)


def test_while_a_write_is_under_way_either_value_may_be_read(witness, entries):
    entries.begun(URL, 5)
    witness.read(version(), 100, 100)
    witness.read(version(5, second=1), 100, 100)


def test_a_change_that_was_acknowledged_must_be_read_in_time(witness, entries):
    entries.begun(URL, 5)
    entries.acknowledged(URL, 5, 1, 20)
    witness.read(version(), 30, 31)
    assert entries.awaited() == [URL]
    assert entries.awaited_until() == 30
    with pytest.raises(Wrong, match=r"revocation of urn:5 was acknowledged 10.1 s ago, but index 5 .* is not set"):
        witness.read(version(), 30.1, 31)


def test_a_token_that_is_left_behind_is_found(witness, entries):
    entries.begun(URL, 5)
    entries.acknowledged(URL, 5, 1, 20)
    witness.read(version(5), 40, 40)
    with pytest.raises(Wrong, match=r"is not set in its form application/statuslist\+jwt"):
        witness.read(replace(version(), etag="", form=STATUSLIST_JWT), 40, 40)


def test_each_form_of_a_list_has_moments_of_its_own(witness):
    witness.read(replace(version(second=300), etag="", form=STATUSLIST_JWT), 0, 0)
    witness.read(version(), 10, 10)
    assert witness.newest(URL) == version()


def test_how_long_a_change_took_is_counted_once(witness, entries):
    entries.begun(URL, 5)
    entries.acknowledged(URL, 5, 1, 20)
    for moment in (22, 24):
        witness.read(version(5), moment - 1, moment)
    assert entries.visible_after_s == [2]
    assert entries.awaited() == []


def test_a_suspension_that_was_lifted_must_be_gone_in_time(witness, entries):
    for value, acknowledged in ((1, 0), (0, 20)):
        entries.begun(URL, 5)
        entries.acknowledged(URL, 5, value, acknowledged)
    witness.read(version(5, purpose="suspension"), 30, 30)
    witness.read(version(purpose="suspension", second=1), 30, 30)
    with pytest.raises(Wrong, match=r"end of the suspension of urn:5 .* is still set"):
        witness.read(version(5, purpose="suspension", second=2), 31, 31)


def test_a_suspension_that_was_seen_may_not_vanish(witness, entries):
    entries.begun(URL, 5)
    entries.acknowledged(URL, 5, 1, 0)
    witness.read(version(5, purpose="suspension"), 1, 1)
    with pytest.raises(Wrong, match=r"suspension of urn:5 .* is not set"):
        witness.read(version(purpose="suspension", second=1), 11, 11)


def test_a_write_that_was_refused_leaves_the_entry_as_it_was(witness, entries):
    entries.begun(URL, 5)
    entries.refused(URL, 5)
    with pytest.raises(Wrong, match="nothing was ever recorded"):
        witness.read(version(5), 0, 0)


def test_an_index_belongs_to_one(entries):
    with pytest.raises(Wrong, match="given twice: to urn:5 and to urn:6"):
        entries.allocated("urn:6", [("revocation", URL, 5)])
