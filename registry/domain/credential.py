"""A credential's life: registered, secured, suspended and reinstated, superseded, revoked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from registry.domain.commands import (
    CredentialCommand,
    RecordSecuring,
    RegisterCredential,
    ReinstateCredential,
    RevokeCredential,
    SetCredentialMessage,
    SupersedeCredential,
    SuspendCredential,
)
from registry.domain.events import (
    Allocation,
    AnyEvent,
    CredentialMessageSet,
    CredentialRegistered,
    CredentialReinstated,
    CredentialRevoked,
    CredentialSecured,
    CredentialSuperseded,
    CredentialSuspended,
    Purpose,
    Reason,
    Recorded,
    StatusProfile,
)
from registry.domain.issuer import Issuer, require_active
from registry.domain.keys import KeyState
from registry.errors import (
    AlreadyRegistered,
    IllegalTransition,
    Malformed,
    NoFittingKey,
    NoMessageEntry,
    NoSuspensionEntry,
    UnknownCredential,
)


class Status(StrEnum):
    """Where a credential stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class Credential(Struct, frozen=True):
    """What later decisions about a credential need to know."""

    registered: CredentialRegistered
    registered_at: datetime
    status: Status
    position: int
    """Where the log says so: the position of the last change of status (or of the registration)."""
    since: datetime
    reason: Reason | None = None
    secured: CredentialSecured | None = None
    secured_position: int = 0
    superseded_by: str | None = None
    superseded_position: int = 0
    registered_position: int = 0
    message: int = 0
    """What its entry in the message list says."""
    message_position: int = 0


PURPOSES = {
    StatusProfile.VC2: (Purpose.REVOCATION, Purpose.SUSPENSION),
    StatusProfile.OB3: (Purpose.REVOCATION,),
}
"""Which entries a profile always gives; revocation first, because some verifiers read only the first."""


def register(
    command: RegisterCredential,
    state: Credential | None,
    issuer: Issuer | None,
    allocate: Callable[[StatusProfile], tuple[Allocation, tuple[Purpose, ...]]],
) -> list[AnyEvent]:
    """Return the registration; nothing, if the same was registered before.

    *allocate* gives an index, and which of its set's lists speak about a credential of that profile; it is called only
    when an index will be given out. Raises `IssuerNotActive` and `AlreadyRegistered`.
    """
    if state is not None:
        if _describes(command, state.registered):
            return []
        raise AlreadyRegistered(
            "The issuer has registered another credential under this id: its types, validity or achievement differ."
        )
    issuer = require_active(issuer)
    allocation, purposes = allocate(issuer.status_profile)
    return [
        CredentialRegistered.whole(
            {
                "type": "CredentialRegistered",
                "issuer_id": command.issuer_id,
                "credential_id": command.credential_id,
                "credential_types": command.credential_types,
                "issuer_did": issuer.did,
                "profile": issuer.status_profile,
                "purposes": purposes,
                "allocation": allocation,
                "valid_from": command.valid_from,
                "valid_until": command.valid_until,
                "achievement_id": command.achievement_id,
            }
        )
    ]


def decide(
    command: CredentialCommand,
    state: Credential | None,
    *,
    by: Credential | None = None,
    message_bits: int = 0,
    issuer: Issuer | None = None,
) -> list[AnyEvent]:
    """Return the facts that follow from *command*; none, if it is already so.

    *by* is the successor that a `SupersedeCredential` names, *message_bits* the width of the message list's entries,
    *issuer* whose key a `RecordSecuring` names. Raises `UnknownCredential`, `IllegalTransition`, `NoSuspensionEntry`,
    `NoMessageEntry`, `Malformed`, `AlreadyRegistered` and `NoFittingKey`.
    """
    if state is None:
        raise UnknownCredential("The issuer has registered no credential under this id.")
    _require_past(command)
    match command:
        case RecordSecuring():
            return _secure(command, state, issuer)
        case RevokeCredential():
            return [] if state.status is Status.REVOKED else [_revoked(state, command.reason)]
        case SuspendCredential():
            return _suspend(command, state)
        case ReinstateCredential():
            return _reinstate(state)
        case SupersedeCredential():
            return _supersede(command, state, by)
        case SetCredentialMessage():
            return _set_message(command, state, message_bits)
    raise TypeError(f"No decision for {type(command).__name__}.")


def _require_past(command: CredentialCommand) -> None:
    effective_at: datetime | None = getattr(command, "effective_at", None)
    if effective_at is not None and effective_at > command.at:
        raise Malformed("effectiveAt lies in the future; a change is recorded when it holds.", pointer="/effectiveAt")


def _describes(command: RegisterCredential, registered: CredentialRegistered) -> bool:
    return (
        command.credential_types == registered.credential_types
        and command.valid_from == registered.valid_from
        and command.valid_until == registered.valid_until
        and command.achievement_id == registered.achievement_id
    )


def _secure(command: RecordSecuring, state: Credential, issuer: Issuer | None) -> list[AnyEvent]:
    """A key that turned out to be compromised while it signed has signed nothing: who asked gets none of it."""
    if state.secured is not None:
        if state.secured.digest_sha256 == command.digest_sha256:
            return []
        raise AlreadyRegistered("The issuer has issued another credential under this id; its contents differ.")
    key = issuer.keys.find(command.verification_method) if issuer is not None else None
    if key is not None and key.state is KeyState.COMPROMISED:
        raise NoFittingKey("The key was found to be compromised while it signed; repeat the request.")
    return [
        CredentialSecured.model_validate(
            {
                "issuer_id": command.issuer_id,
                "credential_id": command.credential_id,
                "digest_sha256": command.digest_sha256,
                "mechanism": command.mechanism,
                "verification_method": command.verification_method,
                "created": command.created,
            }
        )
    ]


def _suspend(command: SuspendCredential, state: Credential) -> list[AnyEvent]:
    if Purpose.SUSPENSION not in state.registered.purposes:
        raise NoSuspensionEntry(
            "The credential was issued without a suspension entry, so nobody would see it suspended; revoke it instead."
        )
    match state.status:
        case Status.SUSPENDED:
            return []
        case Status.ACTIVE:
            return [CredentialSuspended.of(**_common(state), reason=command.reason)]
    raise _illegal(state.status, Status.SUSPENDED)


def _reinstate(state: Credential) -> list[AnyEvent]:
    match state.status:
        case Status.ACTIVE:
            return []
        case Status.SUSPENDED:
            return [CredentialReinstated.of(**_common(state))]
    raise _illegal(state.status, Status.ACTIVE)


def _supersede(command: SupersedeCredential, state: Credential, by: Credential | None) -> list[AnyEvent]:
    if command.by == command.credential_id:
        raise Malformed("A credential cannot take its own place; name another one.", pointer="/by")
    revocation = [_revoked(state, command.reason)] if command.revoke and state.status is not Status.REVOKED else []
    if state.superseded_by == command.by:
        return [*revocation]
    if by is None:
        raise UnknownCredential("The successor named in `by` is not registered by this issuer.", pointer="/by")
    if state.status not in (Status.ACTIVE, Status.SUSPENDED):
        raise _illegal(state.status, Status.SUPERSEDED)
    return [CredentialSuperseded.of(**_common(state), by=command.by, reason=command.reason), *revocation]


def _set_message(command: SetCredentialMessage, state: Credential, bits: int) -> list[AnyEvent]:
    if Purpose.MESSAGE not in state.registered.purposes:
        raise NoMessageEntry("The credential was issued without a message entry, so nobody would see the message.")
    if not 0 <= command.value < 1 << bits:
        raise Malformed(f"The issuer's message lists have the values 0x0 to {(1 << bits) - 1:#x}.", pointer="/status")
    return [] if state.message == command.value else [CredentialMessageSet.of(**_common(state), value=command.value)]


def _revoked(state: Credential, reason: Reason) -> CredentialRevoked:
    return CredentialRevoked.of(**_common(state), reason=reason)


def _common(state: Credential) -> dict[str, Any]:
    registered = state.registered
    return {
        "issuer_id": registered.issuer_id,
        "credential_id": registered.credential_id,
        "allocation": registered.allocation,
    }


def _illegal(now: Status, wanted: Status) -> IllegalTransition:
    asked = f"become {wanted}" if now is not wanted else "become so by another one"
    return IllegalTransition(
        f"The credential is {now}; it cannot {asked}.",
        currentStatus=str(now),
        requestedStatus=str(wanted),
    )


def evolve(state: Credential | None, recorded: Recorded) -> Credential | None:
    """Return the credential after *recorded*."""
    event = recorded.event
    if isinstance(event, CredentialRegistered):
        now = recorded.position
        return Credential(
            event, recorded.recorded_at, Status.ACTIVE, now, recorded.effective_at, registered_position=now
        )
    assert state is not None, "a credential's stream begins with its registration"
    match event:
        case CredentialSecured():
            return replace(state, secured=event, secured_position=recorded.position)
        case CredentialRevoked(reason=reason):
            return _moved(state, recorded, Status.REVOKED, reason)
        case CredentialSuspended(reason=reason):
            return _moved(state, recorded, Status.SUSPENDED, reason)
        case CredentialReinstated():
            return _moved(state, recorded, Status.ACTIVE, None)
        case CredentialSuperseded(by=by, reason=reason):
            moved = _moved(state, recorded, Status.SUPERSEDED, reason)
            return replace(moved, superseded_by=by, superseded_position=recorded.position)
        case CredentialMessageSet(value=value):
            return replace(state, message=value, message_position=recorded.position)
    return state


def _moved(state: Credential, recorded: Recorded, status: Status, reason: Reason | None) -> Credential:
    return replace(state, status=status, position=recorded.position, since=recorded.effective_at, reason=reason)
