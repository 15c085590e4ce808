"""The file publisher's day: on every notification and every quarter of a second; trouble is told, and tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import asyncpg

from projections.status_lists.files.publish import FilesProgress
from projections.status_lists.files.target import Target, TargetFailed
from registry.errors import NotYetVisible
from registry.log.connection import LOST, reason

POLL_S = 0.25
"""How late a file is at most when the notification is lost."""
_LONGEST_BACKOFF_S = 15.0
_NOT_YET = (NotYetVisible, asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.InvalidSchemaNameError)
_log = logging.getLogger(__name__)


class Publisher(Protocol):
    """Publishes files, a step at a time."""

    progress: FilesProgress

    @property
    def target(self) -> Target:
        """Where to."""

    async def step(self) -> bool:
        """Do what is to be done now; return whether more waits. May raise `TargetFailed`, or what asyncpg raises."""


def _always() -> bool:
    return True


async def publish_files_for_ever(
    publisher: Publisher, *, wake: asyncio.Event, may_write: Callable[[], bool] = _always
) -> None:
    """Publish until cancelled, while *may_write*.

    What fails is tried again with what is new, and else ever more slowly, up to every 15 s.
    """
    pause_s = 0.0
    while True:
        wake.clear()
        more = False
        try:
            more = may_write() and await publisher.step()
        except Exception as error:  # noqa: BLE001  # whatever it is, the lists are still served by the service
            pause_s = min(max(2 * pause_s, POLL_S), _LONGEST_BACKOFF_S)
            _tell(publisher, error, is_news=pause_s == POLL_S)
        else:
            pause_s, publisher.progress.trouble = 0.0, None
        if pause_s or not more:
            with suppress(TimeoutError):
                # what is new need not wait for what fails
                async with asyncio.timeout(pause_s or POLL_S):  # wait_for of Python 3.11 can lose a cancellation
                    await wake.wait()


def _tell(publisher: Publisher, error: Exception, *, is_news: bool) -> None:
    """Count and log what went wrong: once at its beginning, not at every attempt."""
    if isinstance(error, _NOT_YET):
        return  # nothing is published yet
    progress = publisher.progress
    progress.failures += 1
    known = isinstance(error, (TargetFailed, *LOST))
    sentence = str(error) if isinstance(error, TargetFailed) else reason(error)
    if is_news or sentence != progress.trouble:
        _log.log(
            logging.WARNING if known else logging.ERROR,
            "files are not published to %s, this is tried again: %s",
            publisher.target.name,
            sentence,
            exc_info=None if known else error,
        )
    progress.trouble = sentence
