"""Plans for credentials: registration over the issuer, its lists and the credential; changes over the credential."""

from __future__ import annotations

from functools import lru_cache

from registry.commands.planning import Answer, Plan, Ready, facts
from registry.domain import credential, status_list
from registry.domain.commands import (
    CredentialCommand,
    RecordSecuring,
    RegisterCredential,
    SetCredentialMessage,
    SupersedeCredential,
)
from registry.domain.credential import Credential
from registry.domain.events import Allocation, CredentialRegistered, Purpose, StatusProfile
from registry.domain.issuer import Issuer
from registry.domain.names import (
    IssuerId,
    LogName,
    Stream,
    credential_stream,
    issuer_stream,
    lists_stream,
    position_text,
)
from registry.domain.status_list import ListSet, ListSets
from registry.log.draft import Fact, View
from registry.log.sequencer import Decision


def register(log: LogName, command: RegisterCredential, ready: Ready) -> Plan:
    """Return how a credential gets its index and its entries."""
    of_issuer, of_lists, queue = _of_issuer(command.issuer_id)
    own = credential_stream(command.issuer_id, command.credential_id)

    def decide(view: View) -> Decision:
        state: Credential | None = view.state(own)
        registrar: Issuer | None = view.state(of_issuer)
        sets: ListSets = view.state(of_lists) or ()
        did = registrar.did if registrar else ""

        def allocate(profile: StatusProfile) -> tuple[Allocation, tuple[Purpose, ...]]:
            one, allocation = status_list.allocate(sets, did, view.next_number, ready.index)
            return allocation, status_list.purposes(profile, ready.usable(one))

        events = credential.register(command, state, registrar, allocate)
        if events and status_list.needs_next(sets, did, view.next_number):
            ready.want_next(log, command.issuer_id)

        fact = state.registered if state is not None else events[0]
        assert isinstance(fact, CredentialRegistered), "a registration registers"

        def answer(position: int) -> Answer:
            return registration_answer(log, fact, sets, position)

        return Decision(facts(own, events), answer, state.registered_position if state else 0)

    return Plan((of_issuer, of_lists, own), decide, queue, begins=frozenset((own,)))


@lru_cache(maxsize=4_096)  # an issuer registers credentials by the thousand
def _of_issuer(issuer_id: IssuerId) -> tuple[Stream, Stream, str]:
    """The issuer's stream, that of its status lists, and its queue."""
    return issuer_stream(issuer_id), lists_stream(issuer_id), str(issuer_id)


def registration_answer(log: LogName, fact: CredentialRegistered, sets: ListSets, position: int) -> Answer:
    """What a registration answers: the id, the issuer its signer must use, and the status entries.

    With a `token` list also the `status` claim, for the credential's JWT or CWT form.
    """
    one, purposes, index = _set_of(sets, fact.allocation), fact.purposes, fact.allocation.index
    answer: Answer = {
        "credentialId": fact.credential_id,
        "issuer": fact.issuer_did,
        "credentialStatus": status_list.credential_status(fact.profile, one.entries(purposes, index)),
    }
    claim = status_list.status_claim(one.members, purposes, index)
    if claim is not None:
        answer["status"] = claim
    answer["position"] = position_text(log, position)
    return answer


def _set_of(sets: ListSets, allocation: Allocation) -> ListSet:
    wanted = allocation.set_id
    for one in reversed(sets):
        if one.set_id == wanted:
            return one
    raise LookupError("An index belongs to a set of its issuer.")


def set_message(log: LogName, command: SetCredentialMessage) -> Plan:
    """Return how a credential's entry in its message list is set."""
    _, of_lists, queue = _of_issuer(command.issuer_id)
    own = credential_stream(command.issuer_id, command.credential_id)

    def decide(view: View) -> Decision:
        state: Credential | None = view.state(own)
        sets: ListSets = view.state(of_lists) or ()
        found = _set_of(sets, state.registered.allocation).member(Purpose.MESSAGE) if state else None
        events = credential.decide(command, state, message_bits=found.bits if found else 0)

        def answer(position: int) -> Answer:
            now: Credential = view.state(own)
            assert found is not None, "the decision asked for it"
            return {
                "credentialId": command.credential_id,
                "status": str(now.status),
                "message": status_list.message_of(found, command.value),
                "position": position_text(log, position),
            }

        return Decision(facts(own, events), answer, _message_position(state))

    return Plan((own, of_lists), decide, queue)


def _message_position(state: Credential | None) -> int:
    """Where the log says what the message is: from the registration on it is 0."""
    return (state.message_position or state.registered_position) if state else 0


def change(log: LogName, command: CredentialCommand) -> Plan:
    """Return how a credential's status changes."""
    own = credential_stream(command.issuer_id, command.credential_id)
    successor = credential_stream(command.issuer_id, command.by) if isinstance(command, SupersedeCredential) else None
    of_issuer, _, queue = _of_issuer(command.issuer_id)
    registrar = of_issuer if isinstance(command, RecordSecuring) else None
    effective_at = getattr(command, "effective_at", None)

    def decide(view: View) -> Decision:
        state: Credential | None = view.state(own)
        by = view.state(successor) if successor else None
        events = credential.decide(command, state, by=by, issuer=view.state(registrar) if registrar else None)

        def answer(position: int) -> Answer:
            now: Credential = view.state(own)
            return {
                "credentialId": command.credential_id,
                "status": str(now.status),
                "position": position_text(log, position),
            }

        return Decision([Fact(own, event, effective_at) for event in events], answer, _already(command, state))

    return Plan((own, *filter(None, (successor, registrar))), decide, queue)


def _already(command: CredentialCommand, state: Credential | None) -> int:
    """Where the log says already what *command* asks for."""
    if state is None:
        return 0
    match command:
        case RecordSecuring():
            return state.secured_position
        case SupersedeCredential(revoke=False):
            return state.superseded_position
    return state.position
