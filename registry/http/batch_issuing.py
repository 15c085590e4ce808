"""Issuing in batches: what is registered by the chunk is signed beside the loop, and sent back when all is recorded.

Signed credentials are kept nowhere: they wait in a file without a name, which is gone with the request. Whoever was
cut off sends the same file again, and gets the same bytes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from time import monotonic
from typing import Any, BinaryIO, Final

import orjson

from registry.commands.batches import PATIENCE_S
from registry.commands.row_answers import RowOutcome, outcomes
from registry.domain.commands import RefusedRow, Row
from registry.domain.names import CredentialId
from registry.domain.rows import refusal
from registry.errors import Refused, RegistryError, Unavailable
from registry.http import documents
from registry.http.batch_answers import problem_json, teller
from registry.http.batch_files import Chunk
from registry.http.batch_rows import Reader
from registry.http.credentials import rendered
from registry.http.door import Call
from registry.http.writes import asked
from registry.verifier.beside import Walks

AT_ONCE: Final = 16
"""Credentials that are examined or signed at a time."""
PIECE: Final = 256 * 1024


class Issuance:
    """The rows of one batch that are signed; and a file of what became of all its rows."""

    def __init__(self, call: Call, reader: Reader, *, is_dry_run: bool = False) -> None:
        self._call = call
        self._reader = reader
        self._is_dry_run = is_dry_run
        self._spool: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the request
        self._told = teller(call.log, call.origin)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._waiting: dict[int, Any] = {}
        """Row → what is to be signed."""

    async def rows(self, chunk: Chunk) -> tuple[Row, ...]:
        """Return the commands of a chunk; what cannot be signed without loss is refused before it is registered."""
        rows = [self._reader.row(record) for record in chunk.records]
        return tuple(await asyncio.gather(*(self._examined(chunk.first_row + n, row) for n, row in enumerate(rows))))

    async def _examined(self, number: int, row: Row) -> Row:
        wish = self._reader.wishes.pop(id(row), None)
        if wish is None:
            return row
        command, document, how = wish
        async with self._gate:
            try:
                await Walks(document)(lambda: documents.require_conforming(document, how.terms.did))
                await self._call.parts.issuing.require_signable(document, command.credential_id, how)
            except Refused as error:
                return RefusedRow(command.credential_id, refusal(error))
        if not self._is_dry_run:
            self._waiting[number] = wish
        return row

    async def told(self, answer: dict[str, Any]) -> None:
        """Sign what the chunk registered, and write what became of its rows."""
        lines = await asyncio.gather(*(self._line(one) for one in outcomes(answer)))
        self._spool.write(b"".join(lines))

    async def _line(self, one: RowOutcome) -> bytes:
        line, wish = self._told(one), self._waiting.pop(one.row, None)
        if wish is None or one.refusal is not None:
            return orjson.dumps(line) + b"\n"
        async with self._gate:
            try:
                signed = await self._signed(one, wish)
            except RegistryError as error:
                refused = replace(one, refusal=refusal(error if isinstance(error, Refused) else Refused(error.detail)))
                return orjson.dumps({**line, "problem": problem_json(refused, self._call.origin)}) + b"\n"
        return orjson.dumps(line)[:-1] + b',"verifiableCredential":' + signed + b"}\n"

    async def _signed(self, one: RowOutcome, wish: Any) -> bytes:
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

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return what became of the rows, as it was written."""
        self._spool.seek(0)
        while piece := self._spool.read(PIECE):
            yield piece

    def close(self) -> None:
        """Let go of the file."""
        self._spool.close()
