"""The log about itself: opened once, and perhaps restored to an earlier point."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry.domain.commands import AcceptRestore
from registry.domain.events import AnyEvent, LogOpened, LogRestored, Recorded


@dataclass(frozen=True, slots=True)
class OpenedLog:
    """What later decisions about a log need to know."""

    opening: LogOpened
    restores: tuple[LogRestored, ...] = ()


def decide(command: AcceptRestore, state: OpenedLog | None) -> list[AnyEvent]:
    """Return the acceptance; nothing, if this published head was given up before."""
    known = state.restores if state else ()
    given_up = (command.published_position, command.published_hash)
    if any((one.published_position, one.published_hash) == given_up for one in known):
        return []
    return [
        LogRestored(
            published_position=command.published_position,
            published_hash=command.published_hash,
            restored_position=command.restored_position,
        )
    ]


def evolve(state: OpenedLog | None, recorded: Recorded) -> OpenedLog | None:
    """Return the log after *recorded*."""
    match recorded.event:
        case LogOpened() as opening:
            return OpenedLog(opening)
        case LogRestored() as restored if state is not None:
            return replace(state, restores=(*state.restores, restored))
    return state
