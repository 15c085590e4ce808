"""What a person does at a terminal who pastes what the program prints."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any


def typed(printed: str, folder: Path) -> list[Any]:
    """Paste what *printed* tells people to type into bash, all of it at once; return the JSON answers."""
    lines = [line for line in printed.splitlines() if line.startswith(("  set -a; source ", "     "))]
    script = "\n".join(lines).replace("curl -s", "echo; curl --fail-with-body -s")
    path = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-ec", script], capture_output=True, text=True, env=path, cwd=folder, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return [json.loads(line) for line in done.stdout.splitlines() if line]
