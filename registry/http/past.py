"""Questions about a moment that has passed: `?timestamp=` (W3C) and `?time=` (IETF), and the lists as they stood.

Bitstring Status List 1.0, section 3.2, and Token Status List, section 8.4. Every error of a list's past has the type
that the first one gives it; the HTTP status is the second one's: 501 where the past is not told, 404 for a moment of
which nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from aiohttp import web

from projections.status_lists.history import History
from projections.status_lists.published_list import PublishedList
from projections.status_lists.representation import IETF_FORMS
from registry.domain.names import LogName
from registry.domain.problem import STATUS_RETRIEVAL_ERROR
from registry.errors import HistoryOff, Malformed, OutOfHistory
from registry.http import documents
from registry.http.conditional import FORMS, Choice, Preference, is_match
from registry.http.list_response import coded, list_headers, list_response

TIMESTAMP: Final = "timestamp"
TIME: Final = "time"

TOKENS: Final = 10
"""Of the quota of reads: what a question about the past takes, beside the present one's 1."""

_SECONDS = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_CODE: Final = -128  # of STATUS_RETRIEVAL_ERROR


def asks(request: web.Request) -> bool:
    """Whether *request* asks about a moment; costs the others a look at one character."""
    return "?" in request.raw_path and not request.query.keys().isdisjoint((TIMESTAMP, TIME))


def moment(request: web.Request) -> datetime:
    """Return the moment that `timestamp` or `time` names; raise `Malformed`, and `OutOfHistory` beyond the calendar."""
    named, seconds = _timestamp(request), request.query.getall(TIME, [])
    if named is not None and not seconds:
        return named
    if named is not None or len(seconds) > 1:
        raise Malformed("Ask about one moment, with `timestamp` or with `time`.", parameter=TIME)
    if not _SECONDS.fullmatch(seconds[0]):
        raise Malformed("`time` is a number of seconds since 1970-01-01T00:00:00Z, such as 1780228800.", parameter=TIME)
    try:
        return datetime.fromtimestamp(int(seconds[0]), UTC)
    except (ValueError, OverflowError, OSError):
        raise OutOfHistory("That moment lies in the future; ask for one that has passed.") from None


def _timestamp(request: web.Request) -> datetime | None:
    """Return the moment that `timestamp` names (XSD dateTimeStamp, percent-encoded), if it does; raise `Malformed`."""
    given = request.query.getall(TIMESTAMP, [])
    if not given:
        return None
    if len(given) > 1:
        raise Malformed("Ask about one moment at a time.", parameter=TIMESTAMP)
    try:
        return documents.date_time_stamp(given[0], pointer="")
    except Malformed:
        raise Malformed(
            "`timestamp` is a moment with its zone, like 2026-05-31T12:00:00Z, percent-encoded: a + is written %2B.",
            parameter=TIMESTAMP,
        ) from None


def history_of(history: History | None) -> History:
    """Return *history*; raise `HistoryOff` where there is none."""
    if history is None:
        raise HistoryOff("This registry tells nothing about the past; ask without a moment.")
    return history


async def past_list(
    history: History | None, log: LogName, status_list_id: UUID, request: web.Request, wanted: Preference
) -> web.Response:
    """Return the list as it stood at the moment that *request* names; raises what `History.forms_at` raises."""
    with _as_retrieval_error():
        asked = moment(request)
        forms = await history_of(history).forms_at(log, status_list_id, asked)
    names = tuple(forms)
    if TIME in request.query:  # an IETF question gets an IETF form, if the client takes one
        names = tuple(one for one in names if one in IETF_FORMS and one in wanted.media_types) or names
    choice = wanted.among(names)
    return _respond(forms[FORMS[choice.media_type]], choice, request.headers.get("If-None-Match"))


@contextmanager
def _as_retrieval_error() -> Iterator[None]:
    """Give what is refused the type and code of the specification (Bitstring Status List 1.0, section 3.5)."""
    try:
        yield
    except (Malformed, OutOfHistory, HistoryOff) as error:
        raise type(error)(error.detail, **error.extra, type=STATUS_RETRIEVAL_ERROR, code=_CODE) from None


def _respond(published: PublishedList, choice: Choice, if_none_match: str | None) -> web.Response:
    """Return the list, or 304; the past does not change, but its answers are not to outlive a key for long."""
    body, etag = coded(published, choice)
    headers = list_headers(published, choice, max_age_s=published.ttl_s)
    return list_response(headers, body, has_it=if_none_match is not None and is_match(if_none_match, etag))
