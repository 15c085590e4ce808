"""A command → which streams it reads, and the decision over them that the sequencer runs. Pure.

This is where a decision that needs more than its own stream (a registration: the issuer, its status lists and the
credential) is put together from the domain's parts.
"""

from __future__ import annotations

from registry.commands import credential_plans, list_plans, row_plans
from registry.commands.planning import Answer, Plan, Ready, facts
from registry.domain import api_keys, issuer
from registry.domain import log as log_itself
from registry.domain.api_keys import ApiKeyRing
from registry.domain.commands import (
    AcceptRestore,
    AddListMembers,
    CarryOutRows,
    CloseListSet,
    Command,
    CreateApiKey,
    CredentialCommand,
    IssuerCommand,
    OpenListSet,
    OpenOwnList,
    RegisterCredential,
    RegisterIssuer,
    RevokeApiKey,
    SetCredentialMessage,
    SetListEntry,
)
from registry.domain.events import DidProposed
from registry.domain.issuer import Issuer
from registry.domain.names import LOG_STREAM, LogName, api_keys_stream, issuer_stream, position_text, slug_stream
from registry.log.draft import View
from registry.log.sequencer import Decision


def plan(log: LogName, command: Command, ready: Ready) -> Plan:
    """Return how *command* is carried out in *log*."""
    match command:
        case RegisterCredential():
            return credential_plans.register(log, command, ready)
        case SetCredentialMessage():
            return credential_plans.set_message(log, command)
        case CredentialCommand():
            return credential_plans.change(log, command)
        case RegisterIssuer():
            return _register_issuer(log, command)
        case AddListMembers():
            return list_plans.add_members(log, command)
        case OpenOwnList():
            return list_plans.open_own(log, command)
        case SetListEntry():
            return list_plans.set_entry(log, command)
        case OpenListSet() | CloseListSet():
            return list_plans.change(log, command)
        case CarryOutRows():
            return row_plans.carry_out(log, command, ready, plan)
        case IssuerCommand():
            return _change_issuer(log, command)
        case CreateApiKey() | RevokeApiKey():
            return _change_keys(log, command)
        case AcceptRestore():
            return _accept_restore(log, command)
    raise TypeError(f"No plan for {type(command).__name__}.")


def _register_issuer(log: LogName, command: RegisterIssuer) -> Plan:
    own, claim = issuer_stream(command.issuer_id), slug_stream(command.slug)

    def decide(view: View) -> Decision:
        claims = issuer.claim_slug(command, view.state(claim))
        events = issuer.decide(command, view.state(own))
        recorded = [*facts(claim, claims), *facts(own, events)]
        return Decision(recorded, lambda position: _issuer_answer(log, view.state(own), position))

    return Plan((own, claim), decide, "operator")


def _change_issuer(log: LogName, command: IssuerCommand) -> Plan:
    own = issuer_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        state: Issuer | None = view.state(own)
        events = issuer.decide(command, state)
        position = state.position if state else 0
        return Decision(facts(own, events), lambda at: _issuer_answer(log, view.state(own), at), position)

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


def _change_keys(log: LogName, command: CreateApiKey | RevokeApiKey) -> Plan:
    own = api_keys_stream(command.issuer_id)

    def decide(view: View) -> Decision:
        ring: ApiKeyRing = view.state(own) or {}
        events = api_keys.decide(command, ring)
        return Decision(
            facts(own, events),
            lambda position: {"id": command.key_id, "position": position_text(log, position)},
            ring[command.key_id].position if command.key_id in ring else 0,
        )

    return Plan((own,), decide, "operator")


def _accept_restore(log: LogName, command: AcceptRestore) -> Plan:
    def decide(view: View) -> Decision:
        events = log_itself.decide(command, view.state(LOG_STREAM))
        return Decision(facts(LOG_STREAM, events), lambda position: {"position": position_text(log, position)})

    return Plan((LOG_STREAM,), decide, "operator")
