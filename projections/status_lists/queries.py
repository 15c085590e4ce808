"""The SQL of this room, one query per file; each file's first line documents its parameters."""

from __future__ import annotations

from importlib.resources import files

_FOLDER = files("projections.status_lists")


def sql(name: str) -> str:
    """Return the query in `sql/<name>.sql`."""
    return (_FOLDER / "sql" / f"{name}.sql").read_text()


def schema(name: str) -> str:
    """Return the table definitions in `<name>.sql`."""
    return (_FOLDER / f"{name}.sql").read_text()
