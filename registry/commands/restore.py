"""Going on after a restore to an earlier point: every open set is closed first, then the log says so."""

from __future__ import annotations

from collections.abc import Iterable

from registry.commands.handle import Commands
from registry.commands.idempotency import system
from registry.domain.commands import AcceptRestore, CloseListSet
from registry.domain.names import IssuerId, LogName, lists_stream
from registry.domain.status_list import ListSets


async def record_restore(commands: Commands, log: LogName, accepted: AcceptRestore, issuers: Iterable[IssuerId]) -> int:
    """Close the open sets of *issuers*, then record *accepted*; return how many sets were closed.

    In this order: indices given out after the restored point may be in the world, so nothing may be issued from those
    sets once the log counts as sound again. After a crash in between it is simply done again.
    """
    asked = system(log, "accept-restore")
    closed = 0
    for issuer_id in issuers:
        sets: ListSets = await commands.state(log, lists_stream(issuer_id)) or ()
        for one in sets:
            if one.is_open:
                await commands.handle(asked, CloseListSet(accepted.at, issuer_id, one.set_id, "log-restored"))
                closed += 1
    await commands.handle(asked, accepted)
    return closed
