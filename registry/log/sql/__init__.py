"""One query, one file; `$n` documented on line 1."""

from __future__ import annotations

from pathlib import Path


def query(name: str) -> str:
    """Return the text of `<name>.sql`."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
