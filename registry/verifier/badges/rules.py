"""Rules as a table: which members a class must have, of which type (Open Badges 3.0, appendix B.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from registry.domain.problem import BADGE_NOT_CONFORMING, Problem
from registry.verifier.structure.lexical import is_url
from registry.verifier.structure.parties import types_of
from registry.verifier.structure.path import Path, each, pointer

OB: Final = "Open Badges 3.0"
CLR: Final = "CLR 2.0"
OB_CONTEXT: Final = "https://purl.imsglobal.org/spec/ob/v3p0/context"
CLR_CONTEXT: Final = "https://purl.imsglobal.org/spec/clr/v2p0/context"


def nonconforming(path: Path, detail: str, source: str) -> Problem:
    """Return the problem that something at *path* is not as *source* asks for it."""
    return Problem(BADGE_NOT_CONFORMING, "The badge does not conform", detail, pointer(path), source)


def objects(value: Any, path: Path) -> Iterator[tuple[Mapping[str, Any], Path]]:
    """Return the objects of a member that is one or several; none for a member that is missing."""
    for item, where in each([] if value is None else value, path):
        if isinstance(item, Mapping):
            yield item, where


def second_context(document: Mapping[str, Any], prefix: str, source: str) -> Iterator[Problem]:
    """The context after the data model's is the one of the badge, in any of its revisions."""
    contexts = document.get("@context")
    second = contexts[1] if isinstance(contexts, list) and len(contexts) > 1 else None
    if not isinstance(second, str) or not second.startswith(prefix):
        path: Path = ((), "@context")
        yield nonconforming(path, f"The second context is {prefix}….json.", source)


def require(
    part: Mapping[str, Any],
    path: Path,
    source: str,
    *,
    type_: str | None = None,
    texts: Sequence[str] = (),
    urls: Sequence[str] = (),
) -> Iterator[Problem]:
    """Return what *part* lacks: its type, its texts (strings that are not empty), its URLs."""
    if type_ is not None and type_ not in types_of(part):
        yield nonconforming((path, "type"), f"One of the types is {type_}.", source)
    for name in texts:
        value = part.get(name)
        if not (isinstance(value, str) and value.strip()) and not (isinstance(value, Mapping) and value.get("@value")):
            yield nonconforming((path, name), f"`{name}` is required, a text.", source)
    for name in urls:
        if not is_url(part.get(name)):
            yield nonconforming((path, name), f"`{name}` is required, a URL.", source)
