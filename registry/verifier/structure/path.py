"""Where in a document something lies, at the cost of a tuple; written as a JSON pointer only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.domain.problem import MALFORMED_VALUE_ERROR, Problem

Path = tuple["Path", str | int] | tuple[()]
"""The path of what it lies in, and the member or index there; empty: the whole document."""

ROOT: Path = ()


def pointer(path: Path) -> str:
    """Return *path* as a JSON pointer (RFC 6901)."""
    steps: list[str] = []
    while path:
        path, step = path
        steps.append(str(step)[:200].replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in reversed(steps))


def malformed(path: Path, detail: str, source: str) -> Problem:
    """Return the problem that the value at *path* is not what *source*, a section of a specification, asks for."""
    return Problem(MALFORMED_VALUE_ERROR, "A value is malformed", detail, pointer(path), source)


def each(value: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """Return the items of a member that is one value or an array of them, each with where it lies."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield item, (path, index)
    else:
        yield value, path
