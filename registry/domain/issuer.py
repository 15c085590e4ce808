"""An issuer's life: registered by the operator, active ⇄ suspended, withdrawn for good."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from pydantic import ValidationError

from registry.domain import keys as issuer_keys
from registry.domain.commands import (
    AdoptOwnDid,
    IssuerCommand,
    KeyCommand,
    ProposeDid,
    RegisterIssuer,
    ReinstateIssuer,
    SuspendIssuer,
    UpdateIssuer,
    WithdrawIssuer,
)
from registry.domain.events import (
    AnyEvent,
    DidAdopted,
    DidProposed,
    IssuerLegacyListsChosen,
    IssuerMechanismsChosen,
    IssuerProfile,
    IssuerRegistered,
    IssuerReinstated,
    IssuerSuspended,
    IssuerUpdated,
    IssuerWithdrawn,
    LegacyList,
    Recorded,
    SlugClaimed,
    StatusProfile,
    VerificationMethod,
    VerificationMethodAdded,
)
from registry.domain.keys import Keys
from registry.domain.mechanism_choice import choose, first_choice, is_default
from registry.domain.mechanisms import DEFAULT_MECHANISMS, Mechanism, algorithm_of, in_order
from registry.domain.names import IssuerId, Slug
from registry.errors import (
    IllegalTransition,
    IssuerNotActive,
    Malformed,
    NoFittingKey,
    SlugTaken,
    UnknownIssuer,
)


class IssuerStatus(StrEnum):
    """Where an issuer stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


PENDING = "pending"
"""What the operator is told of an issuer that is registered, but whose DID is not proved yet."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """What later decisions about an issuer need to know."""

    issuer_id: IssuerId
    slug: Slug
    status: IssuerStatus
    profile: IssuerProfile
    status_profile: StatusProfile
    public_reasons: bool
    position: int
    since: datetime
    legacy_lists: tuple[LegacyList, ...] = ()
    """Which lists name its revoked credentials."""
    keys: Keys = field(default_factory=Keys)
    choice: IssuerMechanismsChosen | None = None
    """How its credentials may be secured; None: by default."""

    @property
    def chosen(self) -> IssuerMechanismsChosen:
        """How its credentials may be secured: by the first mechanism, unless a request chooses."""
        return self.choice or IssuerMechanismsChosen(issuer_id=self.issuer_id, mechanisms=DEFAULT_MECHANISMS)

    @property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """What a request may choose among; the first one is the default."""
        return self.chosen.mechanisms

    @property
    def did(self) -> str:
        """The DID it speaks under now; empty until one that is controlled elsewhere is proved."""
        return self.keys.did

    @property
    def methods(self) -> tuple[VerificationMethod, ...]:
        """Every verification method there ever was, oldest first, whatever became of it."""
        return tuple(one.method for one in self.keys.all)

    @property
    def method(self) -> VerificationMethod:
        """The verification method that signs for the issuer now: the newest of today's DID that is held by us.

        Raises `IssuerNotActive` when there is none.
        """
        return issuer_keys.require_method(self.keys.signing(self.did))

    def method_for(self, mechanism: Mechanism, did: str | None = None) -> VerificationMethod:
        """Return what secures credentials of *did* (by default today's) with *mechanism* now: the newest key held here
        of the algorithm that the issuer, or else the mechanism, prefers.

        Raises `NoFittingKey`, and `IssuerNotActive` when nothing is held at all.
        """
        held = self.keys.signing(self.did if did is None else did)
        issuer_keys.require_method(held)
        for algorithm in in_order(mechanism, self.chosen.key_algorithms):
            for method in reversed(held):
                if algorithm_of(method.public_key_multibase) is algorithm:
                    return method
        raise NoFittingKey(
            f"The registry holds no key of {held[-1].controller} that {mechanism} can sign with. Set the issuer's "
            "`mechanisms` again, and one is made, or choose another mechanism."
        )


def require_active(issuer: Issuer | None) -> Issuer:
    """Return *issuer* if it may issue; raise `UnknownIssuer` or `IssuerNotActive`."""
    if issuer is None:
        raise UnknownIssuer("No such issuer is registered.")
    if issuer.status is not IssuerStatus.ACTIVE:
        raise IssuerNotActive(
            f"The issuer is {issuer.status}; it can revoke what it issued, but not issue.",
            currentStatus=str(issuer.status),
        )
    if not issuer.did:
        raise IssuerNotActive(
            "The issuer's DID is not proved yet: its document must list our key first. Then repeat the adoption of the "
            "DID, and this request.",
            currentStatus=PENDING,
        )
    return issuer


def claim_slug(command: RegisterIssuer, owner: IssuerId | None) -> list[AnyEvent]:
    """Return the claim to the slug; raise `SlugTaken` if it ever had an *owner*."""
    if owner is not None:
        raise SlugTaken(f"The slug {command.slug!r} belongs, or once belonged, to another issuer; choose another.")
    return [SlugClaimed(slug=command.slug, issuer_id=command.issuer_id)]


def decide(command: IssuerCommand, state: Issuer | None) -> list[AnyEvent]:
    """Return the facts that follow from *command*; none, if it is already so.

    Raises `UnknownIssuer`, `IllegalTransition` and `Malformed`.
    """
    if isinstance(command, RegisterIssuer):
        return _register(command, state)
    if state is None:
        raise UnknownIssuer("No such issuer is registered.")
    issuer_id = state.issuer_id
    match command, state.status:
        case ProposeDid() | AdoptOwnDid(), IssuerStatus.WITHDRAWN:
            raise _illegal(state.status, "adopt another DID")
        case KeyCommand(), _:  # also when withdrawn: its lists are published, and so signed, for ever
            return issuer_keys.decide(command, issuer_id, state.keys)
        case UpdateIssuer(), status if status is not IssuerStatus.WITHDRAWN:
            choices = [*choose(command, state.chosen, state.keys), *_choose_legacy_lists(command, state)]
            return [*_update(command, state), *choices]
        case SuspendIssuer(reason=reason), IssuerStatus.ACTIVE:
            return [IssuerSuspended(issuer_id=issuer_id, reason=reason)]
        case ReinstateIssuer(), IssuerStatus.SUSPENDED:
            return [IssuerReinstated(issuer_id=issuer_id)]
        case WithdrawIssuer(reason=reason), IssuerStatus.ACTIVE | IssuerStatus.SUSPENDED:
            return [IssuerWithdrawn(issuer_id=issuer_id, reason=reason)]
    wanted = _WANTED.get(type(command))
    if wanted is state.status:
        return []
    raise _illegal(state.status, f"become {wanted}" if wanted else "be changed", wanted)


_WANTED: dict[type[IssuerCommand], IssuerStatus] = {
    SuspendIssuer: IssuerStatus.SUSPENDED,
    ReinstateIssuer: IssuerStatus.ACTIVE,
    WithdrawIssuer: IssuerStatus.WITHDRAWN,
}


def _illegal(now: IssuerStatus, asked: str, wanted: IssuerStatus | None = None) -> IllegalTransition:
    return IllegalTransition(
        f"The issuer is {now}; it cannot {asked}.",
        currentStatus=str(now),
        requestedStatus=str(wanted or now),
    )


def _register(command: RegisterIssuer, state: Issuer | None) -> list[AnyEvent]:
    if state is not None:
        raise _illegal(state.status, "be registered again")
    issuer_id = command.issuer_id
    methods = (command.method, *command.further_methods)
    registered = IssuerRegistered(
        issuer_id=issuer_id,
        slug=command.slug,
        profile=command.profile,
        status_profile=command.status_profile,
        public_reasons=command.public_reasons,
    )
    choice = first_choice(command)
    chosen = [] if is_default(choice) else [choice]
    if command.is_delegated:
        return [registered, DidProposed(issuer_id=issuer_id, did=command.did, methods=methods), *chosen]
    return [
        registered,
        DidAdopted(issuer_id=issuer_id, did=command.did),
        *(VerificationMethodAdded(issuer_id=issuer_id, method=method) for method in methods),
        *chosen,
    ]


def _update(command: UpdateIssuer, state: Issuer) -> list[AnyEvent]:
    try:
        profile = IssuerProfile.model_validate({**state.profile.model_dump(), **command.profile})
    except ValidationError as error:
        raise Malformed(f"The issuer cannot be described like this: {error.errors()[0]['msg']}.") from None
    updated = IssuerUpdated(
        issuer_id=state.issuer_id,
        profile=profile,
        status_profile=command.status_profile or state.status_profile,
        public_reasons=state.public_reasons if command.public_reasons is None else command.public_reasons,
    )
    now = (state.profile, state.status_profile, state.public_reasons)
    return [] if (updated.profile, updated.status_profile, updated.public_reasons) == now else [updated]


def _choose_legacy_lists(command: UpdateIssuer, state: Issuer) -> list[AnyEvent]:
    if command.legacy_lists is None:
        return []
    lists = tuple(one for one in LegacyList if one in command.legacy_lists)
    return [] if lists == state.legacy_lists else [IssuerLegacyListsChosen(issuer_id=state.issuer_id, lists=lists)]


def evolve(state: Issuer | None, recorded: Recorded) -> Issuer | None:
    """Return the issuer after *recorded*."""
    event = recorded.event
    if isinstance(event, IssuerRegistered):
        return Issuer(
            issuer_id=IssuerId(event.issuer_id),
            slug=Slug(event.slug),
            status=IssuerStatus.ACTIVE,
            profile=event.profile,
            status_profile=event.status_profile,
            public_reasons=event.public_reasons,
            position=recorded.position,
            since=recorded.effective_at,
        )
    assert state is not None, "an issuer's stream begins with its registration"
    changed = replace(state, position=recorded.position, keys=issuer_keys.evolve(state.keys, recorded))
    if changed.keys is not state.keys:
        return changed
    match event:
        case IssuerUpdated(profile=profile, status_profile=status_profile, public_reasons=public_reasons):
            return replace(changed, profile=profile, status_profile=status_profile, public_reasons=public_reasons)
        case IssuerLegacyListsChosen(lists=lists):
            return replace(changed, legacy_lists=lists)
        case IssuerMechanismsChosen() as choice:
            return replace(changed, choice=choice)
        case IssuerSuspended():
            return replace(changed, status=IssuerStatus.SUSPENDED, since=recorded.effective_at)
        case IssuerReinstated():
            return replace(changed, status=IssuerStatus.ACTIVE, since=recorded.effective_at)
        case IssuerWithdrawn():
            return replace(changed, status=IssuerStatus.WITHDRAWN, since=recorded.effective_at)
    return state
