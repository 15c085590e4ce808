"""What was had from elsewhere, kept as long as it may be: bounded in bytes, one loading per key at a time."""

from __future__ import annotations

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from registry.errors import Refused, RegistryError, RemoteUnavailable

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

REFUSALS_KEPT_S: Final = 10.0
"""How long a failure is remembered, so that a broken host is not asked by every request."""
_OVERHEAD_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """A value, and how long it may be used."""

    value: Value
    weight_bytes: int
    until: datetime
    """It is never given out at or after this moment."""


class Cache(Generic[Key, Value]):
    """The least recently used go when more than *max_bytes* are kept; what alone is heavier is not kept at all.

    *charge* is called for each caller who asks for what is not kept, and may refuse him.
    """

    def __init__(
        self, clock: Callable[[], datetime], *, max_bytes: int, charge: Callable[[], None] = lambda: None
    ) -> None:
        self._clock = clock
        self._charge = charge
        self._max_bytes = max_bytes
        self._weight = 0
        self._kept: OrderedDict[Key, Kept[Value | RegistryError]] = OrderedDict()
        self._loading: dict[Key, asyncio.Task[Value]] = {}

    async def get(self, key: Key, load: Callable[[], Awaitable[Kept[Value]]], *, fresh: bool = False) -> Value:
        """Return what is kept under *key*, or what *load* returns; whoever asks meanwhile waits for the same load.

        With *fresh*, what is kept does not count.

        A `Refused` or `RemoteUnavailable` that *load* raises is raised again for 10 s. A caller that is cancelled
        leaves the loading to the others.
        """
        kept = self._kept.get(key)
        if kept is not None and not fresh and self._clock() < kept.until:
            self._kept.move_to_end(key)
            if isinstance(kept.value, RegistryError):
                raise bare(kept.value)
            return kept.value
        self._charge()
        loading = self._loading.get(key)
        if loading is None:
            loading = self._loading[key] = asyncio.ensure_future(self._load(key, load))
            loading.add_done_callback(lambda done: self._loaded(key, done))
        return await asyncio.shield(loading)

    async def close(self) -> None:
        """End what is being loaded."""
        loading = list(self._loading.values())
        for one in loading:
            one.cancel()
        await asyncio.gather(*loading, return_exceptions=True)

    @property
    def weight_bytes(self) -> int:
        """How much is kept."""
        return self._weight

    async def _load(self, key: Key, load: Callable[[], Awaitable[Kept[Value]]]) -> Value:
        try:
            kept = await load()
        except (Refused, RemoteUnavailable) as error:
            self._keep(key, Kept(bare(error), 0, self._clock() + timedelta(seconds=REFUSALS_KEPT_S)))
            raise
        self._keep(key, Kept(kept.value, kept.weight_bytes, kept.until))
        return kept.value

    def _loaded(self, key: Key, done: asyncio.Task[Value]) -> None:
        self._loading.pop(key, None)
        if not done.cancelled():
            done.exception()  # looked at: whoever asked may be gone

    def _keep(self, key: Key, kept: Kept[Value | RegistryError]) -> None:
        self._forget(key)
        weight = _weight_bytes(key, kept)
        if self._clock() >= kept.until or weight > self._max_bytes:
            return
        self._kept[key] = kept
        self._weight += weight
        while self._weight > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= _weight_bytes(key, kept)


def _weight_bytes(key: Hashable, kept: Kept[Any]) -> int:
    """What an entry takes, its key included: a stranger chose that, also where nothing was found under it."""
    parts = key if isinstance(key, tuple) else (key,)
    return kept.weight_bytes + _OVERHEAD_BYTES + sum(sys.getsizeof(one) for one in parts)


def bare(error: RegistryError) -> RegistryError:
    """Return *error* again, without traceback and cause: those hold on to all that was being read at the time."""
    again = type(error).__new__(type(error), *error.args)
    again.__dict__.update(error.__dict__)
    return again
