"""A least-recently-used store bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Keeps what was used last, up to *max_bytes* as *size_bytes* counts them; always the newest entry."""

    def __init__(self, max_bytes: int, size_bytes: Callable[[V], int]) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._size_bytes = size_bytes
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Return what is kept under *key* and count it as used; None if nothing is."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep *value* under *key*, letting go of what was unused longest."""
        before = self._entries.pop(key, None)
        self.bytes += self._size_bytes(value) - (self._size_bytes(before) if before is not None else 0)
        self._entries[key] = value
        while self.bytes > self._max_bytes and len(self._entries) > 1:
            _, dropped = self._entries.popitem(last=False)
            self.bytes -= self._size_bytes(dropped)

    def drop(self, key: K) -> None:
        """Let go of what is kept under *key*, if anything is."""
        if (dropped := self._entries.pop(key, None)) is not None:
            self.bytes -= self._size_bytes(dropped)

    def drop_all(self, is_unwanted: Callable[[K], bool]) -> None:
        """Let go of everything under the keys that *is_unwanted* names."""
        for key in [key for key in self._entries if is_unwanted(key)]:
            self.drop(key)
