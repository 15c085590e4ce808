"""What the load generator for people's own deployments holds against each other: pure, on a clock that tests turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from load_tests.deployment.witness import Version, Witness, Wrong
from projections.status_lists import encoded_list

URL, SIZE = "https://status.example/status-lists/1", 131_072
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def version(*indices: int, second: int = 0, purpose: str = "revocation") -> Version:
    bits = encoded_list.bits(indices, SIZE)
    return Version(URL, purpose, NOON + timedelta(seconds=second), bits, f'"{second}-{indices}"')


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
    witness.read(Version(URL, "revocation", NOON, version(5).bits, '"of nginx"'), 0, 0)
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
