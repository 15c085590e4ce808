"""An issuer's DIDs and keys: adopted, delegated by a DID that is controlled elsewhere, retired, compromised.

A did:key is its key, so it rotates by a new DID; a did:web by another verification method; a DID that is controlled
elsewhere by another delegation, which counts once its document lists the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from registry.domain.commands import AdoptDid, AdoptOwnDid, KeyCommand, ProposeDid, RotateKeys
from registry.domain.events import (
    AnyEvent,
    DidAdopted,
    DidProposed,
    Recorded,
    VerificationMethod,
    VerificationMethodAdded,
    VerificationMethodCompromised,
    VerificationMethodRetired,
)
from registry.domain.names import IssuerId
from registry.errors import IllegalTransition, IssuerNotActive, Malformed

DID_KEY = "did:key:"


class KeyState(StrEnum):
    """Where a key stands."""

    ACTIVE = "active"
    RETIRED = "retired"
    """It secures no further credential; what it secured keeps verifying."""
    COMPROMISED = "compromised"
    """From its cut-off on, nothing that it signed counts."""


@dataclass(frozen=True, slots=True)
class Key:
    """A verification method with its history."""

    method: VerificationMethod
    since: datetime
    state: KeyState = KeyState.ACTIVE
    until: datetime | None = None
    """When it was retired, or the cut-off of its compromise."""

    def counts_at(self, moment: datetime) -> bool:
        """Whether a signature made at *moment* counts as far as this key's history goes."""
        return counts_at(self.state, self.until, moment)


@dataclass(frozen=True, slots=True)
class Keys:
    """What an issuer signs with, and under which DID."""

    did: str = ""
    """The one it speaks under now; empty until a DID that is controlled elsewhere is proved."""
    all: tuple[Key, ...] = ()
    """Every key there ever was, oldest first."""
    proposed: DidProposed | None = None
    """What its DID's document must list before it counts."""
    delegated: frozenset[str] = frozenset()
    """The DIDs, among all it ever had, whose documents are controlled elsewhere."""

    def find(self, method_id: str) -> Key | None:
        """Return the key with this verification method, if the issuer ever had it."""
        return next((one for one in self.all if one.method.id == method_id), None)

    def signing(self, did: str) -> tuple[VerificationMethod, ...]:
        """Return what may secure credentials that *did* issues, oldest first, of what is held here.

        A retired did:key still finishes what was registered under it: no other key ever could.
        """
        usable = (KeyState.ACTIVE, KeyState.RETIRED) if did.startswith(DID_KEY) else (KeyState.ACTIVE,)
        return self._held(did, usable)

    def signing_lists(self, did: str) -> tuple[VerificationMethod, ...]:
        """Return what may sign the status lists of *did*, oldest first: a did:key, whatever became of it."""
        return self._held(did, tuple(KeyState) if did.startswith(DID_KEY) else (KeyState.ACTIVE,))

    def _held(self, did: str, states: tuple[KeyState, ...]) -> tuple[VerificationMethod, ...]:
        return tuple(
            one.method
            for one in self.all
            if one.method.controller == did and one.method.key_id is not None and one.state in states
        )


def counts_at(state: KeyState, until: datetime | None, moment: datetime) -> bool:
    """Whether what a key signed at *moment* counts: of a compromised one only what it signed before its cut-off."""
    return state is not KeyState.COMPROMISED or until is None or moment < until


def decide(command: KeyCommand, issuer_id: IssuerId, keys: Keys) -> list[AnyEvent]:
    """Return the facts that follow; none, if it is already so. Raises `Malformed` and `IllegalTransition`."""
    match command:
        case RotateKeys():
            facts = _rotate(command, issuer_id, keys)
        case ProposeDid():
            facts = _propose(command, issuer_id, keys)
        case AdoptDid():
            facts = _adopt(command, issuer_id, keys)
        case AdoptOwnDid():
            facts = _adopt_own(command, issuer_id, keys)
        case _:
            raise TypeError(f"No decision for {type(command).__name__}.")
    _require_new(keys, [fact.method for fact in facts if isinstance(fact, VerificationMethodAdded)])
    return facts


def _rotate(command: RotateKeys, issuer_id: IssuerId, keys: Keys) -> list[AnyEvent]:
    """A key that another rotation ended in the meantime is left as it is, and gets no second successor."""
    since = command.compromised_since
    if since is not None and since > command.at:
        raise Malformed("The cut-off lies in the future; name the moment from which the key may have leaked.")
    if not command.rotations:
        raise IllegalTransition("No key of the issuer signs now, so none can rotate; its DID must be proved first.")
    added: list[AnyEvent] = []
    ended: list[AnyEvent] = []
    waiting: list[tuple[VerificationMethod, str]] = []
    for one in command.rotations:
        key = keys.find(one.method_id)
        if key is None:
            raise Malformed(f"The issuer has no verification method {one.method_id}; `keys` lists those it has.")
        successor = one.successor if key.state is KeyState.ACTIVE else None
        if successor is not None and successor.controller in keys.delegated:
            waiting.append((successor, one.method_id))
            if since is None:
                continue  # it goes on signing until its successor is listed
        elif successor is not None:
            added += _added(issuer_id, keys.did, key, successor)
        ended += _ended(issuer_id, key, since)
    return [*added, *ended, *_waiting(issuer_id, keys, waiting)]


def _added(issuer_id: IssuerId, did: str, key: Key, successor: VerificationMethod) -> list[AnyEvent]:
    """The successor; under a DID of its own, where the key was its DID."""
    fact = VerificationMethodAdded(issuer_id=issuer_id, method=successor)
    if successor.controller == key.method.controller:
        return [fact]
    if key.method.controller != did:
        return []  # a former did:key has no successor: the issuer speaks under another DID already
    return [DidAdopted(issuer_id=issuer_id, did=successor.controller), fact]


def _ended(issuer_id: IssuerId, key: Key, since: datetime | None) -> list[AnyEvent]:
    method_id = key.method.id
    if since is None:
        retires = key.state is KeyState.ACTIVE
        return [VerificationMethodRetired(issuer_id=issuer_id, method_id=method_id)] if retires else []
    if not key.counts_at(since):
        return []  # the cut-off is earlier already
    return [VerificationMethodCompromised(issuer_id=issuer_id, method_id=method_id, since=since)]


def _waiting(issuer_id: IssuerId, keys: Keys, waiting: list[tuple[VerificationMethod, str]]) -> list[AnyEvent]:
    """The successors that a document must list first, with those that it does not list yet; none, if no one is new."""
    before = keys.proposed.replaces if keys.proposed is not None else ()
    new = [one for one in waiting if one[1] not in before]
    if not new:
        return []
    did = new[0][0].controller
    still = keys.proposed if keys.proposed is not None and keys.proposed.did == did else None
    return [
        DidProposed(
            issuer_id=issuer_id,
            did=did,
            methods=(*(still.methods if still else ()), *(method for method, _ in new)),
            replaces=(*(still.replaces if still else ()), *(method_id for _, method_id in new)),
        )
    ]


def _propose(command: ProposeDid, issuer_id: IssuerId, keys: Keys) -> list[AnyEvent]:
    did = command.did
    is_waiting = keys.proposed is not None and keys.proposed.did == did
    if is_waiting or (did == keys.did and keys.signing(did)):
        return []
    return [DidProposed(issuer_id=issuer_id, did=did, methods=command.methods)]


def _adopt_own(command: AdoptOwnDid, issuer_id: IssuerId, keys: Keys) -> list[AnyEvent]:
    if command.did == keys.did:
        return []
    new = () if keys.signing(command.did) else command.methods
    added = [VerificationMethodAdded(issuer_id=issuer_id, method=one) for one in new]
    return [DidAdopted(issuer_id=issuer_id, did=command.did), *added]


def _adopt(command: AdoptDid, issuer_id: IssuerId, keys: Keys) -> list[AnyEvent]:
    proposed = keys.proposed
    if proposed is None or proposed.did != command.did:
        if command.did == keys.did:
            return []
        raise IllegalTransition("The DID was not proposed, or another one was since; propose it again.")
    if {one.key_id for one in command.methods} != {one.key_id for one in proposed.methods}:
        raise IllegalTransition("The document was asked for other keys than are proposed now; repeat the request.")
    adopted: list[AnyEvent] = [DidAdopted(issuer_id=issuer_id, did=command.did)] if command.did != keys.did else []
    added: list[AnyEvent] = [VerificationMethodAdded(issuer_id=issuer_id, method=one) for one in command.methods]
    ended = [fact for one in proposed.replaces if (key := keys.find(one)) for fact in _ended(issuer_id, key, None)]
    return [*adopted, *added, *ended]


def _require_new(keys: Keys, methods: Sequence[VerificationMethod]) -> None:
    """Refuse a key under the id of an earlier one: which of them made a signature could not be told any more."""
    if taken := [one.id for one in methods if keys.find(one.id) is not None]:
        raise IllegalTransition(f"{taken[0]} is the id of an earlier key; list the new one under an id of its own.")


def evolve(keys: Keys, recorded: Recorded) -> Keys:
    """Return the keys after *recorded*."""
    match recorded.event:
        case DidAdopted(did=did):
            return replace(keys, did=did)
        case DidProposed(did=did) as proposed:
            return replace(keys, proposed=proposed, delegated=keys.delegated | {did})
        case VerificationMethodAdded(method=method):
            return replace(_without(keys, method), all=(*keys.all, Key(method, recorded.effective_at)))
        case VerificationMethodRetired(method_id=method_id):
            return _with_end(keys, method_id, KeyState.RETIRED, recorded.effective_at)
        case VerificationMethodCompromised(method_id=method_id, since=since):
            return _with_end(keys, method_id, KeyState.COMPROMISED, since)
    return keys


def _without(keys: Keys, method: VerificationMethod) -> Keys:
    """A proposal is over when one of its keys is in use: all of them come into use together."""
    is_adopted = keys.proposed is not None and any(one.key_id == method.key_id for one in keys.proposed.methods)
    return replace(keys, proposed=None) if is_adopted else keys


def _with_end(keys: Keys, method_id: str, state: KeyState, until: datetime) -> Keys:
    ended = (replace(one, state=state, until=until) if one.method.id == method_id else one for one in keys.all)
    return replace(keys, all=tuple(ended))


def require_method(methods: tuple[VerificationMethod, ...]) -> VerificationMethod:
    """Return the newest of *methods*; raise `IssuerNotActive` if there is none."""
    if not methods:
        raise IssuerNotActive(
            "The issuer has no key that may sign now: its DID's document must list one first. Repeat the adoption of "
            "the DID when it does."
        )
    return methods[-1]
