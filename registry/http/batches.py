"""Batches: up to a million rows in one request, each carried out on its own; how far it has come, what became of it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from registry.commands.batches import Place, Progress, differs
from registry.commands.handle import Outcome
from registry.commands.row_answers import ACCEPTED, REJECTED, UNCHANGED, WORDS, RowOutcome, counts_of, outcomes
from registry.domain.commands import CarryOutRows, RowCounts
from registry.domain.names import position_text
from registry.errors import Malformed, NotFound, Refused
from registry.http import batch_files, client, paging
from registry.http.batch_answers import CSV_COLUMNS, csv_lines, lines, teller
from registry.http.batch_files import CSV, NDJSON, Chunk
from registry.http.batch_rows import OPERATIONS, Reader, columns
from registry.http.door import Call
from registry.http.problems import BODY_TIMEOUT, AtTheDoor
from registry.http.reading import require_uncompressed
from registry.http.streaming import sent
from registry.http.writes import asked, note_position

IN_FLIGHT: Final = 2
"""Chunks on their way into the log: one is written while the next is decided."""
EXAMPLES: Final = 20
"""Rows that an answer shows."""

_BATCH_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)


@dataclass(slots=True)
class _Seen:
    """What became of the chunks so far."""

    counts: RowCounts = field(default_factory=RowCounts)
    chunks: int = 0
    rejected: list[RowOutcome] = field(default_factory=list)
    accepted: list[RowOutcome] = field(default_factory=list)

    def take(self, answer: dict[str, Any]) -> None:
        """Take in the answer of the next chunk."""
        self.counts = self.counts.plus(counts_of(answer))
        self.chunks += 1
        wants = [ACCEPTED, UNCHANGED] if len(self.accepted) < EXAMPLES else []
        wants += [REJECTED] if len(self.rejected) < EXAMPLES else []
        for one in outcomes(answer, wants) if wants else ():
            examples = self.rejected if one.word == WORDS[REJECTED] else self.accepted
            if len(examples) < EXAMPLES:
                examples.append(one)


async def upload(call: Call) -> web.StreamResponse:
    """Carry out the rows of the body as they come in; with `dry_run`, tell only what would become of them."""
    require_uncompressed(call.request)
    is_dry_run = paging.one_of(call.request, "dry_run", ("true", "false")) == "true"
    reader = await _reader(call)
    if is_dry_run:
        return await _looked_at(call, reader)
    place = _place(call, client.idempotency_key(call.request) or str(call.parts.new_uuid()))
    call.headers["Location"] = _url(call, place)
    with call.parts.batches.receiving(place):
        seen, outcome = await _carried_out(call, place, reader)
    note_position(call, outcome.position, is_replay=outcome.replayed)
    if _accepts(call, NDJSON):
        return await _results(call, place, None)
    progress = await call.parts.batches.progress(place)
    assert progress is not None, "its end was recorded"
    return call.json(
        {**_told(call, place, progress), "rejected": _examples(call, seen.rejected), **_position(call, outcome)}
    )


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


async def _reader(call: Call) -> Reader:
    request, parts = call.request, call.parts
    assert call.caller is not None, "batches are never anonymous"
    form = batch_files.form_of(request.content_type, request.charset, columns)
    operation = paging.one_of(request, "operation", tuple(OPERATIONS))
    try:
        terms = await parts.issuing.terms(call.log, call.issuer)
    except Refused:
        terms = None  # rows that need them are refused one by one
    return Reader(form, call.issuer, call.origin, call.caller, parts.clock, parts.new_uuid, terms, operation)


async def _carried_out(call: Call, place: Place, reader: Reader) -> tuple[_Seen, Outcome]:
    batches, whose, seen = call.parts.batches, asked(call), _Seen()
    before = await batches.ended(place)

    def carry_out(chunk: Chunk) -> Awaitable[Outcome]:
        command = _command(call, reader, chunk, seen)
        if before is not None and chunk.number >= before.chunks:
            raise differs(command)
        return batches.carry_out(whose, place, command, chunk.number, chunk.digest(_parameters(reader)))

    await _sent_on(call, reader, carry_out, seen)
    end = CarryOutRows(
        call.parts.clock(), call.issuer, (), seen.counts.rows + 1, seen.counts, seen.chunks, is_last=True
    )
    digest = Chunk(seen.chunks, seen.counts.rows + 1, []).digest(f"{seen.chunks}".encode())
    return seen, await batches.carry_out(whose, place, end, seen.chunks, digest)


async def _sent_on(call: Call, reader: Reader, carry_out: Callable[[Chunk], Awaitable[Outcome]], seen: _Seen) -> None:
    """Hand the body's chunks to *carry_out*, a few at a time and in order, and take in what it says."""
    under_way: deque[asyncio.Future[Outcome]] = deque()
    try:
        async for chunk in batch_files.chunks(reader.form, _pieces(call), call.parts.limits.document_bytes):
            under_way.append(asyncio.ensure_future(carry_out(chunk)))
            for _ in range(3):
                await asyncio.sleep(0)  # let others in, and this one depart: the next is decided while it is written
            if len(under_way) >= IN_FLIGHT:
                seen.take((await under_way[0]).answer)
                under_way.popleft()
        while under_way:
            seen.take((await under_way[0]).answer)
            under_way.popleft()
    finally:
        if under_way:
            await asyncio.wait(under_way)  # what was sent is carried out, whatever else went wrong


def _command(call: Call, reader: Reader, chunk: Chunk, seen: _Seen) -> CarryOutRows:
    rows = tuple(map(reader.row, chunk.records))
    return CarryOutRows(call.parts.clock(), call.issuer, rows, chunk.first_row, seen.counts, seen.chunks)


def _parameters(reader: Reader) -> bytes:
    return reader.form.parameters + b"\n" + (reader.operation or "").encode()


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    """Return the body as it comes in; a client that sends nothing for too long is given up."""
    content, timeout_s = call.request.content, call.parts.limits.body_timeout_s
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                piece = await content.readany()
        except TimeoutError:
            raise AtTheDoor(
                BODY_TIMEOUT,
                f"Nothing more of the body arrived for {timeout_s:g} s; send the same file again to go on.",
            ) from None
        except (web.RequestPayloadError, ConnectionError):
            raise Malformed("The body ends before it is complete; send the same file again to go on.") from None
        if not piece:
            return
        yield piece


# ── looking only ─────────────────────────────────────────────────────────────────────────────────────────────


async def _looked_at(call: Call, reader: Reader) -> web.Response:
    batches, whose, seen = call.parts.batches, asked(call), _Seen()

    def look(chunk: Chunk) -> Awaitable[Outcome]:
        return batches.look(whose, _command(call, reader, chunk, seen))

    await _sent_on(call, reader, look, seen)
    return call.json(
        {
            "dryRun": True,
            "rows": seen.counts.rows,
            "counts": _counts(seen.counts),
            "rejected": _examples(call, seen.rejected),
            "examples": _examples(call, seen.accepted),
        }
    )


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────


def _place(call: Call, batch_id: str) -> Place:
    if not _BATCH_ID.fullmatch(batch_id):
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


def _position(call: Call, outcome: Outcome) -> dict[str, str]:
    return {"position": position_text(call.log, outcome.position)}


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
