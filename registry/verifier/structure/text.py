"""Names and descriptions of a credential and of its issuer (VCDM 2.0, section 4.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.structure.path import ROOT, Path, each, malformed

_SECTION: Final = "VCDM 2.0, section 4.6"


def texts(document: Mapping[str, Any]) -> Iterator[Problem]:
    """`name` and `description` are strings or language value objects, one or several."""
    yield from _texts(document, ROOT)
    if isinstance(issuer := document.get("issuer"), Mapping):
        yield from _texts(issuer, (ROOT, "issuer"))


def _texts(part: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for name in ("name", "description"):
        if name not in part:
            continue
        for item, where in each(part[name], (path, name)):
            if not isinstance(item, str) and not (isinstance(item, Mapping) and "@value" in item):
                yield malformed(where, f"A {name} is a string, or an object with `@value` and `@language`.", _SECTION)
