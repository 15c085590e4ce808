"""What a measurement ends in: one row of the table of ratios, with both sides, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """One figure held against its target."""

    row: int
    """Of the table of ratios in README.md; 0: a promise of our own beside it."""
    name: str
    ours: float
    theirs: float | None
    """None where the figure is absolute: milliseconds, mebibytes."""
    unit: str
    """Of *ours* and *theirs*: `events/s`, `requests/CPU s`, `ms`."""
    value: float
    """The ratio, or the absolute figure; this is what is judged."""
    target: float | None
    """None where something is told only."""
    aim: float | None = None
    is_ceiling: bool = False
    """Whether *value* must stay below *target*, instead of above it."""
    rounds: tuple[float, ...] = ()
    """*value* round by round: how far they lie apart says how far to believe it."""
    note: str = ""
    """What else was seen, told below the table."""

    def is_reached(self, of_target: float = 1) -> bool:
        """Whether the target was reached, or *of_target* of it (0.8: four fifths of a floor; a ceiling is raised)."""
        if self.target is None:
            return True
        if self.is_ceiling:
            return self.value <= self.target / of_target
        return self.value >= self.target * of_target


def written(outcomes: Iterable[Outcome]) -> bytes:
    """Return *outcomes* as JSON."""
    return orjson.dumps([asdict(one) for one in outcomes], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(file: Path) -> list[Outcome]:
    """Return what `written` made."""
    return [Outcome(**{**one, "rounds": tuple(one["rounds"])}) for one in orjson.loads(file.read_bytes())]


def tell(title: str, outcomes: Sequence[Outcome], *, of_target: float = 1) -> None:
    """Print *outcomes* as a table; ✗ is a missed target."""
    table = Table(title=title)
    for column in ("row", "what", "ours", "theirs", "unit", "ratio or figure", "target", "rounds"):
        table.add_column(column, justify="left" if column in {"what", "unit"} else "right")
    for one in outcomes:
        table.add_row(
            str(one.row or "-"),
            one.name,
            figure(one.ours),
            "-" if one.theirs is None else figure(one.theirs),
            one.unit,
            figure(one.value),
            _target(one, of_target),
            f"{figure(min(one.rounds))} to {figure(max(one.rounds))}" if one.rounds else "-",
        )
    console = Console(width=140)
    console.print(table)
    for one in outcomes:
        if one.note:
            console.print(f"{one.name}: {one.note}", style="dim")


def _target(one: Outcome, of_target: float) -> str:
    if one.target is None:
        return "told"
    asked = one.target / of_target if one.is_ceiling else one.target * of_target
    aim = f", aim {one.aim:g}" if one.aim else ""
    return f"{'≤' if one.is_ceiling else '≥'} {asked:.3g}{aim} {'✓' if one.is_reached(of_target) else '✗'}"


def figure(value: float) -> str:
    """Return *value* with as many digits as say something: 12,345 or 1.23 or 0.0456."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
