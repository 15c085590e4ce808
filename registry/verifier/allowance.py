"""How much one request may have fetched: a document can name hundreds of hosts, and each may take its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from registry.errors import Unavailable


@dataclass(slots=True)
class _Allowance:
    left: int
    whole: int


_ALLOWANCE: ContextVar[_Allowance | None] = ContextVar("allowance", default=None)


@contextmanager
def allowance(fetches: int) -> Iterator[None]:
    """Let what runs inside, and the tasks that it starts, ask for *fetches* documents that are not kept already."""
    token = _ALLOWANCE.set(_Allowance(fetches, fetches))
    try:
        yield
    finally:
        _ALLOWANCE.reset(token)


def spend() -> None:
    """Take one fetch from the allowance, if there is one; raise `Unavailable` when none is left.

    It is the caller who is refused: others who wait for the same document get it, and nothing is remembered of it.
    """
    found = _ALLOWANCE.get()
    if found is None:
        return
    if found.left <= 0:
        raise Unavailable(
            f"The document names more than {found.whole} others that would have to be fetched; verify its parts singly."
        )
    found.left -= 1
