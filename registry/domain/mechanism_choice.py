"""An issuer's choice of securing mechanisms, and the keys that come with it."""

from __future__ import annotations

from registry.domain.commands import RegisterIssuer, UpdateIssuer
from registry.domain.events import AnyEvent, IssuerMechanismsChosen, VerificationMethodAdded
from registry.domain.keys import Keys
from registry.domain.mechanisms import DEFAULT_MECHANISMS, KeyAlgorithm, algorithm_of, wanted_algorithms
from registry.domain.names import IssuerId
from registry.errors import Conflict, Malformed


def first_choice(command: RegisterIssuer) -> IssuerMechanismsChosen:
    """Return what a new issuer chose."""
    return IssuerMechanismsChosen(
        issuer_id=command.issuer_id, mechanisms=command.mechanisms, key_algorithms=command.key_algorithms
    )


def is_default(choice: IssuerMechanismsChosen) -> bool:
    """Whether *choice* is what holds without any."""
    return (choice.mechanisms, choice.key_algorithms) == (DEFAULT_MECHANISMS, ())


def choose(command: UpdateIssuer, now: IssuerMechanismsChosen, keys: Keys) -> list[AnyEvent]:
    """Return the new keys that are needed, and then the choice: nothing is chosen that could not sign.

    *now* is what the issuer chose before. Raises `Malformed`, and `Conflict` when the keys made are not those needed.
    """
    choice = _changed(command, now)
    issuer_id = IssuerId(now.issuer_id)
    added: list[AnyEvent] = []
    for algorithm in missing_algorithms(command, now, keys):
        made = [one for one in command.methods if algorithm_of(one.public_key_multibase) is algorithm]
        if not made or made[0].controller != keys.did:
            raise Conflict("The issuer's keys changed in the meantime; repeat the request.")
        added.append(VerificationMethodAdded(issuer_id=issuer_id, method=made[0]))
    return [*added, *([] if choice == now else [choice])]


def missing_algorithms(command: UpdateIssuer, now: IssuerMechanismsChosen, keys: Keys) -> list[KeyAlgorithm]:
    """Return of which algorithms keys must be made to carry out *command*; none if it names no mechanisms.

    Raises `Malformed` when keys are needed under a DID that cannot have more.
    """
    if command.mechanisms is None and command.key_algorithms is None:
        return []
    choice = _changed(command, now)
    held = {algorithm_of(one.public_key_multibase) for one in keys.signing(keys.did)}
    missing = wanted_algorithms(choice.mechanisms, choice.key_algorithms, {one for one in held if one is not None})
    if missing and (not keys.did.startswith("did:web:") or keys.did in keys.delegated):
        raise Malformed(
            f"The issuer's DID has no key of {missing[0]}, and the registry cannot give it one: a did:key is its one "
            "key, and other DIDs are controlled elsewhere. Choose mechanisms that its keys can sign.",
            pointer="/mechanisms",
        )
    return missing


def _changed(command: UpdateIssuer, now: IssuerMechanismsChosen) -> IssuerMechanismsChosen:
    return IssuerMechanismsChosen(
        issuer_id=now.issuer_id,
        mechanisms=now.mechanisms if command.mechanisms is None else command.mechanisms,
        key_algorithms=now.key_algorithms if command.key_algorithms is None else command.key_algorithms,
    )
