"""Every row of the table of ratios, one script after another: `make bench`, and `make bench-quick`.

A full run is kept: `results/<date>.json`, from which `load_tests.page` makes the page and its pictures. A quick run
measures the rows that need no large registry, in under four minutes, and judges by four fifths of each target. Exit
status 1: a target was missed; 2: none was, but something could not be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from rich.console import Console

from load_tests import page
from load_tests.outcome import Outcome, read, tell
from load_tests.script import MISSED, UNMEASURED

RESULTS = Path(__file__).parent / "results"
QUICK_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Script:
    """One script, and what it is told in a full run."""

    name: str
    is_quick: bool = False
    """Whether it has a place in a quick run."""
    arguments: tuple[str, ...] = ()


SCRIPTS = (
    Script("append", is_quick=True),
    Script("revoke", is_quick=True),
    Script("workers"),
    Script("lists", is_quick=True),
    Script("lookups", is_quick=True),
    Script("bulk"),
    Script("publishing", is_quick=True),
    Script("files", is_quick=True),
    Script("replay"),
    Script("large"),
    Script("verify"),
    Script("attacks"),
)


async def measured(script: Script, folder: Path, *, quick: bool) -> tuple[int, list[Outcome]]:
    """Run *script*; return its exit status and its outcomes, none if it could not measure."""
    file = folder / f"{script.name}.json"
    how = ("--quick", "--of-target", str(QUICK_SHARE)) if quick else script.arguments
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"load_tests.{script.name}", "--json", str(file), *how
    )
    status = await process.wait()
    return status, read(file) if await asyncio.to_thread(file.is_file) else []


def kept(script: Script, outcomes: list[Outcome], now: datetime) -> None:
    """Write *outcomes* into the file of today, in place of those the script had there."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{now:%Y-%m-%d}.json"
    whole = orjson.loads(file.read_bytes()) if file.exists() else {"scripts": {}}
    whole["machine"] = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    whole["scripts"][script.name] = {
        "at": now.isoformat(timespec="minutes"),
        "commit": commit(Path(__file__).parent),
        "outcomes": [asdict(one) for one in outcomes],
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    file.write_bytes(orjson.dumps(_rounded(whole), option=options))


def _rounded(value: object) -> object:
    """Return *value* with four digits of every fraction: more say nothing."""
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _rounded(one) for key, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
    return value


def commit(folder: Path) -> str:
    """Return which commit is checked out in *folder*, with -dirty where something differs from it but results."""
    if not (name := _git(folder, "rev-parse", "--short", "HEAD")):
        return "unknown"
    changed = _git(folder, "status", "--porcelain", "--", ":/", ":(top,exclude)load_tests/results")
    return f"{name}-dirty" if changed else name


def _git(folder: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip()


async def main(chosen: list[Script], *, quick: bool) -> int:
    """Run *chosen*, tell everything at the end, and return the exit status."""
    statuses: dict[str, int] = {}
    every: list[Outcome] = []
    console = Console()
    with tempfile.TemporaryDirectory(prefix="registry-bench-") as folder:
        for script in chosen:
            console.rule(f"load_tests.{script.name}")
            statuses[script.name], outcomes = await measured(script, Path(folder), quick=quick)
            every += outcomes
            if outcomes and not quick:
                kept(script, outcomes, datetime.now(UTC))
    if not quick:
        page.write(RESULTS)
    tell("All rows", sorted(every, key=lambda one: one.row or 99), of_target=QUICK_SHARE if quick else 1)
    unmeasured = [name for name, status in statuses.items() if status not in (0, MISSED)]
    if unmeasured:
        console.print(f"Not measured: {', '.join(unmeasured)}; their own words are above.")
    if MISSED in statuses.values():
        return MISSED
    return UNMEASURED if unmeasured else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures every row of the table of ratios.")
    parser.add_argument("--quick", action="store_true", help="the rows that need no large registry, shortly")
    parser.add_argument("--only", help="these scripts, separated by commas", default="")
    return parser.parse_args()


if __name__ == "__main__":
    given = _arguments()
    names = [name for name in given.only.split(",") if name]
    if unknown := set(names) - {script.name for script in SCRIPTS}:
        sys.exit(f"There is no script {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in SCRIPTS)}.")
    wanted = [script for script in SCRIPTS if (script.name in names if names else script.is_quick or not given.quick)]
    sys.exit(asyncio.run(main(wanted, quick=given.quick)))
