"""Plans for an issuer's status lists: sets that are opened, grow and are closed, and lists it manages itself."""

from __future__ import annotations

from registry.commands.planning import Answer, Plan, facts
from registry.domain import own_list, status_list
from registry.domain.commands import AddListMembers, CloseListSet, OpenListSet, OpenOwnList, SetListEntry
from registry.domain.names import (
    LogName,
    issuer_stream,
    list_entry_stream,
    lists_stream,
    own_lists_stream,
    position_text,
)
from registry.domain.own_list import Entry
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


def open_own(log: LogName, command: OpenOwnList) -> Plan:
    """Return how a list is opened whose indices the issuer gives out itself."""
    own, of_issuer = own_lists_stream(command.issuer_id), issuer_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        events = own_list.decide(command, view.state(own), issuer=view.state(of_issuer))
        answer = {"id": command.member.url, "setId": str(command.set_id)}
        return Decision(facts(own, events), lambda position: {**answer, "position": position_text(log, position)})

    return Plan((own, of_issuer), decide, str(command.issuer_id))


def set_entry(log: LogName, command: SetListEntry) -> Plan:
    """Return how an entry of such a list is set."""
    own, of_entry = own_lists_stream(command.issuer_id), list_entry_stream(command.set_id, command.index)

    def decide(view: View) -> Decision:
        entry: Entry = view.state(of_entry) or Entry()
        events = own_list.decide(command, view.state(own), entry=entry)
        since = entry.position or own_list.list_of(view.state(own), command.set_id).position

        def answer(position: int) -> Answer:
            member = own_list.list_of(view.state(own), command.set_id).member
            return {
                "statusListCredential": member.url,
                "statusListIndex": str(command.index),
                "statusPurpose": str(member.purpose),
                "value": command.value,
                "position": position_text(log, position),
            }

        return Decision(facts(of_entry, events), answer, since)

    return Plan((own, of_entry), decide, str(command.issuer_id))
