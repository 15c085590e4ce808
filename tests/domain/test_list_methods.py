"""What signs status lists: the embedded proof as the issuer chose, JWTs and CWTs as most wallets verify."""

from __future__ import annotations

import pytest

from registry.domain.list_methods import ListMethods, list_methods
from registry.domain.mechanisms import Mechanism
from registry.errors import UnknownIssuer
from tests.domain.facts import DID, METHOD
from tests.domain.test_mechanisms import ECDSA, ED25519, JWT, P256, P384, RDFC, added, chosen, key, standing


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), ListMethods(RDFC, METHOD, METHOD)),
        ((added(key(P256, 2)),), ListMethods(RDFC, METHOD, key(P256, 2))),
        ((added(key(P384, 2)),), ListMethods(RDFC, METHOD, METHOD)),
        ((added(key(P256, 2)), chosen(ECDSA)), ListMethods(ECDSA, key(P256, 2), key(P256, 2))),
        (
            (added(key(P256, 2)), added(key(P384, 3)), chosen(ECDSA, prefers=(P384,))),
            ListMethods(ECDSA, key(P384, 3), key(P256, 2)),
        ),
        ((added(key(P384, 2)), chosen(ECDSA)), ListMethods(ECDSA, key(P384, 2), METHOD)),
        ((chosen(JWT),), ListMethods(RDFC, METHOD, METHOD)),
        ((chosen(Mechanism.EDDSA_JCS_2022),), ListMethods(Mechanism.EDDSA_JCS_2022, METHOD, METHOD)),
        ((added(key(ED25519, 2)),), ListMethods(RDFC, key(ED25519, 2), key(ED25519, 2))),
    ],
    ids=[
        "the one key there is",
        "P-256 signs JWTs",
        "Ed25519 before P-384",
        "the cryptosuite that was chosen",
        "the algorithm that is preferred",
        "P-384 for the proof only",
        "a JWT is no embedded proof",
        "JSON as well as RDF",
        "the newest of a kind",
    ],
)
def test_each_form_is_signed_by_the_key_that_fits(facts, expected) -> None:
    assert list_methods(standing(*facts), DID) == expected


def test_a_key_of_another_did_or_another_holder_signs_no_list() -> None:
    state = standing(added(key(P256, 2, did="did:web:other.example")), added(key(P384, 3, is_held=False)))
    assert list_methods(state, DID) == ListMethods(RDFC, METHOD, METHOD)
    with pytest.raises(UnknownIssuer, match="no key that may sign"):
        list_methods(state, "did:web:nobody.example")
