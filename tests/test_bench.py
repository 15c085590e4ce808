"""What measurements end in: judged, kept, told."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from load_tests import bench, page
from load_tests.comparison import Ratio
from load_tests.outcome import Outcome, read, written

FLOOR = Outcome(4, "revoke", 5_000, 20_000, "requests/CPU s", 0.25, 0.3, 0.45, rounds=(0.24, 0.25, 0.26))
CEILING = Outcome(13, "building a list", 0.55, None, "ms", 0.55, 0.5, is_ceiling=True)


@pytest.mark.parametrize(
    ("outcome", "of_target", "is_reached"),
    [
        (FLOOR, 1, False),
        (FLOOR, 0.8, True),
        (replace(FLOOR, value=0.3), 1, True),
        (replace(FLOOR, value=0.239), 0.8, False),
        (CEILING, 1, False),
        (CEILING, 0.8, True),
        (replace(CEILING, value=0.5), 1, True),
        (replace(CEILING, value=0.63), 0.8, False),
        (replace(FLOOR, target=None), 1, True),
    ],
)
def test_a_floor_is_lowered_and_a_ceiling_raised_by_the_share_that_is_asked(outcome, of_target, is_reached):
    assert is_reached == outcome.is_reached(of_target)


def test_a_ratio_is_the_median_of_ratios_round_by_round_against_the_best_rival():
    samples = {"ours": [10.0, 20.0, 90.0], "one": [5.0, 5.0, 5.0], "other": [1.0, 10.0, 9.0]}
    outcome = Ratio(1, "x", "ours", ("one", "other"), 2).of(samples, "events/s")
    assert outcome.rounds == (2.0, 2.0, 10.0)
    assert outcome.value == 2
    assert (outcome.ours, outcome.theirs) == (20, 9)


def test_outcomes_are_read_as_they_were_written(tmp_path):
    (tmp_path / "outcomes.json").write_bytes(written([FLOOR, CEILING]))
    assert read(tmp_path / "outcomes.json") == [FLOOR, CEILING]


def test_the_page_tells_the_last_figure_of_each_name_and_what_was_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    revoke, lists = bench.Script("revoke"), bench.Script("lists")
    bench.kept(revoke, [FLOOR], datetime(2026, 11, 24, tzinfo=UTC))
    bench.kept(lists, [CEILING], datetime(2026, 11, 24, tzinfo=UTC))
    bench.kept(revoke, [FLOOR], datetime(2026, 11, 25, 8, tzinfo=UTC))
    bench.kept(revoke, [replace(FLOOR, value=0.31)], datetime(2026, 11, 25, 9, tzinfo=UTC))

    told = page.text(page.every(tmp_path))

    assert sorted(file.name for file in tmp_path.iterdir()) == ["2026-11-24.json", "2026-11-25.json"]
    assert "| **0.31** | ≥ 0.3: reached |" in told
    assert "| **0.25** |" not in told
    assert "| **0.55** | ≤ 0.5: **missed** |" in told


def test_pictures_are_drawn_of_what_is_kept(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    for day in (24, 25):
        bench.kept(bench.Script("revoke"), [FLOOR, CEILING], datetime(2026, 11, day, tzinfo=UTC))
    page.write(tmp_path)
    assert b"revoke" in (tmp_path / "README.md").read_bytes()
    assert (tmp_path / "ratios.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "history.svg").exists()


def test_a_result_says_when_the_tree_was_not_what_the_commit_is(tmp_path):
    def git(*command: str) -> None:
        who = "-c", "user.name=a", "-c", "user.email=a@example.org"
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True, capture_output=True)

    results, script = tmp_path / "load_tests" / "results" / "today.json", tmp_path / "load_tests" / "append.py"
    results.parent.mkdir(parents=True)
    assert bench.commit(results.parent) == "unknown"
    git("init")
    for file in (results, script):
        file.write_text("1")
    git("add", ".")
    git("commit", "-m", "one")
    clean = bench.commit(script.parent)
    results.write_text("2")  # as a run itself does, script after script
    assert bench.commit(script.parent) == clean
    script.write_text("2")
    assert bench.commit(script.parent) == f"{clean}-dirty"
