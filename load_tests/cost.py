"""What one state, fifty states and the world need, worked out from what was measured: `python -m load_tests.cost`.

Pure arithmetic, so that anybody can put in figures of their own: `--set lists_per_cpu_s=20000` replaces one that was
measured, `--set ttl_s=300` one that is assumed. Every line tells what it is computed from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields, replace

from rich.console import Console
from rich.table import Table

from load_tests.needs import DEMANDS, LINES, Assumed, Measured, first_limit


def rows(measured: Measured, assumed: Assumed) -> list[tuple[str, ...]]:
    """Return the table: (name and unit, a figure for each demand, how it is computed)."""
    found = [
        (f"{line.name}, {line.unit}" if line.unit else line.name,
         *(figure(line.of(demand, measured, assumed)) for demand in DEMANDS), line.how)
        for line in LINES
    ]  # fmt: skip
    limits = [first_limit(demand, measured, assumed) for demand in DEMANDS]
    told = tuple(f"{name.removeprefix('use of ')}, at {figure(growth)} times" for name, growth in limits)
    return [*found, ("first limit of an authority", *told, "the largest use above")]


def figure(value: float) -> str:
    """Return *value* with two digits that say something."""
    if value >= 10:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.2g}"


def markdown(measured: Measured, assumed: Assumed) -> str:
    """Return inputs and needs as tables of README.md."""
    head = [
        "| | " + " | ".join(one.name for one in DEMANDS) + " | computed as |",
        "|---|" + "---:|" * len(DEMANDS) + "---|",
    ]
    needs = ["| " + " | ".join(row) + " |" for row in rows(measured, assumed)]
    given = ["| input | value |", "|---|---:|"]
    given += [f"| `{name}` | {value:,g} |" for name, value in inputs(measured, assumed)]
    return "\n".join([*given, "", *head, *needs]) + "\n"


def inputs(measured: Measured, assumed: Assumed) -> list[tuple[str, float]]:
    """Return every input by its name."""
    return [(one.name, getattr(part, one.name)) for part in (measured, assumed) for one in fields(part)]


def with_settings(settings: Sequence[str]) -> tuple[Measured, Assumed]:
    """Return the inputs with `name=value` for each of *settings*; raise `ValueError` for a name that is none."""
    measured, assumed = Measured(), Assumed()
    for one in settings:
        name, _, value = one.partition("=")
        if name in Measured.__slots__:
            measured = replace(measured, **{name: float(value)})
        elif name in Assumed.__slots__:
            assumed = replace(assumed, **{name: float(value)})
        else:
            raise ValueError(
                f"There is no input {name!r}; there are {', '.join(n for n, _ in inputs(measured, assumed))}."
            )
    return measured, assumed


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What a registry of some size needs, from what was measured.")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an input of your own")
    parser.add_argument("--markdown", action="store_true", help="as README.md has it")
    given = parser.parse_args()
    try:
        measured, assumed = with_settings(given.set)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if given.markdown:
        print(markdown(measured, assumed), end="")
        return 0
    table = Table(*("", *(one.name for one in DEMANDS), "computed as"), title="What is needed")
    for row in rows(measured, assumed):
        table.add_row(*row)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
