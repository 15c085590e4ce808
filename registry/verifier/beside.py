"""Work beside the event loop, so that others are answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

Result = TypeVar("Result")

LONG: Final = 2_000
"""Values from which on a document is looked through in a thread; one more switch of threads is nothing then."""
CHARACTERS_PER_VALUE: Final = 16
"""Of an envelope that was not read yet."""


async def beside(threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
    """Return what *work* returns, done in one of *threads*."""
    return await asyncio.get_running_loop().run_in_executor(threads, work)


class Walks:
    """Looks through one document, several times."""

    def __init__(self, document: Any) -> None:
        self._is_long = is_long(document)

    async def __call__(self, work: Callable[[], Result]) -> Result:
        """Return what *work* returns, which looks through the document; in a thread if that may take a while."""
        return await asyncio.to_thread(work) if self._is_long else work()


def is_long(document: Any) -> bool:
    """Return whether there are more than 2,000 values in *document*; never looks at many more.

    An envelope that was not read yet is long when it may hold as many.
    """
    if isinstance(document, (str, bytes)):
        return len(document) > LONG * CHARACTERS_PER_VALUE
    waiting = [document]
    for value in waiting:  # which grows meanwhile
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        if len(waiting) > LONG:
            return True
    return False
