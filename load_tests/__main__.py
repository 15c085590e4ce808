"""`python -m load_tests` says which scripts there are."""

from __future__ import annotations

from load_tests.bench import SCRIPTS

BESIDE = {
    "bench": "all that have a row in the table of ratios, one after the other (make bench)",
    "workers": "several serving processes against one",
    "cost": "what a registry of some size needs",
    "deployment": "realistic load on your own deployment, checked as it goes (--help)",
}


def told() -> str:
    """Return the names of the scripts, and what those that measure no row of the table are for."""
    lines = [
        "Each script is started by its name (python -m load_tests.append); load_tests/README.md says what it asks.",
        f"They measure: {', '.join(script.name for script in SCRIPTS)}.",
        *(f"  {name:10} {what}" for name, what in BESIDE.items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(told())
