"""The credentials inside a document: those of a presentation or a learner record, and endorsements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.verifier.structure.everywhere import CONTAINED
from registry.verifier.structure.path import ROOT, Path, each, pointer

MAX_CONTAINED: Final = 200
"""Credentials inside one request, at any depth."""
MAX_DEPTH: Final = 4
"""A presentation of a learner record of a badge with an endorsement."""


def contained_in(document: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    """Return every credential directly inside *document* with its JSON pointer, in the order of the document."""
    waiting: list[tuple[Any, Path]] = [(document, ROOT)]
    while waiting:
        part, path = waiting.pop()
        if isinstance(part, list):
            inner = [(item, (path, index)) for index, item in enumerate(part)]
        else:
            inner = []
            for name, value in part.items():
                if name in CONTAINED:
                    yield from ((item, pointer(where)) for item, where in each(value, (path, name)))
                elif name not in ("@context", "proof"):
                    inner.append((value, (path, name)))
        waiting.extend((value, where) for value, where in reversed(inner) if isinstance(value, (dict, list)))
