"""What a batch that issues sends back: signed credentials to a file, and what they come to."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any, Final

OWNER_ONLY: Final = 0o600
"""Credentials are about people."""
KEPT: Final = 10
"""Rejected rows that the summary names."""


async def write_issued(lines: AsyncIterable[bytes], path: Path) -> dict[str, Any]:
    """Write the lines that hold a credential to *path*, which appears when all are there; return the summary."""
    counts = {"accepted": 0, "unchanged": 0, "rejected": 0}
    rejected: list[Any] = []
    unsigned: list[Any] = []
    issued = 0
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)  # of a command that was killed; whoever could read that must not read this
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb") as file:
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
    part.replace(path)
    return {
        "rows": sum(counts.values()), "counts": counts, "rejected": rejected, "issued": issued, "unsigned": unsigned,
    }  # fmt: skip
