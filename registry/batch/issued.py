"""What a batch that issues sends back: signed credentials to a file, and what they come to."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

KEPT: Final = 10
"""Rejected rows that the summary names."""


async def write_issued(lines: AsyncIterable[bytes], path: Path) -> dict[str, Any]:
    """Write the lines that hold a credential to *path*, which appears when all are there; return the summary."""
    counts = {"accepted": 0, "unchanged": 0, "rejected": 0}
    rejected: list[Any] = []
    unsigned: list[Any] = []
    issued = 0
    with _appearing_whole(path) as file:
        async for line in lines:
            one = json.loads(line)
            counts[one["outcome"]] += 1
            if "verifiableCredential" in one:
                issued += 1
                file.write(line)
            elif one["outcome"] == "rejected":
                rejected.extend([one] if len(rejected) < KEPT else [])
            elif "problem" in one:
                unsigned.append({"row": one["row"], "problem": one["problem"]})
    return {
        "rows": sum(counts.values()), "counts": counts, "rejected": rejected, "issued": issued, "unsigned": unsigned,
    }  # fmt: skip


@contextmanager
def _appearing_whole(path: Path) -> Iterator[IO[bytes]]:
    """Open what becomes *path* at the end, if all goes well; of two commands at once each writes its own.

    Only its owner can read it: credentials are about people.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", suffix=".part", delete=False) as part:
        written = Path(part.name)
        try:
            yield part.file
            part.flush()
            written.replace(path)
        except BaseException:
            written.unlink()
            raise
