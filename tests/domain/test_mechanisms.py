"""How credentials may be secured: which keys that needs, which key signs, and how an issuer's choice is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import errors
from registry.domain import issuer
from registry.domain.commands import UpdateIssuer
from registry.domain.events import DidAdopted, IssuerMechanismsChosen, VerificationMethod, VerificationMethodAdded
from registry.domain.issuer import Issuer
from registry.domain.mechanism_choice import missing_algorithms
from registry.domain.mechanisms import (
    ALGORITHMS,
    DEFAULT_MECHANISMS,
    KeyAlgorithm,
    Mechanism,
    algorithm_of,
    first_algorithms,
    in_order,
    wanted_algorithms,
)
from tests.domain.facts import DID, ISSUER, LATER, METHOD, after
from tests.domain.test_issuer import BEGINNING, REGISTER, STREAM, WITHDRAWN

ED25519, P256, P384 = KeyAlgorithm
RDFC, ECDSA, JWT = Mechanism.EDDSA_RDFC_2022, Mechanism.ECDSA_RDFC_2019, Mechanism.VC_JWT
STARTS = {ED25519: "z6Mk", P256: "zDnae", P384: "z82L"}

MECHANISMS = st.lists(st.sampled_from(Mechanism), min_size=1, unique=True)
PREFERRED = st.lists(st.sampled_from(KeyAlgorithm), unique=True)
HELD = st.sets(st.sampled_from(KeyAlgorithm))


def key(algorithm: KeyAlgorithm, number: int = 1, did: str = DID, *, is_held: bool = True) -> VerificationMethod:
    text = f"{STARTS[algorithm]}{number}"
    return VerificationMethod(
        id=f"{did}#{text}", controller=did, public_key_multibase=text, key_id=UUID(int=number) if is_held else None
    )


def added(method: VerificationMethod) -> VerificationMethodAdded:
    return VerificationMethodAdded(issuer_id=ISSUER, method=method)


def chosen(*mechanisms: Mechanism, prefers: tuple[KeyAlgorithm, ...] = ()) -> IssuerMechanismsChosen:
    return IssuerMechanismsChosen(issuer_id=ISSUER, mechanisms=mechanisms, key_algorithms=prefers)


def standing(*facts: Any) -> Issuer:
    return after(STREAM, *BEGINNING, *facts)


def choose(**wanted: Any) -> UpdateIssuer:
    return UpdateIssuer(LATER, ISSUER, **wanted)


# ── which keys ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_public_key_tells_its_algorithm() -> None:
    assert [algorithm_of(key(one).public_key_multibase) for one in KeyAlgorithm] == list(KeyAlgorithm)
    assert algorithm_of("z4MXj1wB") is None, "an RSA key"


@given(MECHANISMS, PREFERRED, HELD)
def test_with_the_keys_that_are_wanted_every_mechanism_can_sign(mechanisms: Any, preferred: Any, held: Any) -> None:
    wanted = wanted_algorithms(mechanisms, preferred, held)
    for mechanism in mechanisms:
        order = in_order(mechanism, preferred)
        signs_with = [one for one in order if one in held | set(wanted)]
        assert signs_with
        if any(one in preferred for one in order):
            assert signs_with[0] is order[0], "the preferred key signs, whatever other keys there are"
    assert len(set(wanted)) == len(wanted)
    assert not set(wanted) & held
    assert wanted_algorithms(mechanisms, preferred, held | set(wanted)) == []


@given(MECHANISMS, PREFERRED)
def test_a_did_key_is_the_one_key_that_signs_with_everything_or_is_refused(mechanisms: Any, preferred: Any) -> None:
    fitting = set(KeyAlgorithm).intersection(*(ALGORITHMS[one] for one in mechanisms))
    if fitting:
        (only,) = first_algorithms(mechanisms, preferred, one_key=True)
        assert only in fitting
    else:
        with pytest.raises(errors.Malformed, match="is one key"):
            first_algorithms(mechanisms, preferred, one_key=True)


@pytest.mark.parametrize(
    ("mechanisms", "preferred", "one_key", "expected"),
    [
        (DEFAULT_MECHANISMS, (), False, [ED25519]),
        ([ECDSA], (), True, [P256]),
        ([ECDSA], (P384,), True, [P384]),
        ([ECDSA, JWT], (), True, [P256]),
        ([JWT], (), True, [ED25519]),
        ([JWT], (P256,), True, [P256]),
        ([RDFC, ECDSA], (), False, [ED25519, P256]),
        ([ECDSA, JWT], (), False, [P256]),
        ([ECDSA, JWT], (P384,), False, [P384]),
        ([RDFC], (P256,), False, [ED25519]),
    ],
)
def test_a_new_issuer_gets_the_keys_its_mechanisms_need(
    mechanisms: Any, preferred: Any, one_key: bool, expected: Any
) -> None:
    assert first_algorithms(mechanisms, preferred, one_key=one_key) == expected


# ── which key signs ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_fitting_key_signs() -> None:
    state = standing(added(key(P256, 2)), added(key(ED25519, 3)), added(key(P256, 4)))
    assert state.method_for(RDFC) == key(ED25519, 3)
    assert state.method_for(ECDSA) == key(P256, 4)


def test_where_a_mechanism_leaves_a_choice_the_issuer_chooses() -> None:
    state = standing(added(key(P256, 2)), added(key(P384, 3)))
    assert (state.method_for(JWT), state.method_for(ECDSA)) == (METHOD, key(P256, 2))
    state = standing(added(key(P256, 2)), added(key(P384, 3)), chosen(JWT, prefers=(P384, P256)))
    assert (state.method_for(JWT), state.method_for(ECDSA)) == (key(P384, 3), key(P384, 3))


@pytest.mark.parametrize("other", [key(P256, did="did:web:elsewhere.example"), key(P256, is_held=False)])
def test_a_key_of_another_did_or_another_holder_does_not_sign(other: VerificationMethod) -> None:
    with pytest.raises(errors.NoFittingKey, match="no key of did:web:registry"):
        standing(added(other)).method_for(ECDSA)


def test_under_a_new_did_the_keys_of_the_old_one_do_not_sign() -> None:
    state = standing(DidAdopted(issuer_id=ISSUER, did="did:key:z6Mk9"))
    with pytest.raises(errors.IssuerNotActive, match="no key that may sign now"):
        state.method_for(RDFC)


# ── the choice ───────────────────────────────────────────────────────────────────────────────────────────────


def test_who_chose_nothing_secures_with_what_wallets_verify() -> None:
    assert standing().mechanisms == DEFAULT_MECHANISMS == (RDFC,)


def test_a_registration_records_a_choice_only_when_there_is_one() -> None:
    registered = replace(REGISTER, mechanisms=(ECDSA, JWT), further_methods=(key(P256, 2),))
    facts = issuer.decide(registered, None)
    assert facts == [*issuer.decide(REGISTER, None), added(key(P256, 2)), chosen(ECDSA, JWT)]
    assert after(STREAM, *facts).mechanisms == (ECDSA, JWT)


def test_a_choice_comes_after_the_keys_it_needs_and_is_repeated_without_effect() -> None:
    command = choose(mechanisms=(ECDSA, JWT), methods=(key(P256, 2),))
    facts = issuer.decide(command, standing())
    assert facts == [added(key(P256, 2)), chosen(ECDSA, JWT)]
    again = choose(mechanisms=(ECDSA, JWT), methods=(key(P256, 3),))
    assert issuer.decide(again, standing(*facts)) == []


def test_a_key_that_is_held_already_is_not_made_again() -> None:
    state = standing(added(key(P384, 2)))

    def missing(**wanted: Any) -> list[KeyAlgorithm]:
        return missing_algorithms(choose(**wanted), state.chosen, state.keys)

    assert missing(mechanisms=(ECDSA,)) == []
    assert missing(mechanisms=(ECDSA,), key_algorithms=(P256,)) == [P256]
    assert missing(profile={"name": "A"}) == []


def test_a_choice_of_keys_alone_is_recorded_with_the_mechanisms_there_are() -> None:
    state = standing(chosen(JWT))
    facts = issuer.decide(choose(key_algorithms=(P256,), methods=(key(P256, 2),)), state)
    assert facts == [added(key(P256, 2)), chosen(JWT, prefers=(P256,))]
    assert issuer.decide(choose(key_algorithms=()), standing(chosen(JWT), *facts)) == [chosen(JWT)]


def test_description_and_mechanisms_change_together() -> None:
    facts = issuer.decide(choose(public_reasons=True, mechanisms=(JWT,)), standing())
    assert [fact.type for fact in facts] == ["IssuerUpdated", "IssuerMechanismsChosen"]


@pytest.mark.parametrize("methods", [(), (key(P384),), (key(P256, did="did:web:elsewhere.example"),)])
def test_a_choice_without_its_key_is_not_recorded(methods: tuple[VerificationMethod, ...]) -> None:
    with pytest.raises(errors.Conflict, match="repeat"):
        issuer.decide(choose(mechanisms=(ECDSA,), methods=methods), standing())


@pytest.mark.parametrize("did", ["did:key:z6Mk9", "did:example:elsewhere"])
def test_only_our_own_did_web_is_given_further_keys(did: str) -> None:
    state = standing(DidAdopted(issuer_id=ISSUER, did=did), added(key(ED25519, 9, did)))
    with pytest.raises(errors.Malformed, match="no key of P-256") as refusal:
        issuer.decide(choose(mechanisms=(ECDSA,)), state)
    assert refusal.value.extra == {"pointer": "/mechanisms"}
    assert issuer.decide(choose(mechanisms=(Mechanism.EDDSA_JCS_2022,)), state) == [chosen(Mechanism.EDDSA_JCS_2022)]


def test_a_withdrawn_issuer_chooses_no_more() -> None:
    with pytest.raises(errors.IllegalTransition):
        issuer.decide(choose(mechanisms=(JWT,)), standing(WITHDRAWN))
