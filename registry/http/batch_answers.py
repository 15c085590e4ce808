"""What became of the rows of a batch, as it is told: one JSON object a line, or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from registry import errors
from registry.commands.row_answers import RowOutcome
from registry.domain.names import LogName, position_text
from registry.http.answers import Answer
from registry.http.problems import Problem, kind_of, problem_of

CSV_COLUMNS: Final = (
    "row", "credentialId", "outcome", "position", "status", "statusListCredential", "statusListIndex", "problem"
)  # fmt: skip


class Counts(Answer):
    """How many rows came to what."""

    accepted: int
    unchanged: int
    rejected: int


class RowAnswer(Answer):
    """What became of one row."""

    row: int
    credential_id: str | None = None
    outcome: str
    position: str | None = None
    problem: dict[str, Any] | None = None


class BatchAnswer(Answer):
    """How far a batch has come, or would come."""

    id: str | None = None
    state: str | None = None
    dry_run: bool = False
    rows: int
    counts: Counts
    result: str | None = None
    """Where what became of each row can be read."""
    position: str | None = None


Told = Callable[[RowOutcome], dict[str, Any]]


def teller(log: LogName, origin: str) -> Told:
    """Return what turns an outcome into JSON."""

    def told(one: RowOutcome) -> dict[str, Any]:
        line: dict[str, Any] = {"row": one.row, "credentialId": one.credential_id, "outcome": one.word}
        if one.refusal is not None:
            line["problem"] = problem_json(one, origin)
            return line
        if one.position:
            line["position"] = position_text(log, one.position)
        return {**line, **one.told}

    return told


def problem_json(one: RowOutcome, origin: str) -> dict[str, Any]:
    """Return why a row was refused, as the single request would have been answered (RFC 9457)."""
    assert one.refusal is not None, "the row was refused"
    kind = getattr(errors, one.refusal.error, errors.Refused)
    problem: Problem = problem_of(errors.Refused(one.refusal.detail, **one.refusal.extra))
    shown = kind_of(kind)
    return {
        "type": f"{origin}/problems/{shown.slug}",
        "title": shown.title,
        "status": shown.status,
        "detail": problem.detail,
        **problem.extra,
    }


def lines(told: Iterable[dict[str, Any]]) -> bytes:
    """Return NDJSON."""
    return b"".join(orjson.dumps(one) + b"\n" for one in told)


def csv_lines(told: Iterable[dict[str, Any]]) -> bytes:
    """Return CSV without its header."""
    written = io.StringIO()
    writer = csv.writer(written)
    for one in told:
        entries = one.get("credentialStatus") or [{}]
        entry = entries if isinstance(entries, dict) else entries[0]
        problem = one.get("problem", {}).get("detail", "")
        status = one["status"] if isinstance(one.get("status"), str) else ""
        writer.writerow(
            _harmless(value)
            for value in (
                one["row"], one["credentialId"] or "", one["outcome"], one.get("position", ""), status,
                entry.get("statusListCredential", ""), entry.get("statusListIndex", ""), problem,
            )
        )  # fmt: skip
    return written.getvalue().encode()


def _harmless(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
