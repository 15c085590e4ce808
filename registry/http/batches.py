"""Batches: up to a million rows in one request, each carried out on its own; how far it has come, what became of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

from aiohttp import web

from registry.commands.batch_places import Place
from registry.commands.batches import Progress, State
from registry.commands.row_answers import WORDS, RowOutcome, outcomes
from registry.domain.commands import RowCounts
from registry.domain.names import position_text
from registry.errors import Malformed, NotFound, Refused
from registry.http import batch_files, client, paging
from registry.http.batch_answers import CSV_COLUMNS, csv_lines, lines, teller
from registry.http.batch_course import Chunks, RowsOf, Seen, carried_out, each, looked_at
from registry.http.batch_files import CSV, NDJSON
from registry.http.batch_issuing import Issuance
from registry.http.batch_rows import OPERATIONS, Reader, columns
from registry.http.door import Call
from registry.http.problems import BODY_TIMEOUT, AtTheDoor
from registry.http.reading import require_uncompressed
from registry.http.streaming import sent
from registry.http.writes import note_position

_STREAMED: Final = {"Content-Type": NDJSON, "X-Accel-Buffering": "no"}
BY_QUERY: Final = "by-query"
"""A path beside those of batches, so no batch is called that."""
_BATCH_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)


async def upload(call: Call) -> web.StreamResponse:
    """Carry out the rows of the body as they come in; with `dry_run`, tell only what would become of them."""
    require_uncompressed(call.request)
    is_dry_run = _is_dry_run(call)
    reader = await _reader(call)
    place = place_of(call)
    chunks = batch_files.chunks(reader.form, _pieces(call, place), call.parts.limits.document_bytes)
    if is_dry_run:
        issuing = Issuance(call, reader, is_dry_run=True)
        try:
            return call.json(preview(call, await looked_at(call, chunks, issuing.rows)))
        finally:
            issuing.close()

    def parameters() -> bytes:
        return reader.form.parameters + b"\n" + (reader.operation or "").encode()

    issuance = Issuance(call, reader) if reader.is_streaming else None
    try:
        return await carry_out(call, place, chunks, each(reader.row), parameters, issuance)
    finally:
        if issuance is not None:
            issuance.close()


def place_of(call: Call) -> Place:
    """Return the place of the batch that the Idempotency-Key names; without one, it is given a name."""
    return _place(call, client.idempotency_key(call.request) or str(call.parts.new_uuid()))


async def carry_out(
    call: Call,
    place: Place,
    chunks: Chunks,
    rows_of: RowsOf,
    parameters: Callable[[], bytes],
    issuance: Issuance | None = None,
) -> web.StreamResponse:
    """Carry out *chunks* as the batch of *place*, and tell what they came to.

    With *issuance* it is that which reads the rows, and tells what became of them.
    """
    call.headers["Location"] = _url(call, place)
    told = issuance.told if issuance else None
    rows_of = issuance.rows if issuance else rows_of
    with call.parts.batches.receiving(place):
        seen, outcome = await carried_out(call, place, chunks, rows_of, parameters, told)
    note_position(call, outcome.position, is_replay=outcome.replayed)
    if issuance is not None:
        return await sent(call, web.StreamResponse(headers={**call.headers, **_STREAMED}), issuance.pieces())
    if _accepts(call, NDJSON):
        return await _results(call, place, None)
    progress = Progress(State.COMPLETE, seen.counts, seen.chunks)
    position = {"position": position_text(call.log, outcome.position)}
    return call.json({**_told(call, place, progress), "rejected": _examples(call, seen.rejected), **position})


def preview(call: Call, seen: Seen) -> dict[str, Any]:
    """Return what would become of a batch."""
    return {
        "dryRun": True,
        "rows": seen.counts.rows,
        "counts": _counts(seen.counts),
        "rejected": _examples(call, seen.rejected),
        "examples": _examples(call, seen.accepted),
    }


async def one(call: Call) -> web.Response:
    """How far a batch has come."""
    place, progress = await _known(call)
    return call.json(_told(call, place, progress))


async def result(call: Call) -> web.StreamResponse:
    """What became of each row, in order; `?outcome=` chooses some."""
    wanted = paging.one_of(call.request, "outcome", WORDS)
    place, _ = await _known(call)
    return await _results(call, place, wanted)


# ── taking rows in ───────────────────────────────────────────────────────────────────────────────────────────


def _is_dry_run(call: Call) -> bool:
    return paging.one_of(call.request, "dry_run", ("true", "false")) == "true"


async def _reader(call: Call) -> Reader:
    request, parts = call.request, call.parts
    assert call.caller is not None, "batches are never anonymous"
    form = batch_files.form_of(request.content_type, request.charset, columns)
    operation = paging.one_of(request, "operation", tuple(OPERATIONS))
    try:
        terms = await parts.issuing.terms(call.log, call.issuer)
    except Refused:
        terms = None  # rows that need them are refused one by one
    reader = Reader(
        form,
        call.issuer,
        call.origin,
        call.caller,
        parts.clock,
        parts.new_uuid,
        terms,
        operation,
        is_streaming=_accepts(call, NDJSON) or _is_dry_run(call),
    )
    if operation is not None:
        reader.require(operation)
    return reader


async def _pieces(call: Call, place: Place) -> AsyncIterator[bytes]:
    """Return the body as it comes in; a client that sends nothing for too long is given up."""
    again = f"send the same file again, under the Idempotency-Key {place.batch_id}, to go on"
    content, timeout_s = call.request.content, call.parts.limits.body_timeout_s
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                piece = await content.readany()
        except TimeoutError:
            raise AtTheDoor(
                BODY_TIMEOUT,
                f"Nothing more of the body arrived for {timeout_s:g} s; {again}.",
            ) from None
        except (web.RequestPayloadError, ConnectionError):
            raise Malformed(f"The body ends before it is complete; {again}.", batch=place.batch_id) from None
        if not piece:
            return
        yield piece


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────


def _place(call: Call, batch_id: str) -> Place:
    if not _BATCH_ID.fullmatch(batch_id) or batch_id == BY_QUERY:
        raise Malformed(
            "The Idempotency-Key of a batch becomes its id: 1 to 128 letters, digits and any of . _ ~ - (a UUID does)."
        )
    return Place(call.log, call.issuer, batch_id)


async def _known(call: Call) -> tuple[Place, Progress]:
    place = _place(call, call.request.match_info["id"])
    progress = await call.parts.batches.progress(place)
    if progress is None:
        raise NotFound("Nothing is known of such a batch; its id is the Idempotency-Key that it was sent under.")
    return place, progress


def _url(call: Call, place: Place) -> str:
    return f"{call.origin}/issuers/{call.request.match_info['slug']}/batches/{place.batch_id}"


def _told(call: Call, place: Place, progress: Progress) -> dict[str, Any]:
    return {
        "id": place.batch_id,
        "state": progress.state,
        "rows": progress.counts.rows,
        "counts": _counts(progress.counts),
        "result": f"{_url(call, place)}/result",
    }


def _counts(counts: RowCounts) -> dict[str, int]:
    return dict(zip(WORDS, (counts.accepted, counts.unchanged, counts.rejected), strict=True))


def _examples(call: Call, examples: Iterable[RowOutcome]) -> list[dict[str, Any]]:
    return [*map(teller(call.log, call.origin), examples)]


def _accepts(call: Call, media_type: str) -> bool:
    accepted = call.request.headers.get("Accept", "")
    return any(one.partition(";")[0].strip().lower() == media_type for one in accepted.split(","))


async def _results(call: Call, place: Place, wanted: str | None) -> web.StreamResponse:
    is_csv = _accepts(call, CSV)
    headers = {"Content-Type": CSV if is_csv else NDJSON, "X-Accel-Buffering": "no", **call.headers}
    return await sent(call, web.StreamResponse(headers=headers), _written(call, place, wanted, is_csv=is_csv))


async def _written(call: Call, place: Place, wanted: str | None, *, is_csv: bool) -> AsyncIterator[bytes]:
    """Return what became of the rows, a chunk at a time."""
    told, codes = teller(call.log, call.origin), range(len(WORDS)) if wanted is None else (WORDS.index(wanted),)
    if is_csv:
        yield ",".join(CSV_COLUMNS).encode() + b"\r\n"
    async for answer in call.parts.batches.answers(place):
        chosen = [told(one) for one in outcomes(answer, codes)]
        if chosen:
            yield csv_lines(chosen) if is_csv else lines(chosen)
        await asyncio.sleep(0)
