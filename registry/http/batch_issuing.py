"""Issuing in batches: what is registered by the chunk is signed beside the loop, and sent back when all is recorded.

Signed credentials are kept nowhere: they wait in a file without a name, which is gone with the request. Whoever was
cut off sends the same file again, and gets the same bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Any, Final

import orjson

from registry.commands.batches import PATIENCE_S
from registry.commands.row_answers import RowOutcome, outcomes
from registry.domain.commands import Refusal, RefusedRow, Row
from registry.domain.names import CredentialId
from registry.domain.rows import refusal
from registry.errors import Refused, RegistryError, Unavailable
from registry.http import documents
from registry.http.batch_answers import problem_json, teller
from registry.http.batch_files import Chunk
from registry.http.batch_rows import Reader, Wished
from registry.http.credentials import rendered
from registry.http.door import Call
from registry.http.spool import Spool
from registry.http.writes import asked
from registry.verifier.beside import Walks

AT_ONCE: Final = 16
"""Credentials that are examined or signed at a time."""


class Issuance:
    """The rows of one batch that are signed; and a file of what became of all its rows."""

    def __init__(self, call: Call, reader: Reader, *, is_dry_run: bool = False) -> None:
        self._call = call
        self._reader = reader
        self._is_dry_run = is_dry_run
        self._spool = Spool(call.parts.limits.spool)
        self._told = teller(call.log, call.origin)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[int, Wished | Refusal] = {}
        """Row → what is to be signed, or why it cannot be: it may have been registered when it could."""

    async def rows(self, chunk: Chunk) -> tuple[Row, ...]:
        """Return the commands of a chunk; what cannot be signed without loss is refused before it is registered."""
        rows = [self._reader.row(record) for record in chunk.records]
        return tuple(await asyncio.gather(*(self._examined(chunk.first_row + n, row) for n, row in enumerate(rows))))

    async def _examined(self, number: int, row: Row) -> Row:
        wish = self._reader.wishes.pop(id(row), None)
        if wish is None:
            return row
        if not isinstance(wish, Refusal) and (problem := await self._problem(wish)) is not None:
            row, wish = RefusedRow(wish[0].credential_id, problem), problem
        if not self._is_dry_run:
            self._waiting[number] = wish
        return row

    async def _problem(self, wish: Wished) -> Refusal | None:
        """Return why it cannot be signed, if it cannot."""
        command, document, how = wish
        async with self._gate:
            try:
                await Walks(document)(lambda: documents.require_conforming(document, how.terms.did))
                await self._call.parts.issuing.require_signable(document, command.credential_id, how)
            except Refused as error:
                return refusal(error)
        return None

    async def told(self, answer: dict[str, Any]) -> None:
        """Sign what the chunk registered, and write what became of its rows."""
        lines = await asyncio.gather(*(self._line(one) for one in outcomes(answer)))
        self._spool.write(b"".join(lines))

    async def _line(self, one: RowOutcome) -> bytes:
        line, wish = self._told(one), self._waiting.pop(one.row, None)
        if wish is None or one.refusal is not None:
            return orjson.dumps(line) + b"\n"
        signed = wish if isinstance(wish, Refusal) else await self._signed_or_refused(one, wish)
        if isinstance(signed, Refusal):
            problem = problem_json(replace(one, refusal=signed), self._call.origin)
            return orjson.dumps({**line, "problem": problem}) + b"\n"
        return orjson.dumps(line)[:-1] + b',"verifiableCredential":' + signed + b"}\n"

    async def _signed_or_refused(self, one: RowOutcome, wish: Wished) -> bytes | Refusal:
        async with self._gate:
            try:
                return await self._signed(one, wish)
            except RegistryError as error:
                return refusal(error if isinstance(error, Refused) else Refused(error.detail))

    async def _signed(self, one: RowOutcome, wish: Wished) -> bytes:
        command, document, how = wish
        named = replace(command, credential_id=CredentialId(one.credential_id or command.credential_id))
        answer = {"credentialId": named.credential_id, **one.told}
        whose, deadline = asked(self._call).without_key(), monotonic() + PATIENCE_S
        while True:
            try:
                _, secured = await self._call.parts.issuing.secured(whose, named, document, how, answer)
                return rendered(secured)
            except Unavailable as error:
                if monotonic() + error.retry_after_s > deadline:
                    raise
                await asyncio.sleep(error.retry_after_s)

    def pieces(self) -> AsyncIterator[bytes]:
        """Return what became of the rows, as it was written."""
        return self._spool.pieces()

    def close(self) -> None:
        """Let go of the file."""
        self._spool.close()
