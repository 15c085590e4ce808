"""Reads the proofs of a document, as far as that needs neither keys nor canonical forms.

Source: Verifiable Credential Data Integrity 1.0, sections 2.1 (proofs), 2.1.1 (sets), 2.1.2 (chains), 4.4 and 4.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from registry.domain.problem import Problem
from registry.errors import Malformed
from registry.securing import base58
from registry.securing.data_integrity import Cryptosuite, configuration_by_template, cryptosuite_of
from registry.securing.moment import parse_date_time_stamp
from registry.securing.problem import INVALID_CHALLENGE, INVALID_DOMAIN, PROOF_VERIFICATION

Document = Mapping[str, Any]

MAX_PROOFS: Final = 10
"""Proofs of one document; more are refused unread."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in the future a proof or an envelope may say it was made."""
_LONGEST_PROOF_VALUE: Final = 200


@dataclass(frozen=True, slots=True)
class Expected:
    """What the verifier expects of every proof; `challenge` and `domain` are compared where they are given."""

    purpose: str
    now: datetime
    challenge: str | None = None
    domain: frozenset[str] | None = None


@dataclass(slots=True, eq=False)
class ReadProof:
    """A proof while it is being verified; whoever finds something wrong tells the `problem`, and the first counts."""

    proof: dict[str, Any]
    pointer: str
    suite: Cryptosuite | None = None
    verification_method: str | None = None
    signature: bytes = b""
    created: datetime | None = None
    previous: frozenset[str] = frozenset()
    """The ids of the proofs that this one follows in a chain."""
    covered: Document = field(default_factory=dict)
    """The document that the proof secures: without any proof, or, in a chain, with those before it."""
    options: dict[str, Any] = field(default_factory=dict)
    """The proof without its proofValue."""
    template: str | None = None
    """The canonical proof configuration in RDF, where the template is right; else `configuration` has it to be made."""
    configuration: Document = field(default_factory=dict)
    problem: Problem | None = None

    def fail(self, problem: Problem) -> None:
        """Tell what is wrong."""
        if self.problem is None:
            self.problem = Problem(problem.type, problem.title, problem.detail, self.pointer)


def read_proofs(document: Document, expected: Expected) -> list[ReadProof]:
    """Return every proof of *document*, in its order; none when there is no `proof`."""
    found = document.get("proof", [])
    if not isinstance(found, list):
        proofs = [_read(found, "/proof", expected)]
    elif len(found) > MAX_PROOFS:
        proofs = [ReadProof({}, "/proof")]
        proofs[0].fail(PROOF_VERIFICATION(f"More than {MAX_PROOFS} proofs of one document are not read."))
    else:
        proofs = [_read(proof, f"/proof/{number}", expected) for number, proof in enumerate(found)]
    _cover(document, proofs)
    return proofs


def texts(value: object) -> frozenset[str] | None:
    """Return the strings that *value* is: one, or a list of them; None when it is something else."""
    values = value if isinstance(value, list | tuple | frozenset) else [value]
    found = [one for one in values if isinstance(one, str)]
    return frozenset(found) if len(found) == len(values) else None


def _read(proof: object, pointer: str, expected: Expected) -> ReadProof:
    """Return *proof* with what can be seen from itself: members, moments, purpose, domain and challenge."""
    if not isinstance(proof, dict):
        read = ReadProof({}, pointer)
        read.fail(PROOF_VERIFICATION("A proof is an object."))
        return read
    read = ReadProof(proof, pointer)
    try:
        _require_said(proof)
        read.suite = cryptosuite_of(proof)
        read.verification_method = _url(proof.get("verificationMethod"))
        read.signature = _signature(proof.get("proofValue"))
        read.previous = _previous(proof)
        read.created = _moment(proof, "created")
        expires = _moment(proof, "expires")
    except Malformed as error:
        read.fail(PROOF_VERIFICATION(error.detail))
        return read
    read.options = {name: value for name, value in proof.items() if name != "proofValue"}
    if (problem := _unexpected(read, expires, expected)) is not None:
        read.fail(problem)
    return read


def _unexpected(read: ReadProof, expires: datetime | None, expected: Expected) -> Problem | None:
    """Return what about the proof is not as the verifier expects it (section 4.4)."""
    proof = read.proof
    if proof.get("proofPurpose") != expected.purpose:
        return PROOF_VERIFICATION(f"The proof's purpose is not {expected.purpose}.")
    if expires is not None and expires <= expected.now:
        return PROOF_VERIFICATION(f"The proof expired at {proof['expires']}.")
    if read.created is not None and read.created > expected.now + CLOCK_SKEW:
        return PROOF_VERIFICATION(f"The proof says that it was made in the future, at {proof['created']}.")
    if expected.domain is not None and texts(proof.get("domain")) != expected.domain:
        return INVALID_DOMAIN("The proof's domain is not the one that was asked for.")
    if expected.challenge is not None and proof.get("challenge") != expected.challenge:
        return INVALID_CHALLENGE("The proof's challenge is not the one that was given.")
    return None


def _cover(document: Document, proofs: list[ReadProof]) -> None:
    """Give every proof the document that it secures (section 4.5): proofs of one set share it."""
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    ids = [read.proof.get("id") for read in proofs]
    for read in proofs:
        read.covered = unsecured
        if read.previous:
            if any(ids.count(one) != 1 for one in read.previous):
                read.fail(PROOF_VERIFICATION("A previousProof is not exactly one of the document's proofs."))
            before = [other.proof for other in proofs if other.proof.get("id") in [*read.previous]]
            read.covered = {**unsecured, "proof": before}
        if read.problem is None and read.suite is not None:
            _configure(read, read.suite)


def _configure(read: ReadProof, suite: Cryptosuite) -> None:
    """Prepare what of the proof itself is signed.

    In RDF the contexts are the document's, so others in the proof would be signed by nobody; in JSON the proof's own
    are signed, and the document may have got more since (vc-di-eddsa, section 3.3.2, step 4).
    """
    contexts = read.covered.get("@context")
    if suite.is_rdf:
        if read.options.get("@context", contexts) != contexts:
            read.fail(PROOF_VERIFICATION("The proof's contexts are not those of the document."))
        read.template = configuration_by_template(read.covered, read.options, suite)
        read.configuration = {**read.options, "@context": contexts}
    elif "@context" in read.options:
        if not _starts_with(contexts, read.options["@context"]):
            read.fail(PROOF_VERIFICATION("The document's contexts do not begin with those of the proof."))
        if read.options["@context"] != contexts:
            read.covered = {**read.covered, "@context": read.options["@context"]}


def _starts_with(contexts: object, beginning: object) -> bool:
    first = beginning if isinstance(beginning, list) else [beginning]
    found = contexts if isinstance(contexts, list) else [contexts]
    return found[: len(first)] == first


def _require_said(proof: Document) -> None:
    """Refuse members that say nothing in RDF, or the same as others would: they could be added by anybody."""
    if silent := [name for name, value in proof.items() if value is None or value == []]:
        raise Malformed(f"The proof's {silent[0][:80]!r} says nothing; leave it out.")
    for name in ("id", "challenge", "nonce"):
        if not isinstance(proof.get(name, ""), str):
            raise Malformed(f"The {name} of a proof is a text.")
    if "domain" in proof and texts(proof["domain"]) is None:
        raise Malformed("The domain of a proof is a text, or a list of texts.")


def _url(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed("A proof names its verificationMethod by a URL.")
    return value


def _signature(text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("z") or len(text) > _LONGEST_PROOF_VALUE:
        raise Malformed("A proofValue is a signature in base58, after the letter z.")
    return base58.decode(text[1:])


def _previous(proof: Document) -> frozenset[str]:
    found = texts(proof["previousProof"]) if "previousProof" in proof else frozenset()
    if found is None:
        raise Malformed("A previousProof is the id of a proof, or a list of them.")
    return found


def _moment(proof: Document, name: str) -> datetime | None:
    return parse_date_time_stamp(proof[name]) if name in proof else None
