"""Plans for an issuer's status lists: sets that are opened, grow and are closed."""

from __future__ import annotations

from registry.commands.planning import Answer, Plan, facts, position_text
from registry.domain import status_list
from registry.domain.commands import AddListMembers, CloseListSet, OpenListSet
from registry.domain.names import LogName, lists_stream
from registry.domain.status_list import ListSets
from registry.log.draft import View
from registry.log.sequencer import Decision


def change(log: LogName, command: OpenListSet | CloseListSet) -> Plan:
    """Return how a set is opened or closed."""
    own = lists_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        events = status_list.decide(command, view.state(own))
        return Decision(facts(own, events), lambda position: {"position": position_text(log, position)})

    return Plan((own,), decide, "operator")


def add_members(log: LogName, command: AddListMembers) -> Plan:
    """Return how every set of an issuer gets one list more."""
    own = lists_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        sets: ListSets = view.state(own) or ()
        events = status_list.decide(command, sets)

        def answer(position: int) -> Answer:
            now: ListSets = view.state(own) or ()
            found = [one.member(command.purpose) for one in now]
            return {
                "statusPurpose": str(command.purpose),
                "statusLists": [member.url for member in found if member is not None],
                "position": position_text(log, position),
            }

        return Decision(facts(own, events), answer, max((one.position for one in sets), default=0))

    return Plan((own,), decide, str(command.issuer_id))
