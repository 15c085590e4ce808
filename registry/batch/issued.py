"""What a batch that issues sends back: signed credentials to a file, and what they come to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any, Final

from registry.batch.files import appearing_whole

KEPT: Final = 10
"""Rejected rows that the summary names."""


async def write_issued(lines: AsyncIterable[bytes], path: Path) -> dict[str, Any]:
    """Write the lines that hold a credential to *path*, which appears when all are there; return the summary.

    Only its owner can read it: credentials are about people.
    """
    counts = {"accepted": 0, "unchanged": 0, "rejected": 0}
    rejected: list[Any] = []
    unsigned: list[Any] = []
    issued = 0
    with appearing_whole(path, is_private=True) as file:
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
