"""SQL that can be distributed, read by a person, and trusted with the log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.sources import CODE, ROOT, modules, named, strings

FILES = sorted(path for folder in (*CODE, "deploy") for path in (ROOT / folder).rglob("*.sql"))
QUERIES = [path for path in FILES if path.parent.name == "sql"]
IN_PYTHON = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|ALTER|GRANT|LOCK|SET|TRUNCATE)\s"
)
STATEMENTS = [(named(path), re.sub(r"--[^\n]*", "", path.read_text())) for path in FILES] + [
    (named(path), text) for path in modules(*CODE) for text in strings(path) if IN_PYTHON.match(text)
]
"""(where, SQL without comments), of files and of strings in code."""

NOT_OF_A_LOG = {
    "migrations": "the schema is one for all logs",
    "projections.generations": "a read model has the same tables for all logs",
}
"""Tables whose keys cannot begin with `log_name`, and why; a distributed database keeps them on one node."""


def test_there_is_sql_to_look_at() -> None:
    assert len(QUERIES) > 20
    assert {"registry/log/migrate.py", "registry/log/migrations/0001_log.sql"} <= {where for where, _ in STATEMENTS}


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────

_TABLE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.{}]+)\s*\((.*?)\n\s*\)\s*[;W]", re.DOTALL)
_KEY = re.compile(r"(?:PRIMARY\s+KEY|UNIQUE(?:\s+NULLS\s+NOT\s+DISTINCT)?)\s*\(\s*(\w+)")
_INLINE_KEY = re.compile(r"^\s*(\w+)\s+[^\n,(]*\b(?:PRIMARY\s+KEY|UNIQUE)\b(?!\s*\()", re.MULTILINE)
_INDEX = re.compile(r"CREATE\s+UNIQUE\s+INDEX\b.*?\bON\s+([\w.]+)[^(]*\(\s*(\w+)", re.DOTALL)


def first_columns(sql: str) -> list[tuple[str, str]]:
    """(table, first column) of every primary key, unique constraint and unique index that *sql* creates."""
    keys = [
        (table, column)
        for table, columns in _TABLE.findall(f"{sql}\n;")
        for column in (*_KEY.findall(columns), *_INLINE_KEY.findall(columns))
    ]
    return keys + _INDEX.findall(sql)


@pytest.mark.parametrize(("where", "sql"), [one for one in STATEMENTS if first_columns(one[1])], ids=lambda x: x[:60])
def test_every_key_begins_with_the_log(where: str, sql: str) -> None:
    wrong = [(table, column) for table, column in first_columns(sql) if column != "log_name"]
    assert [key for key in wrong if key[0] not in NOT_OF_A_LOG] == [], where


@pytest.mark.parametrize("path", [path for path in FILES if "CREATE TABLE" in path.read_text()], ids=named)
def test_every_table_has_a_key(path: Path) -> None:
    sql = re.sub(r"--[^\n]*", "", path.read_text())
    created = set(re.findall(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)", sql))
    assert {table for table, _ in first_columns(sql)} == created


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE a (\n  x text NOT NULL PRIMARY KEY,\n  y text\n);", [("a", "x")]),
        ("CREATE TABLE a (\n  x text,\n  PRIMARY KEY (x, y),\n  UNIQUE (y)\n) WITH (f = 1);", [("a", "x"), ("a", "y")]),
        ("CREATE TABLE IF NOT EXISTS s.a (\n  x text UNIQUE\n)", [("s.a", "x")]),
        ("CREATE UNIQUE INDEX i ON s.a USING btree (x, log_name)", [("s.a", "x")]),
        ("CREATE INDEX i ON s.a (x)", []),
    ],
)
def test_a_key_would_be_noticed(sql: str, expected: list[tuple[str, str]]) -> None:
    assert first_columns(sql) == expected


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────

FORBIDDEN = {
    "columns are enumerated always": r"(?:\bSELECT|\bRETURNING|,)\s+(?:DISTINCT\s+)?(?:\w+\.)?\*",
    "no triggers": r"\bTRIGGER\b",
    "no stored procedures": r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b",
    "no MERGE": r"\bMERGE\s+INTO\b",
    "PostgreSQL 15 has no uuidv7()": r"\buuidv[47]\s*\(",
    "no extensions": r"\bCREATE\s+EXTENSION\b",
    "no meaning in a sequence": r"\b(?:nextval|(?:BIG|SMALL)?SERIAL|GENERATED)\b",
    "constraint names are not matched": r"\bON\s+CONSTRAINT\b",
}


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_what_cannot_be_distributed_or_read_is_not_used(rule: str) -> None:
    assert sorted({where for where, sql in STATEMENTS if re.search(FORBIDDEN[rule], sql, re.IGNORECASE)}) == []


@pytest.mark.parametrize(
    ("rule", "sql"),
    [
        ("columns are enumerated always", "SELECT e.* FROM e"),
        ("columns are enumerated always", "INSERT INTO e RETURNING *"),
        ("no triggers", "CREATE OR REPLACE TRIGGER t"),
        ("no stored procedures", "CREATE FUNCTION f()"),
        ("no MERGE", "merge into t"),
        ("PostgreSQL 15 has no uuidv7()", "SELECT uuidv7()"),
        ("no extensions", "CREATE EXTENSION citext"),
        ("no meaning in a sequence", "id bigserial PRIMARY KEY"),
        ("constraint names are not matched", "ON CONFLICT ON CONSTRAINT x DO NOTHING"),
    ],
)
def test_a_forbidden_word_would_be_noticed(rule: str, sql: str) -> None:
    assert re.search(FORBIDDEN[rule], sql, re.IGNORECASE)


def test_counting_is_no_enumeration() -> None:
    assert not re.search(FORBIDDEN["columns are enumerated always"], "SELECT count(*), sum(a) FROM b", re.IGNORECASE)


# ── the log's own tables ─────────────────────────────────────────────────────────────────────────────────────

NAMES_THE_LOG = re.compile(
    r"\b(?:FROM|INTO|UPDATE|JOIN|TABLE|ONLY|ON)\s+(?:public\.)?(?:events|log_heads)\b", re.IGNORECASE
)


def test_only_the_rooms_of_the_log_name_its_tables() -> None:
    naming = {where for where, sql in STATEMENTS if NAMES_THE_LOG.search(sql)}
    assert {where for where in naming if not where.startswith("registry/log/")} == set()
    assert "registry/log/sql/append.sql" in naming


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────


def documented(comment: str) -> set[int]:
    """The parameters that *comment* speaks of: `$3`, `$14-$18`."""
    single = {int(number) for number in re.findall(r"\$(\d+)", comment)}
    ranges = [range(int(first), int(last) + 1) for first, last in re.findall(r"\$(\d+)\s*[-–…]\s*\$(\d+)", comment)]  # noqa: RUF001
    return single.union(*ranges)


@pytest.mark.parametrize("path", QUERIES, ids=named)
def test_a_query_says_first_what_its_parameters_are(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("-- ")
    leading = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    comment, query = " ".join(lines[:leading]), "\n".join(lines[leading:])
    used = {int(number) for number in re.findall(r"\$(\d+)", query)}
    assert used == documented(comment)
    assert used == set(range(1, len(used) + 1)), "parameters are numbered without a gap"
