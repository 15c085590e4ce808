"""Requests that wait their turn: bounded, and served issuer by issuer, so that one bulk cannot starve the rest."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

from registry.errors import QueueFull
from registry.log.request import Waiting


class FairQueue:
    """A queue per issuer, served in rotation.

    A queue may be as long as the room that is left for all the others: one bulk gets half of the whole, two get a
    third each, and a newcomer always finds room.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._queues: OrderedDict[str, deque[Waiting]] = OrderedDict()
        self._returned: deque[Waiting] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, waiting: Waiting) -> None:
        """Let *waiting* wait; raise `QueueFull` when its issuer's requests take up too much room already."""
        queue = self._queues.get(waiting.request.queue)
        if (len(queue) if queue else 0) >= self._room - self._count:
            raise QueueFull("More writes are waiting than may wait; repeat the request in a moment.")
        if queue is None:
            queue = self._queues[waiting.request.queue] = deque()
        queue.append(waiting)
        self._count += 1

    def take(self, most: int) -> list[Waiting]:
        """Return requests whose callers still wait, one of each queue in turn, until they weigh *most* or more."""
        taken: list[Waiting] = []
        while self._count and most > 0:
            waiting = self._returned.popleft() if self._returned else self._next()
            self._count -= 1
            if not waiting.future.done():
                taken.append(waiting)
                most -= waiting.request.weight
        return taken

    def put_back(self, waiting: Iterable[Waiting]) -> None:
        """Let those wait again, in front of all others, who were taken and could not be served."""
        before = len(self._returned)
        self._returned.extendleft(reversed(list(waiting)))
        self._count += len(self._returned) - before

    def _next(self) -> Waiting:
        name, queue = self._queues.popitem(last=False)
        waiting = queue.popleft()
        if queue:
            self._queues[name] = queue
        return waiting
