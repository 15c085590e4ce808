"""The pinned contexts, with the W3C's examples context added the way an operator adds one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from registry.securing.contexts import Contexts, load_contexts

EXAMPLES_V2 = "https://www.w3.org/ns/credentials/examples/v2"
CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"


def write_index(folder: Path, url: str, content: bytes, *, sha256: str | None = None) -> Path:
    (folder / "one.json").write_bytes(content)
    digest = sha256 or hashlib.sha256(content).hexdigest()
    (folder / "contexts.json").write_text(json.dumps({url: {"file": "one.json", "sha256": digest}}))
    return folder


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    content = json.dumps({"@context": {"@vocab": "https://www.w3.org/ns/credentials/examples#"}}).encode()
    return load_contexts(write_index(tmp_path_factory.mktemp("contexts"), EXAMPLES_V2, content))


@pytest.fixture
def vectors(shared_dir: Path) -> dict[str, Any]:
    """The files of the W3C's vc-di-eddsa test vectors."""
    files: dict[str, Any] = json.loads((shared_dir / "vectors" / "di_eddsa.json").read_text())["files"]
    return files


@pytest.fixture
def credential() -> dict[str, Any]:
    """A small credential that says nothing but what its contexts define."""
    return {
        "@context": [CREDENTIALS_V2, OPEN_BADGES],
        "id": "urn:uuid:4f5a1a3e-0f0d-4a5e-9c58-0a3d1c3a7d11",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": "did:example:school", "type": ["Profile"], "name": "A school"},
        "validFrom": "2025-01-01T00:00:00Z",
        "name": "A badge",
        "credentialSubject": {
            "id": "did:example:learner",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "https://school.example/achievements/1",
                "type": ["Achievement"],
                "criteria": {"narrative": "Was there."},
                "name": "Presence",
                "description": "Was there.",
            },
        },
    }
