"""One structured line per write or failure: route template, outcome, ids. Never a raw path, query or credential id."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("registry.http")


class JsonLines(logging.Formatter):
    """Writes each record as one line of ASCII JSON, so that nothing a client sent can forge or hide a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; members given as `extra={"fields": …}` stand beside the usual ones."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def answered(*, route: str, method: str, code: int, seconds: float, request_id: str, key_id: str | None) -> None:
    """Log that a request was answered."""
    fields = {
        "route": route,
        "method": method,
        "code": code,
        "ms": round(seconds * 1000, 3),
        "requestId": request_id,
        **({"keyId": key_id} if key_id else {}),
    }
    LOGGER.info("answered", extra={"fields": fields})


def failed(*, route: str, method: str, request_id: str, error: BaseException) -> None:
    """Log what nobody foresaw, with its trace."""
    fields = {"route": route, "method": method, "requestId": request_id}
    LOGGER.error("failed", exc_info=error, extra={"fields": fields})


def unavailable(*, route: str, method: str, code: int, request_id: str, key_id: str | None, reason: str) -> None:
    """Log that a request was answered 503, so that its id is found: who waits for PostgreSQL, or a full queue."""
    fields = {
        "route": route,
        "method": method,
        "code": code,
        "requestId": request_id,
        **({"keyId": key_id} if key_id else {}),
        "reason": reason,
    }
    LOGGER.warning("failed", extra={"fields": fields})


def malformed(sentence: str) -> None:
    """Log that something came in which is not HTTP; without a trace, for anybody on the internet can cause it."""
    LOGGER.info("not HTTP", extra={"fields": {"error": sentence[:200]}})


def configure(*, level: int) -> None:
    """Send the process's log to standard error, as JSON lines from *level* on."""
    lines = logging.StreamHandler()
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[lines], force=True)
    # while PostgreSQL is away each pool writes a traceback at every attempt; `Outage` says it once
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
