"""Whether files are those of the latest publications: a look that may be taken at every start, and reads no lists."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from time import monotonic
from uuid import UUID, uuid4

from projections.projection import Executor
from projections.status_lists.files.controllers import documents_behind
from projections.status_lists.files.directory import Directory
from projections.status_lists.files.layout import ListFiles, list_files
from projections.status_lists.files.target import Target
from projections.status_lists.queries import sql
from registry.domain.names import LogName
from registry.errors import NotYetVisible

SLICE = 200
"""Lists looked at with one query."""
LOOK_S = 2.0
"""For how long lists, and documents, of a log are looked at: some ten thousand in a directory, fewer in a store."""
_FIRST = UUID(int=0)
_NAMES = sql("read_file_names")


async def behind(conn: Executor, target: Target, logs: Sequence[LogName]) -> list[str]:
    """Return which lists have no files of the latest publication, and which issuers no document as it should be.

    Reads names only, of lists; where there are too many for the time, each look begins at another one. May raise
    `TargetFailed`, or what asyncpg raises.
    """
    late: list[str] = []
    for log in logs:
        until = monotonic() + LOOK_S
        async with aclosing(_all_from_somewhere(conn, log)) as slices:
            async for slice_ in slices:
                faults = await target.check(slice_, deeply=False)
                late += [f"{fault.status_list_id} ({fault.sentence})" for fault in faults]
                if monotonic() >= until:
                    break
        if isinstance(target, Directory):
            with suppress(NotYetVisible):
                late += await documents_behind(conn, target, log, until=monotonic() + LOOK_S)
    return late


async def _all_from_somewhere(conn: Executor, log: LogName) -> AsyncGenerator[list[ListFiles], None]:
    """Yield all published lists of *log* once, in the order of their ids, from any of them on."""
    start = uuid4()
    for first, last in ((start, None), (_FIRST, start)):
        after = first
        while slice_ := list(list_files(log, await conn.fetch(_NAMES, log, after, SLICE))):
            if wanted := [one for one in slice_ if last is None or one.status_list_id <= last]:
                yield wanted
            if len(wanted) < len(slice_):
                break
            after = slice_[-1].status_list_id
