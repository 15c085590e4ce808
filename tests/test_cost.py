"""What a registry of some size costs: the arithmetic, and the page that tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from load_tests import cost
from load_tests.needs import DEMANDS, LINES, Assumed, Measured, checks_per_s, disk_gb, first_limit, origin_per_s

README = Path(__file__).parents[1] / "load_tests" / "README.md"
STATE, STATES, WORLD = DEMANDS


def test_needs_are_what_a_reader_computes_by_hand():
    measured = replace(
        Measured(),
        log_bytes=1_000,
        credential_bytes=500,
        key_bytes=400,
        list_stored_bytes=20_000,
        projected_per_s=10_000,
    )
    assumed = replace(Assumed(), events_per_credential=2, keyed=1, checks_per_credential=31.536, peak=2)
    assert disk_gb(STATE, measured, assumed) == pytest.approx(17 * 2.9 + 17e6 / 131_072 * 2 * 20_000 / 1e9)
    assert checks_per_s(STATE, assumed) == pytest.approx(17e6 * 31.536 / 31_536_000 * 2)
    assert origin_per_s(STATE, replace(assumed, ttl_s=1e6)) == pytest.approx(STATE.lists * 50 / 1e6)
    assert origin_per_s(STATE, assumed) == checks_per_s(STATE, assumed)
    rebuilding = next(line for line in LINES if line.name.startswith("rebuilding"))
    assert rebuilding.of(STATES, measured, assumed) == pytest.approx(834e6 * 2 / 10_000 / 3_600 / 50)


def test_the_first_limit_is_what_is_used_most():
    slow = replace(Measured(), append_per_s=100)
    assert first_limit(STATE, slow, Assumed()) == ("use of sequencing", 2)
    name, growth = first_limit(STATE, replace(Measured(), log_bytes=300_000), Assumed())
    assert name == "use of the disk after ten years"
    assert growth < 1


def test_the_sizes_are_those_of_the_plan():
    assert [one.credentials / 1e6 for one in DEMANDS] == [17, 834, 10_000]
    assert [round(one.lists / 2) for one in DEMANDS] == pytest.approx([127, 6_365, 76_300], rel=0.03)
    assert WORLD.peak_events_per_s == 8_000


def test_an_input_of_ones_own_replaces_a_measured_or_an_assumed_one():
    measured, assumed = cost.with_settings(["list_ms=7", "ttl_s=300"])
    assert (measured, assumed) == (replace(Measured(), list_ms=7), replace(Assumed(), ttl_s=300))
    with pytest.raises(ValueError, match="no input 'tll_s'; there are log_bytes"):
        cost.with_settings(["tll_s=300"])
    with pytest.raises(ValueError, match="could not convert"):
        cost.with_settings(["ttl_s=long"])


def test_the_cost_page_is_what_the_script_says():
    assert cost.markdown(Measured(), Assumed()) in README.read_text(encoding="utf-8")
