"""The page of results and its pictures, made from the dated files: `python -m load_tests.page`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from load_tests.outcome import Outcome, figure

GOOD, BAD, PALE = "#1b7f5c", "#b3432b", "#9aa5b1"


@dataclass(frozen=True, slots=True)
class Dated:
    """An outcome, and the day of the run."""

    day: str
    outcome: Outcome


def every(folder: Path) -> list[Dated]:
    """Return all outcomes that were kept in *folder*, the oldest first."""
    return [
        Dated(file.stem, Outcome(**{**one, "rounds": tuple(one["rounds"])}))
        for file in sorted(folder.glob("*.json"))
        for script in orjson.loads(file.read_bytes())["scripts"].values()
        for one in script["outcomes"]
    ]


def latest(outcomes: Sequence[Dated]) -> list[Dated]:
    """Return the last outcome of each name, by rows of the table, those beside it last."""
    last = {(one.outcome.row, one.outcome.name): one for one in outcomes}
    return sorted(last.values(), key=lambda one: one.outcome.row or 99)


def text(outcomes: Sequence[Dated]) -> str:
    """Return the page as Markdown."""
    lines = [
        "# Results",
        "",
        "Made by `make bench` from the dated files beside this page; how to read them: [../README.md](../README.md).",
        "A row is of the table of ratios; a row without number is a promise beside it.",
        "",
        "![Each judged figure against its target](ratios.svg)",
        "",
        "| row | what | ours | theirs | unit | ratio or figure | target | rounds | day |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_line(one) for one in latest(outcomes)),
        "",
    ]
    if len({one.day for one in outcomes}) > 1:
        lines += ["![How the ratios moved from run to run](history.svg)", ""]
    return "\n".join(lines)


def _line(dated: Dated) -> str:
    one = dated.outcome
    cells = [
        str(one.row or ""),
        one.name,
        figure(one.ours),
        "" if one.theirs is None else figure(one.theirs),
        one.unit,
        f"**{figure(one.value)}**",
        target(one),
        f"{figure(min(one.rounds))} to {figure(max(one.rounds))}" if one.rounds else "",
        dated.day,
    ]
    return f"| {' | '.join(cells)} |"


def target(one: Outcome) -> str:
    """Return what was asked, and whether it was reached."""
    if one.target is None:
        return "told only"
    asked = f"{'≤' if one.is_ceiling else '≥'} {one.target:g}"
    return f"{asked}: {'reached' if one.is_reached() else '**missed**'}"


def _shares(one: Outcome) -> list[float]:
    """Return how much of the target each round made; above 1 is reached, for ceilings too."""
    assert one.target
    values = one.rounds or (one.value,)
    return [one.target / value if one.is_ceiling else value / one.target for value in values if value > 0]


def draw(folder: Path, outcomes: Sequence[Dated]) -> None:
    """Draw each judged figure as a share of its target, with its rounds; and, of several days, how they moved."""
    pyplot = _pyplot()
    judged = [one for one in latest(outcomes) if one.outcome.target and _shares(one.outcome)]
    chart, axes = pyplot.subplots(figsize=(10, 1 + 0.32 * len(judged)), layout="constrained")
    for line, dated in enumerate(reversed(judged)):
        one = dated.outcome
        (middle,) = _shares(Outcome(**{name: getattr(one, name) for name in Outcome.__slots__} | {"rounds": ()}))
        colour = GOOD if one.is_reached() else BAD
        axes.barh(line, middle - 1, left=1, color=colour, height=0.55, alpha=0.85)
        axes.plot(_shares(one), [line] * len(_shares(one)), ".", color=PALE, markersize=5)
    labels = [f"{one.outcome.row or '-'}  {one.outcome.name}" for one in reversed(judged)]
    axes.set_yticks(range(len(judged)), labels, fontsize=8)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    shares = [share for one in judged for share in _shares(one.outcome)]
    axes.set_xlim(min(0.45, *shares) / 1.1, max(2.2, *shares) * 1.1)
    axes.set_xlabel("share of the target (right of the line: reached); dots are single rounds", fontsize=8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    chart.savefig(folder / "ratios.svg", metadata={"Date": None})
    pyplot.close(chart)
    if len({one.day for one in outcomes}) > 1:
        _draw_history(pyplot, folder, outcomes)


def _draw_history(pyplot: Any, folder: Path, outcomes: Sequence[Dated]) -> None:
    chart, axes = pyplot.subplots(figsize=(10, 5), layout="constrained")
    names = sorted({(one.outcome.row, one.outcome.name) for one in outcomes if one.outcome.target and one.outcome.row})
    for row, name in names:
        mine = [one for one in outcomes if (one.outcome.row, one.outcome.name) == (row, name)]
        shares = [sum(_shares(one.outcome)) / len(_shares(one.outcome)) for one in mine]
        axes.plot([one.day for one in mine], shares, "o-", markersize=3, linewidth=1, label=f"{row}  {name}")
    axes.axhline(1, color="black", linewidth=1)
    axes.set_yscale("log", base=2)
    axes.set_ylabel("share of the target", fontsize=8)
    axes.legend(fontsize=6, ncols=2, frameon=False)
    chart.savefig(folder / "history.svg", metadata={"Date": None})
    pyplot.close(chart)


def _pyplot() -> Any:
    import matplotlib as mpl  # large, and needed for pictures only

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "registry"  # the same results make the same bytes
    from matplotlib import pyplot  # after the backend was chosen

    return pyplot


def write(folder: Path) -> None:
    """Make the page and its pictures anew from what is kept in *folder*."""
    outcomes = every(folder)
    (folder / "README.md").write_text(text(outcomes))
    draw(folder, outcomes)


if __name__ == "__main__":
    write(Path(__file__).parent / "results")
    sys.exit(0)
