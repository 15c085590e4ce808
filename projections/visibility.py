"""Before this version's generation is live there is nothing to read: that is "in a moment", never "unknown"."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import asyncpg

from registry.errors import NotYetVisible

P = ParamSpec("P")
T = TypeVar("T")

_NOT_THERE = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)


def visible(view: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Return *view*, which then raises `NotYetVisible` while the rows that this version reads are being filled."""

    @wraps(view)
    async def seen(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await view(*args, **kwargs)
        except _NOT_THERE as error:
            raise NotYetVisible("The read side is being built; repeat the request in a moment.") from error

    return seen
