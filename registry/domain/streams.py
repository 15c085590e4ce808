"""A stream's events → its state: the one place that knows which fold belongs to which stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.domain import api_keys, credential, issuer, log, own_list, status_list
from registry.domain.events import Recorded, SlugClaimed, StatusListEntrySet
from registry.domain.names import IssuerId, Stream
from registry.domain.own_list import Entry

State = Any
"""Credential | Issuer | ListSets | OwnLists | Entry | ApiKeyRing | IssuerId (a slug's owner) | OpenedLog.

None for an empty stream.
"""


def _slug_owner(state: IssuerId | None, recorded: Recorded) -> IssuerId | None:
    return IssuerId(recorded.event.issuer_id) if isinstance(recorded.event, SlugClaimed) else state


def _entry_value(state: Entry | None, recorded: Recorded) -> Entry | None:
    match recorded.event:
        case StatusListEntrySet(value=value):
            return Entry(value, recorded.position)
    return state


_FOLDS: dict[str, Callable[[State, Recorded], State]] = {
    "credential": credential.evolve,
    "issuer": issuer.evolve,
    "status-lists": status_list.evolve,
    "own-lists": own_list.evolve,
    "list-entry": _entry_value,
    "api-keys": api_keys.evolve,
    "slug": _slug_owner,
    "log": log.evolve,
}


def evolve(stream: Stream, state: State, recorded: Recorded) -> State:
    """Return the state of *stream* after *recorded*."""
    return _FOLDS[stream.partition("/")[0]](state, recorded)
