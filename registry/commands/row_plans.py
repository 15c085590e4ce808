"""The plan of a chunk of a batch: each row is planned as the command it is, and sees what the rows before it did.

What is kept of a chunk is short, for a batch may have a million rows: a row is an array that begins with its
credential's id and a code, and what all credentials of one set of lists share stands once, under `shapes`.
`registry.commands.row_answers` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from registry.commands.credential_plans import registration_answer
from registry.commands.planning import Answer, Plan, Ready
from registry.commands.row_answers import ACCEPTED, REJECTED, UNCHANGED, counts_json
from registry.domain import rows
from registry.domain.commands import CarryOutRows, CredentialCommand, Refusal, RegisterCredential, Row, RowCounts
from registry.domain.events import CredentialRegistered, ListMember, Recorded
from registry.domain.names import IssuerId, ListSetId, LogName, Stream, lists_stream
from registry.domain.status_list import ListSet
from registry.domain.streams import State, evolve
from registry.errors import ListsNotReady
from registry.log.draft import Fact, View
from registry.log.sequencer import Decision

PlanOne = Callable[[LogName, CredentialCommand, Ready], Plan]
_NOBODY: Final = UUID(int=0)


class _Ahead:
    """The log as it will be when the rows so far are carried out."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.facts: list[Fact] = []
        self.recorded_at = view.recorded_at
        self._unfolded: dict[Stream, list[tuple[int, Fact]]] = {}
        self._states: dict[Stream, State] = {}
        self._numbers: dict[UUID, int] = {}

    @property
    def position(self) -> int:
        """The position of the last fact so far."""
        return self._view.position + len(self.facts)

    def state(self, stream: Stream) -> State:
        """Return the state of *stream* after the rows so far; folded only where somebody asks."""
        unfolded = self._unfolded.pop(stream, None) if self._unfolded else None
        known = stream in self._states
        state = self._states[stream] if known else self._view.state(stream)
        for position, fact in unfolded or ():
            state = evolve(stream, state, self._recorded(position, fact))
        if unfolded or not known:
            self._states[stream] = state
        return state

    def next_number(self, list_set: UUID) -> int:
        """Return how many indices of *list_set* are given out after the rows so far."""
        number = self._numbers.get(list_set)
        if number is None:
            number = self._numbers[list_set] = self._view.next_number(list_set)
        return number

    def take(self, facts: Sequence[Fact]) -> None:
        """Let *facts* follow."""
        for fact in facts:
            self.facts.append(fact)
            self._unfolded.setdefault(fact.stream, []).append((self.position, fact))
            if isinstance(fact.event, CredentialRegistered):
                given = fact.event.allocation
                self._numbers[given.set_id] = given.number + 1

    def _recorded(self, position: int, fact: Fact) -> Recorded:
        """Return *fact* for what evolves, which does not look at version, actor and ids; `Draft.write` makes those."""
        at = self.recorded_at
        return Recorded(position, fact.stream, 0, at, fact.effective_at or at, "", "", _NOBODY, fact.event)


@dataclass(slots=True)
class _Shapes:
    """What registrations answer, told once for all credentials that share it."""

    known: dict[tuple[object, ...], int] = field(default_factory=dict)
    told: list[Answer] = field(default_factory=list)

    def number(self, log: LogName, fact: CredentialRegistered, ahead: _Ahead) -> int:
        """Return where the shape of *fact*'s answer stands."""
        key = (fact.allocation.set_id, fact.purposes, fact.profile, fact.issuer_did)
        if (found := self.known.get(key)) is not None:
            return found
        answer = registration_answer(log, fact, ahead.state(lists_stream(IssuerId(fact.issuer_id))), 0)
        del answer["credentialId"], answer["position"]
        self.told.append(answer)
        self.known[key] = len(self.told) - 1
        return self.known[key]


class _Preview:
    """What is ready, for a look: no index is really given out, and no set opened."""

    def index(self, set_id: ListSetId, number: int) -> int:
        """Return any index."""
        return 0

    def usable(self, one: ListSet) -> tuple[ListMember, ...]:
        """Return all lists of the set."""
        return one.members

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Do nothing."""


class _Once:
    """What is ready, asked once for all rows of a chunk that get an index of the same set."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self.index, self.want_next = ready.index, ready.want_next
        self._set: ListSet | None = None
        self._usable: tuple[ListMember, ...] = ()

    def usable(self, one: ListSet) -> tuple[ListMember, ...]:
        """Return the lists of *one* that can be fetched; raise `ListsNotReady` when that must be looked up first."""
        if one is not self._set:
            self._usable = self._ready.usable(one)
            self._set = one
        return self._usable

    def again(self) -> None:
        """Ask anew from now on."""
        self._set = None


@dataclass(frozen=True, slots=True)
class _Course:
    """One chunk on its way through."""

    log: LogName
    ahead: _Ahead
    plans: Mapping[int, Plan]
    is_dry_run: bool
    shapes: _Shapes = field(default_factory=_Shapes)

    def carry_out(self, row: CredentialCommand) -> list[Any]:
        """Return `[id, code, position, shape, index]` for a registration, `[id, code, position, status]` for a change.

        A registration that is only looked at has no index: `[id, code, position]`.
        """
        plan, ahead = self.plans[id(row)], self.ahead
        try:
            decision = plan.decide(ahead)
        except ListsNotReady:
            if not self.is_dry_run:
                raise
            return [row.credential_id, ACCEPTED, 0]  # what could refuse it comes before; they would be opened
        ahead.take(decision.facts)
        code = ACCEPTED if decision.facts else UNCHANGED
        position = ahead.position if decision.facts else decision.position
        if not isinstance(row, RegisterCredential):
            return [row.credential_id, code, position, decision.answer(position)["status"]]
        if self.is_dry_run:
            return [row.credential_id, code, position]
        fact = decision.facts[0].event if decision.facts else ahead.state(plan.reads[-1]).registered
        assert isinstance(fact, CredentialRegistered), "a registration registers"
        return [row.credential_id, code, position, self.shapes.number(self.log, fact, ahead), fact.allocation.index]


def carry_out(log: LogName, command: CarryOutRows, ready: Ready, plan_one: PlanOne) -> Plan:
    """Return how a chunk is carried out; *plan_one* plans a row."""
    at_hand = _Once(_Preview() if command.is_dry_run else ready)
    plans = {id(row): plan_one(log, row, at_hand) for row in command.rows if isinstance(row, CredentialCommand)}
    reads = tuple(dict.fromkeys(stream for one in plans.values() for stream in one.reads))

    def decide(view: View) -> Decision:
        at_hand.again()
        course = _Course(log, _Ahead(view), plans, command.is_dry_run)
        done = rows.decide(command, course.carry_out)
        answer = _answer(command, list(map(_told, command.rows, done)), course.shapes)
        return Decision(() if command.is_dry_run else course.ahead.facts, lambda _: answer, view.position)

    begins = frozenset(stream for one in plans.values() for stream in one.begins)
    queue, weight = f"batch/{command.issuer_id}", max(1, len(command.rows))
    return Plan(reads, decide, queue, begins=frozenset() if command.is_dry_run else begins, weight=weight)


def _told(row: Row, done: list[Any] | Refusal) -> list[Any]:
    if isinstance(done, Refusal):
        return [row.credential_id, REJECTED, done.error, done.detail, *([done.extra] if done.extra else [])]
    return done


def _answer(command: CarryOutRows, told: list[list[Any]], shapes: _Shapes) -> Answer:
    codes = [one[1] for one in told]
    counts = RowCounts(*(codes.count(code) for code in (ACCEPTED, UNCHANGED, REJECTED)))
    return {
        "first": command.first_row,
        "rows": told,
        "shapes": shapes.told,
        "counts": counts_json(counts),
        "known": counts_json(command.known),
        "knownChunks": command.known_chunks,
        "isLast": command.is_last,
        "at": command.at.isoformat(),
    }
