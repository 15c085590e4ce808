"""A process that runs the embedded PostgreSQL until its standard input ends.

`python -m tests.embedded_process HOME [BINDIR]` prints one JSON line when the server is ready.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from registry.embedded import running


async def main(home: Path, bindir: Path | None) -> None:
    async with running(home, bindir=bindir) as embedded:
        print(
            json.dumps({"owns": embedded.owns, "dsn": embedded.dsn(user="postgres", database="postgres")}), flush=True
        )
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
