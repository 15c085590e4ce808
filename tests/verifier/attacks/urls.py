"""URLs that must never be asked for, and addresses that no name may lead to; the data is beside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

_CORPUS = json.loads((Path(__file__).parent / "urls.json").read_text(encoding="utf-8"))

URLS: Final[list[tuple[str, str]]] = [
    *((one["url"], one["why"]) for one in _CORPUS["urls"]),
    ("https://issuer.example/" + "x" * 3000, "very long"),
]
"""(URL, what is wrong with it)."""
ADDRESSES: Final[list[str]] = _CORPUS["addresses"]
