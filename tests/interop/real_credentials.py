"""Real credentials of Open Badges 3.0 and CLR 2.0, made ready to be issued anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

V2 = "https://www.w3.org/ns/credentials/v2"
NAMES = (
    "1edtech-clr20-simple",
    "1edtech-ob30-complete",
    "1edtech-ob30-endorsement-valid",
    "1edtech-ob30-simple",
    "1edtech-ob30-simple-did-key-method",
    "1edtech-ob30-simple-multiple-proofs",
)
"""Every fixture whose first context is that of VCDM 2.0; a test holds this list and the folder together."""


def unsigned(fixtures: Path, name: str) -> dict[str, Any]:
    """Return the credential *name* without proof and issuer id, under an id of its own."""
    document: dict[str, Any] = json.loads((fixtures / f"{name}.json").read_text())
    del document["proof"]
    if isinstance(document["issuer"], str):
        del document["issuer"]
    else:
        del document["issuer"]["id"]
    document["id"] = f"urn:uuid:{uuid4()}" if document["id"].startswith("urn:uuid:") else f"{document['id']}/{uuid4()}"
    return document


def in_folder(fixtures: Path) -> set[str]:
    """Return the names of all fixtures of VCDM 2.0."""
    documents = {path.stem: json.loads(path.read_text()) for path in fixtures.glob("*.json")}
    return {name for name, document in documents.items() if document["@context"][0] == V2}
