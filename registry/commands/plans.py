"""A command → which streams it reads, and the decision over them that the sequencer runs. Pure.

This is where a decision that needs more than its own stream (a registration: the issuer, its status lists and the
credential) is put together from the domain's parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from registry.domain import api_keys, credential, issuer, status_list
from registry.domain import log as log_itself
from registry.domain.api_keys import ApiKeyRing
from registry.domain.commands import (
    AcceptRestore,
    AddListMember,
    CloseListSet,
    Command,
    CreateApiKey,
    CredentialCommand,
    IssuerCommand,
    OpenListSet,
    RecordSecuring,
    RegisterCredential,
    RegisterIssuer,
    RevokeApiKey,
    SupersedeCredential,
)
from registry.domain.credential import Credential
from registry.domain.events import AnyEvent, DidProposed
from registry.domain.issuer import Issuer
from registry.domain.names import (
    LOG_STREAM,
    IssuerId,
    ListSetId,
    LogName,
    Stream,
    api_keys_stream,
    credential_stream,
    issuer_stream,
    lists_stream,
    slug_stream,
)
from registry.domain.status_list import ListSets
from registry.log.draft import Fact, View
from registry.log.sequencer import Decision

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the sequencer needs of a command."""

    reads: tuple[Stream, ...]
    decide: Callable[[View], Decision]
    queue: str


class Ready(Protocol):
    """The sets whose lists can be fetched, with their permutations."""

    def index(self, set_id: ListSetId, number: int) -> int:
        """Return the index of the *number*-th allocation; raise `ListsNotReady` for a set that is not ready."""

    def want_next(self, log: LogName, issuer_id: IssuerId) -> None:
        """Note that the issuer's next set should be opened."""


def position_text(log: LogName, position: int) -> str:
    """A position as it goes over the wire: `main:42`."""
    return f"{log}:{position}"


def plan(log: LogName, command: Command, ready: Ready) -> Plan:
    """Return how *command* is carried out in *log*."""
    match command:
        case RegisterCredential():
            return _register_credential(log, command, ready)
        case CredentialCommand():
            return _change_credential(log, command)
        case RegisterIssuer():
            return _register_issuer(log, command)
        case OpenListSet() | AddListMember() | CloseListSet():
            return _change_lists(log, command)
        case IssuerCommand():
            return _change_issuer(log, command)
        case CreateApiKey() | RevokeApiKey():
            return _change_keys(log, command)
        case AcceptRestore():
            return _accept_restore(log, command)
    raise TypeError(f"No plan for {type(command).__name__}.")


def _register_credential(log: LogName, command: RegisterCredential, ready: Ready) -> Plan:
    of_issuer, of_lists, queue = _of_issuer(command.issuer_id)
    own = credential_stream(command.issuer_id, command.credential_id)

    def decide(view: View) -> Decision:
        state: Credential | None = view.state(own)
        registrar: Issuer | None = view.state(of_issuer)
        sets: ListSets = view.state(of_lists) or ()
        did = registrar.did if registrar else ""
        events = credential.register(
            command, state, registrar, lambda: status_list.allocate(sets, did, view.next_number, ready.index)
        )
        if events and status_list.needs_next(sets, did, view.next_number):
            ready.want_next(log, command.issuer_id)

        def answer(position: int) -> Answer:
            registered: Credential = view.state(own)
            return registration_answer(log, registered, sets, position)

        return Decision([Fact(own, event) for event in events], answer, state.registered_position if state else 0)

    return Plan((of_issuer, of_lists, own), decide, queue)


@lru_cache(maxsize=4_096)  # an issuer registers credentials by the thousand
def _of_issuer(issuer_id: IssuerId) -> tuple[Stream, Stream, str]:
    """The issuer's stream, that of its status lists, and its queue."""
    return issuer_stream(issuer_id), lists_stream(issuer_id), str(issuer_id)


def registration_answer(log: LogName, registered: Credential, sets: ListSets, position: int) -> Answer:
    """What a registration answers: the id, the issuer its signer must use, and the status entries."""
    fact = registered.registered
    members = next(one.members for one in sets if one.set_id == fact.allocation.set_id)
    entries = status_list.status_entries(members, fact.purposes, fact.allocation.index)
    return {
        "credentialId": fact.credential_id,
        "issuer": fact.issuer_did,
        "credentialStatus": status_list.credential_status(fact.profile, entries),
        "position": position_text(log, position),
    }


def _change_credential(log: LogName, command: CredentialCommand) -> Plan:
    own = credential_stream(command.issuer_id, command.credential_id)
    successor = credential_stream(command.issuer_id, command.by) if isinstance(command, SupersedeCredential) else None
    effective_at = getattr(command, "effective_at", None)

    def decide(view: View) -> Decision:
        state: Credential | None = view.state(own)
        events = credential.decide(command, state, by=view.state(successor) if successor else None)

        def answer(position: int) -> Answer:
            now: Credential = view.state(own)
            return {
                "credentialId": command.credential_id,
                "status": str(now.status),
                "position": position_text(log, position),
            }

        facts = [Fact(own, event, effective_at) for event in events]
        return Decision(facts, answer, _already(command, state))

    return Plan((own, successor) if successor else (own,), decide, str(command.issuer_id))


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


def _register_issuer(log: LogName, command: RegisterIssuer) -> Plan:
    own, claim = issuer_stream(command.issuer_id), slug_stream(command.slug)

    def decide(view: View) -> Decision:
        claims = issuer.claim_slug(command, view.state(claim))
        events = issuer.decide(command, view.state(own))
        facts = [*_facts(claim, claims), *_facts(own, events)]
        return Decision(facts, lambda position: _issuer_answer(log, view.state(own), position))

    return Plan((own, claim), decide, "operator")


def _change_issuer(log: LogName, command: IssuerCommand) -> Plan:
    own = issuer_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        state: Issuer | None = view.state(own)
        events = issuer.decide(command, state)
        position = state.position if state else 0
        return Decision(_facts(own, events), lambda at: _issuer_answer(log, view.state(own), at), position)

    return Plan((own,), decide, "operator")


def _issuer_answer(log: LogName, state: Issuer, position: int) -> Answer:
    """An issuer as the directory shows it, with the operator's business: its settings, and what its DID must list."""
    profile, proposed = state.profile, state.keys.proposed
    asked = {"delegation": delegation(proposed)} if proposed is not None else {}
    return {
        "slug": state.slug,
        "id": state.did or (proposed.did if proposed else ""),
        "name": profile.name,
        "legalName": profile.legal_name,
        "url": profile.url,
        "logo": profile.logo,
        "kind": str(profile.kind),
        "jurisdiction": profile.jurisdiction,
        "identifiers": profile.identifiers,
        "status": str(state.status) if state.did else issuer.PENDING,
        "since": state.since.isoformat().replace("+00:00", "Z"),
        "statusProfile": str(state.status_profile),
        "publicReasons": state.public_reasons,
        "mechanisms": list(state.chosen.mechanisms),
        "keyAlgorithms": list(state.chosen.key_algorithms),
        "legacyLists": [str(one) for one in state.legacy_lists],
        **asked,
        "position": position_text(log, position),
    }


def delegation(proposed: DidProposed) -> Answer:
    """What a document that is controlled elsewhere must list (W3C Controlled Identifiers 1.0, section 2.2)."""
    return {
        "id": proposed.did,
        "verificationMethod": [
            {
                "id": one.id,
                "type": "Multikey",
                "controller": one.controller,
                "publicKeyMultibase": one.public_key_multibase,
            }
            for one in proposed.methods
        ],
        "assertionMethod": [one.id for one in proposed.methods],
    }


def _change_lists(log: LogName, command: OpenListSet | AddListMember | CloseListSet) -> Plan:
    own = lists_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        events = status_list.decide(command, view.state(own))
        return Decision(_facts(own, events), lambda position: {"position": position_text(log, position)})

    return Plan((own,), decide, "operator")


def _change_keys(log: LogName, command: CreateApiKey | RevokeApiKey) -> Plan:
    own = api_keys_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        ring: ApiKeyRing = view.state(own) or {}
        events = api_keys.decide(command, ring)
        return Decision(
            _facts(own, events),
            lambda position: {"id": command.key_id, "position": position_text(log, position)},
            ring[command.key_id].position if command.key_id in ring else 0,
        )

    return Plan((own,), decide, "operator")


def _accept_restore(log: LogName, command: AcceptRestore) -> Plan:
    def decide(view: View) -> Decision:
        events = log_itself.decide(command, view.state(LOG_STREAM))
        return Decision(_facts(LOG_STREAM, events), lambda position: {"position": position_text(log, position)})

    return Plan((LOG_STREAM,), decide, "operator")


def _facts(stream: Stream, events: Sequence[AnyEvent]) -> list[Fact]:
    return [Fact(stream, event) for event in events]
