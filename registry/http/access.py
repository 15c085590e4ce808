"""One structured line per write or failure: route template, outcome, ids. Never a raw path, query or credential id."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("registry.http")


class JsonLines(logging.Formatter):
    """Writes each record as one line of ASCII JSON, so that nothing a client sent can forge or hide a line."""

    def __init__(self) -> None:
        super().__init__()
        self.always: dict[str, str] = {}
        """Members of every line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; members given as `extra={"fields": …}` stand beside the usual ones."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            **self.always,
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


def warn(sentence: str) -> None:
    """Say on standard error what a person should know: as a line of the log, but as it is at a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"warning: {sentence}\n")
        sys.stderr.flush()
    else:
        logging.getLogger("registry").warning("%s", sentence)


def name_process(worker: str) -> None:
    """Let every line of this process say which of several it is, as its metrics do: `0`, `writer`, `parent`."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonLines):
            handler.formatter.always["worker"] = worker


def configure(*, level: int) -> None:
    """Send the process's log to standard error, as JSON lines from *level* on."""
    lines = logging.StreamHandler()
    lines.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[lines], force=True)
    # while PostgreSQL is away each pool writes a traceback at every attempt; `Outage` says it once
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
