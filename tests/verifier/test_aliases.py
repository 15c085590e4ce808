"""A holder rewrites what was signed, so that it means the same in RDF and shows less in JSON; nobody is deceived."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from registry.domain.mechanisms import Mechanism
from registry.errors import UnsafeDocument
from registry.securing.rdf import canonicalise_here
from registry.verifier.verification import Verdict
from tests.verifier.documents import V1, V2, credential, credential_v1
from tests.verifier.world import SCHOOL, World, did_of, processor, signed

CRED = "https://www.w3.org/2018/credentials#"
STATUS = "https://www.w3.org/ns/credentials/status#"
XSD = "http://www.w3.org/2001/XMLSchema#"
DATE_TIME = f"{XSD}dateTime"
ENTRY_TERM = {"@id": f"{CRED}credentialStatus", "@type": "@id"}


@pytest.fixture
def world() -> World:
    return World()


Rewrite = Callable[[dict[str, Any]], None]


def renamed(name: str, to: str, *contexts: Any) -> Rewrite:
    def rewrite(document: dict[str, Any]) -> None:
        document[to] = document.pop(name)
        document["@context"] += contexts

    return rewrite


def nested(document: dict[str, Any]) -> None:
    document["more"] = {"credentialStatus": document.pop("credentialStatus")}
    document["@context"].append({"more": "@nest"})


def included(document: dict[str, Any]) -> None:
    again = {"id": document["id"], "type": "VerifiableCredential", "credentialStatus": document.pop("credentialStatus")}
    document["credentialSubject"]["@included"] = [again]


def in_the_entry(document: dict[str, Any]) -> None:
    entry = document["credentialStatus"]
    entry[f"{STATUS}statusSize"] = {
        "@value": entry.pop("statusSize"),
        "@type": "https://www.w3.org/2001/XMLSchema#positiveInteger",
    }


REWRITES: dict[str, Rewrite] = {
    "an alias": renamed("credentialStatus", "alias", {"alias": ENTRY_TERM}),
    "an alias by a prefix": renamed("credentialStatus", "c:credentialStatus", {"c": CRED}),
    "an alias by a vocabulary": renamed("credentialStatus", "tialStatus", {"@vocab": f"{CRED}creden"}),
    "its IRI": renamed("credentialStatus", f"{CRED}credentialStatus"),
    "a nest": nested,
    "an included node": included,
    "an alias of the end": renamed("validUntil", "until", {"until": {"@id": f"{CRED}validUntil", "@type": DATE_TIME}}),
    "an alias of the id": renamed("id", "name_of_it", {"name_of_it": "@id"}),
    "another word for the id": renamed("id", "@id"),
    "an alias inside of the entry": in_the_entry,
}


@pytest.mark.parametrize("how", REWRITES)
async def test_a_property_under_another_name_breaks_the_credential(world: World, how: str) -> None:
    entry = world.published(value=1) | {"statusSize": 1}
    document = credential(issuer=did_of(SCHOOL), credentialStatus=entry, validUntil="2025-02-01T00:00:00Z")
    presented = signed(document, mechanism=Mechanism.EDDSA_RDFC_2022)
    assert (await world.verify(presented)).verdict is Verdict.REVOKED
    rewritten = copy.deepcopy(presented)
    REWRITES[how](rewritten)
    assert not (await world.verify(rewritten)).verified


async def test_an_alias_of_a_type_breaks_the_credential(world: World) -> None:
    named = [V2, {"Course": "https://school.example/Course"}]
    document = credential(issuer=did_of(SCHOOL), **{"@context": named, "type": ["VerifiableCredential", "Course"]})
    presented = signed(document, mechanism=Mechanism.EDDSA_RDFC_2022)
    assert (await world.verify(presented)).verdict is Verdict.VALID
    presented["type"] = ["VerifiableCredential"]
    presented["kind"] = "Course"
    presented["@context"] = [*named, {"kind": "@type"}]
    assert not (await world.verify(presented)).verified


def test_a_proof_that_ends_says_so_under_the_usual_name() -> None:
    proof = {
        "@context": [V2, {"ends": {"@id": "https://w3id.org/security#expiration", "@type": DATE_TIME}}],
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "ends": "2025-02-01T00:00:00Z",
    }
    with pytest.raises(UnsafeDocument, match="'expires' by another name"):
        canonicalise_here(proof, processor())
    proof["expires"] = proof.pop("ends")
    assert "expiration" in canonicalise_here(proof, processor())


async def test_the_older_data_model_brings_a_prefix_along(world: World) -> None:
    document = credential_v1(issuer=did_of(SCHOOL), expirationDate="2025-02-01T00:00:00Z")
    document["@context"] = [V1, "https://w3id.org/security/data-integrity/v2"]
    presented = signed(document, mechanism=Mechanism.EDDSA_RDFC_2022)
    assert (await world.verify(presented)).verdict is Verdict.EXPIRED
    presented["cred:expirationDate"] = {"@value": presented.pop("expirationDate"), "@type": DATE_TIME}
    assert not (await world.verify(presented)).verified


async def test_what_is_called_like_a_property_of_the_data_model_may_mean_something_else(world: World) -> None:
    subject = {"id": "did:example:ada", "licence": {"holder": "Ada"}}
    examples = {"licence": "https://school.example/licence", "@vocab": "https://school.example/"}
    document = credential(issuer=did_of(SCHOOL), credentialSubject=subject, **{"@context": [V2, examples]})
    assert (await world.verify(signed(document, mechanism=Mechanism.EDDSA_RDFC_2022))).verdict is Verdict.VALID
