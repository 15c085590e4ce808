"""How much memory a process takes: what is its own, and its share of what it has in common with others."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in MiB."""

    pss: float
    """Its own pages, and of those that several processes map, its share."""
    rss: float
    """All that it maps and that is in memory."""


def memory_of(pid: int) -> Memory:
    """Return what the process takes now, without its children (Linux)."""
    now = psutil.Process(pid).memory_full_info()
    return Memory(now.pss / MIB, now.rss / MIB)


def children_of(pid: int) -> Memory:
    """Return what its children take together: those that read foreign documents."""
    found = [memory_of(child.pid) for child in psutil.Process(pid).children(recursive=True)]
    return Memory(sum(one.pss for one in found), sum(one.rss for one in found))
