"""One batch of requests, decided one after another in memory: nobody is answered here, and nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import orjson

from registry.domain.names import LogName
from registry.errors import KeyReused, OutOfTurn, RegistryError
from registry.log.append import KeptAnswer
from registry.log.connection import Connection
from registry.log.draft import Draft, NotLoaded
from registry.log.load_states import Loaded, load_states
from registry.log.request import Appended, IdempotencyKey, Waiting

HASH_BYTES = 32


class Batch:
    """A draft, the requests it holds, and the answers to keep under their Idempotency-Keys."""

    def __init__(self, log: LogName, draft: Draft, before: Batch | None = None) -> None:
        """A batch on *draft*; *before* is the one that is on its way into the log in front of it."""
        self._log = log
        self.draft = draft
        self.waiting: list[Waiting] = []
        self.kept: dict[tuple[str, str], KeptAnswer] = {}
        self._kept_before = before.kept if before else {}
        self._known = Loaded()

    @property
    def has_news(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.draft.recorded or self.kept)

    @property
    def weight(self) -> int:
        """How much room its requests take up."""
        return sum([one.request.weight for one in self.waiting])

    async def add(
        self, conn: Connection, waiting: list[Waiting], *, most_bytes: int, look_up: bool = False
    ) -> list[Waiting]:
        """Decide *waiting* in order; return those that must wait for the next batch, because this one is full.

        Keys, and streams that a request begins, are looked up only when they must be: what was used before violates
        its table's unique key, and then the requests are decided again with *look_up*.
        """
        for one in waiting:
            one.outcome = one.keeps = None
        self.waiting += waiting
        unread = waiting if look_up else [w for w in waiting if self._is_unread(w)]
        if unread:
            await self._load(conn, unread)
        todo, rest = waiting, []
        while todo:
            missing: list[NotLoaded] = []
            again: list[Waiting] = []
            for n, one in enumerate(todo):
                if self.draft.bytes_total >= most_bytes:
                    rest += todo[n:]
                    break
                try:
                    self._decide_one(one)
                except NotLoaded as unknown:
                    missing.append(unknown)
                    again.append(one)
                if one.request.weight > 1:
                    await asyncio.sleep(0)  # others have waited for a millisecond or more
            if again:
                await self._load(conn, again, missing)
                if any(one.key for one in missing):
                    await self._settle_unchanged(conn, waiting)
            todo = again
        if rest:
            later = set(rest)
            self.waiting = [w for w in self.waiting if w not in later]
            rest = [w for w in waiting if w in later]
        await self._settle_unchanged(conn, waiting)
        if look_up:
            self._doubt(waiting)
        return rest

    def _is_unread(self, waiting: Waiting) -> bool:
        request, memory = waiting.request, self.draft.memory
        if memory.doubts and memory.is_doubted(request.queue):
            return True
        known, begins = memory.streams, request.begins
        for stream in request.reads:  # noqa: SIM110  # a generator costs three times as much, and every write asks
            if stream not in known and stream not in begins:
                return True
        return False

    def _doubt(self, waiting: list[Waiting]) -> None:
        """Remember which queues repeat what was done before, now that a batch was decided in vain."""
        memory = self.draft.memory
        for one in waiting:
            begun = (memory.streams.get(stream) for stream in one.request.begins)
            if _is_replay(one) or any(known is not None and known[0] for known in begun):
                memory.doubt(one.request.queue)

    def _decide_one(self, waiting: Waiting) -> None:
        """Decide one request on the draft; whatever goes wrong is that request's outcome alone."""
        request, draft = waiting.request, self.draft
        if request.key is not None and self._replay(waiting):
            return
        draft.guess(request.begins)
        try:
            if request.key is not None and request.key.after is not None:
                self._require_turn(request.key, request.key.after)
            decision = request.decide(draft)
            draft.prove(decision.facts)
            if not decision.facts:
                waiting.outcome = Appended(decision.position, decision.answer(decision.position))
                if request.key is not None and (request.key.caller, request.key.key) in self._known.looked_up:
                    self._keep(waiting)
                return
            position = draft.write(decision.facts, request.actor, request.request_id)
            try:
                waiting.outcome = Appended(position, decision.answer(position))
                self._keep(waiting)
            except Exception:
                draft.take_back()
                raise
        except NotLoaded:
            raise
        except Exception as refusal:  # noqa: BLE001  # a defect in one decision must not sink its neighbours
            draft.prove(())  # nobody is refused on a guess
            waiting.outcome = refusal

    async def _settle_unchanged(self, conn: Connection, waiting: list[Waiting]) -> None:
        """Look up the keys of requests that record nothing: what they are answered may be a replay after all.

        A success that changes nothing is kept too: its repetition must not take effect later, when it would.
        """
        unchanged = [
            w
            for w in waiting
            if w.keeps is None and w.request.key is not None and w.outcome is not None and not _is_replay(w)
        ]
        if not unchanged:
            return
        await self._load(conn, unchanged)
        for one in unchanged:
            if not self._replay(one) and isinstance(one.outcome, Appended):
                self._keep(one)

    def _keep(self, waiting: Waiting) -> None:
        key, outcome = waiting.request.key, waiting.outcome
        if key is None or not isinstance(outcome, Appended):
            return
        if len(key.request_hash) != HASH_BYTES or "\n" in key.key:  # it would be written into its neighbours' places
            raise ValueError("A key is one line, and the hash of its request has 32 bytes.")
        answer = orjson.dumps(outcome.answer)
        waiting.keeps = KeptAnswer(key.caller, key.key, key.request_hash, outcome.position, answer)
        self.kept[key.caller, key.key] = waiting.keeps

    def _replay(self, waiting: Waiting) -> bool:
        """Answer from the request's key if it was used before; refuse it if that was for another request."""
        key = waiting.request.key
        assert key is not None
        kept = self._find((key.caller, key.key))
        if kept is None:
            return False
        if kept.request_hash == key.request_hash:
            waiting.outcome = Appended(kept.position, orjson.loads(kept.answer), is_replay=True)
        else:
            waiting.outcome = KeyReused(
                "This Idempotency-Key was used before with another request; use a new key for a new request."
            )
        return True

    def _find(self, name: tuple[str, str]) -> KeptAnswer | None:
        return self.kept.get(name) or self._kept_before.get(name) or self._known.answers.get(name)

    def _require_turn(self, key: IdempotencyKey, after: tuple[str, bytes]) -> None:
        """Raise unless the request that *key* follows is in the log, or will be with or before this batch."""
        name = (key.caller, after[0])
        found = self._find(name)
        if found is None and name not in self._known.looked_up:
            raise NotLoaded(key=name)
        if found is None or found.request_hash != after[1]:
            raise OutOfTurn("The request that this one follows was not recorded; repeat it behind that one.")

    async def _load(self, conn: Connection, waiting: Sequence[Waiting], missing: Sequence[NotLoaded] = ()) -> None:
        """Load what the decisions of *waiting* need, their keys' kept answers among it, in one query."""
        memory = self.draft.memory
        streams = {s for w in waiting for s in w.request.reads if s not in memory.streams}
        streams |= {one.stream for one in missing if one.stream is not None}
        sets = {one.list_set for one in missing if one.list_set is not None}
        keys = {(w.request.key.caller, w.request.key.key) for w in waiting if w.request.key is not None}
        keys |= {one.key for one in missing if one.key is not None}
        keys -= self._known.looked_up
        if streams or sets or keys:
            await load_states(conn, self._log, memory, self._known, streams, keys, sets)

    def tell(self, replayed: Callable[[], None], rejected: Callable[[str], None]) -> None:
        """Give every caller the outcome, now that it is durable."""
        for waiting in self.waiting:
            outcome = waiting.outcome
            if isinstance(outcome, Appended):
                if not waiting.future.done():
                    waiting.future.set_result(outcome)
                if outcome.is_replay:
                    replayed()
            elif outcome is not None:
                waiting.fail(outcome)
                if isinstance(outcome, RegistryError):
                    rejected(type(outcome).__name__)


def _is_replay(waiting: Waiting) -> bool:
    return isinstance(waiting.outcome, Appended) and waiting.outcome.is_replay
