"""A process that writes: `python -m tests.log.writer_process DSN STREAM KEY…` toggles once per key.

It prints `KEY POSITION` for each acknowledged change; a test kills it with -9.
"""

from __future__ import annotations

import asyncio
import sys

from registry.domain.names import Stream
from tests.log.writing import sequencing


async def main(dsn: str, stream: Stream, keys: list[str]) -> None:
    async with sequencing(dsn) as one:
        for key in keys:
            outcome = await one.toggle(stream, key)
            print(key, outcome.position, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Stream(sys.argv[2]), sys.argv[3:]))
