"""Verifies the embedded proofs of a document: one, a set, or a chain.

Source: Verifiable Credential Data Integrity 1.0, sections 4.4 (verify proof), 4.5 (sets and chains) and 4.7 (processing
errors). Each proof gets a result of its own; what was found wrong is told in the specification's words. Who may use a
key is asked of the controller document; whether its controller is the issuer is for the caller to compare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import base58

from registry.domain.problem import Problem
from registry.errors import Malformed, Refused, UnknownVerificationMethod
from registry.securing.data_integrity import Cryptosuite, configuration_by_template, cryptosuite_of, hash_data
from registry.securing.jcs import canonical_json
from registry.securing.moment import parse_date_time_stamp
from registry.securing.problem import (
    INVALID_CHALLENGE,
    INVALID_DOMAIN,
    INVALID_VERIFICATION_METHOD,
    PROOF_TRANSFORMATION,
    PROOF_VERIFICATION,
)
from registry.securing.verification_method import VerificationMethodFound

Document = Mapping[str, Any]
CanonicalOf = Callable[[Sequence[Document]], Awaitable[Sequence[str | Refused]]]
"""Documents → the canonical N-Quads of each, or why it has none; in their order (`Canonicaliser.canonicalise_all`)."""
KeyOf = Callable[[str, str], Awaitable[VerificationMethodFound]]
"""Verification method's URL, purpose → the method; raises `UnknownVerificationMethod` when it cannot be had."""

MAX_PROOFS: Final = 16
"""Proofs of one document; more are refused unread."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far in the future a proof may say it was made."""
_LONGEST_PROOF_VALUE: Final = 200
_LONG_DOCUMENT: Final = 500
"""Values from which on a document is hashed beside the event loop."""


@dataclass(frozen=True, slots=True)
class ProofResult:
    """What one proof is worth; `problem` is None exactly when it is `verified`.

    `mechanism` is the cryptosuite (or `Ed25519Signature2020`), `controller` who controls the key; both are None where
    they could not be found out.
    """

    proof: dict[str, Any]
    mechanism: str | None = None
    verification_method: str | None = None
    controller: str | None = None
    created: datetime | None = None
    verified: bool = False
    problem: Problem | None = None


async def verify_proofs(
    document: Document,
    *,
    canonical_of: CanonicalOf,
    key_of: KeyOf,
    purpose: str,
    now: datetime,
    challenge: str | None = None,
    domain: str | Sequence[str] | None = None,
) -> list[ProofResult]:
    """Return the result of every proof of *document*, in its order; an empty list when it has none.

    All of them must be made for *purpose*, and hold at *now*; *challenge* and *domain* are compared where they are
    given. A proof of a chain holds when those before it do. Raises only what *canonical_of* and *key_of* raise beside
    `Malformed` errors and `UnknownVerificationMethod`, such as `Unavailable`.
    """
    [results] = await verify_all(
        [document],
        canonical_of=canonical_of,
        key_of=key_of,
        expected=Expected(purpose, now, challenge, None if domain is None else _texts(domain)),
    )
    return results


@dataclass(frozen=True, slots=True)
class Expected:
    """What the verifier expects of every proof."""

    purpose: str
    now: datetime
    challenge: str | None = None
    domain: frozenset[str] | None = None


async def verify_all(
    documents: Sequence[Document], *, canonical_of: CanonicalOf, key_of: KeyOf, expected: Expected
) -> list[list[ProofResult]]:
    """Return the results of each of *documents*, with one call of *canonical_of* for all of them together."""
    cases = [_Case.of(document, expected) for document in documents]
    wanted = [part for case in cases for proof in case.proofs for part in proof.rdf]
    distinct = list({id(part): part for part in wanted}.values())
    forms = dict(zip(map(id, distinct), await canonical_of(distinct) if distinct else (), strict=True))
    return [await case.results(forms, key_of, expected) for case in cases]


@dataclass(slots=True, eq=False)
class _Proof:
    """A proof while it is being verified; whoever finds something wrong sets `result.problem`."""

    result: ProofResult
    suite: Cryptosuite | None = None
    signature: bytes = b""
    previous: tuple[str, ...] = ()
    covered: Document = field(default_factory=dict)
    """The document that the proof secures: without any proof, or, in a chain, with those before it."""
    options: dict[str, Any] = field(default_factory=dict)
    """The proof without its proofValue."""
    template: str | None = None
    configuration: Document = field(default_factory=dict)

    @property
    def rdf(self) -> list[Document]:
        """What must be canonicalised in RDF for it."""
        if self.result.problem is not None or self.suite is None or not self.suite.is_rdf:
            return []
        return [self.covered] if self.template is not None else [self.covered, self.configuration]

    def fail(self, problem: Problem) -> None:
        """Tell what is wrong; the first thing found counts."""
        if self.result.problem is None:
            self.result = replace(self.result, problem=problem, verified=False)


@dataclass(slots=True)
class _Case:
    """One document with its proofs."""

    document: Document
    proofs: list[_Proof]

    @classmethod
    def of(cls, document: Document, expected: Expected) -> _Case:
        """Read the proofs, as far as that needs neither keys nor canonical forms."""
        found = document.get("proof", [])
        listed = found if isinstance(found, list) else [found]
        if len(listed) > MAX_PROOFS:
            problem = PROOF_VERIFICATION(f"More than {MAX_PROOFS} proofs of one document are not read.")
            return cls(document, [_Proof(ProofResult({}, problem=problem))])
        proofs = [_read(proof, expected) for proof in listed]
        case = cls(document, proofs)
        case._cover()
        return case

    def _cover(self) -> None:
        """Give every proof the document that it secures (section 4.5)."""
        unsecured = {name: value for name, value in self.document.items() if name != "proof"}
        by_id: dict[str, list[dict[str, Any]]] = {}
        for proof in self.proofs:
            if isinstance(id_ := proof.result.proof.get("id"), str):
                by_id.setdefault(id_, []).append(proof.result.proof)
        for proof in self.proofs:
            if any(len(by_id.get(id_, ())) != 1 for id_ in proof.previous):
                proof.fail(PROOF_VERIFICATION("A previousProof is not exactly one of the document's proofs."))
            matching = [one.result.proof for one in self.proofs if one.result.proof.get("id") in proof.previous]
            proof.covered = {**unsecured, "proof": matching} if matching else unsecured
            if proof.suite is not None and proof.result.problem is None:
                _configure(proof, proof.suite)

    async def results(self, forms: Mapping[int, str | Refused], key_of: KeyOf, expected: Expected) -> list[ProofResult]:
        """Verify every signature, then the chains."""
        for proof in self.proofs:
            if proof.result.problem is None and proof.suite is not None:
                await _verify(proof, proof.suite, forms, key_of, expected)
        self._follow_chains()
        is_set = isinstance(self.document.get("proof"), list)
        return [_placed(proof.result, f"/proof/{n}" if is_set else "/proof") for n, proof in enumerate(self.proofs)]

    def _follow_chains(self) -> None:
        """Fail every proof of a chain in which one before it does not hold; a cycle never begins to hold."""
        holding: set[str] = set()
        grounded: list[_Proof] = []
        waiting = [proof for proof in self.proofs if proof.result.verified]
        while ready := [proof for proof in waiting if holding.issuperset(proof.previous)]:
            waiting = [proof for proof in waiting if proof not in ready]
            grounded.extend(ready)
            holding.update(id_ for proof in ready if isinstance(id_ := proof.result.proof.get("id"), str))
        for proof in waiting:
            proof.fail(PROOF_VERIFICATION("A proof that this one follows does not hold."))


def _placed(result: ProofResult, pointer: str) -> ProofResult:
    """Return *result*, whose problem says where it is."""
    return result if result.problem is None else replace(result, problem=replace(result.problem, pointer=pointer))


def _read(proof: object, expected: Expected) -> _Proof:
    """Return *proof* with what can be seen from itself: members, moments, purpose, domain and challenge."""
    if not isinstance(proof, dict):
        return _Proof(ProofResult({}, problem=PROOF_VERIFICATION("A proof is an object.")))
    method = proof.get("verificationMethod")
    read = _Proof(ProofResult(proof, verification_method=method if isinstance(method, str) else None))
    try:
        read.suite = cryptosuite_of(proof)
        read.result = replace(read.result, mechanism=read.suite.name)
        if read.result.verification_method is None:
            raise Malformed("A proof names its verificationMethod by a URL.")
        read.signature = _signature(proof.get("proofValue"))
        read.previous = tuple(sorted(_texts(proof.get("previousProof", ()))))
        if "created" in proof:
            read.result = replace(read.result, created=parse_date_time_stamp(proof["created"]))
        expires = parse_date_time_stamp(proof["expires"]) if "expires" in proof else None
    except Malformed as error:
        read.fail(PROOF_VERIFICATION(error.detail))
        return read
    read.options = {name: value for name, value in proof.items() if name != "proofValue"}
    if (problem := _unexpected(proof, read.result.created, expires, expected)) is not None:
        read.fail(problem)
    return read


def _unexpected(
    proof: Document, created: datetime | None, expires: datetime | None, expected: Expected
) -> Problem | None:
    """Return what about *proof* is not as the verifier expects it (section 4.4)."""
    if proof.get("proofPurpose") != expected.purpose:
        return PROOF_VERIFICATION(f"The proof's purpose is not {expected.purpose}.")
    if expires is not None and expires <= expected.now:
        return PROOF_VERIFICATION(f"The proof expired at {proof['expires']}.")
    if created is not None and created > expected.now + CLOCK_SKEW:
        return PROOF_VERIFICATION(f"The proof says that it was made in the future, at {proof['created']}.")
    if expected.domain is not None and _texts_or_none(proof.get("domain")) != expected.domain:
        return INVALID_DOMAIN("The proof's domain is not the one that was asked for.")
    if expected.challenge is not None and proof.get("challenge") != expected.challenge:
        return INVALID_CHALLENGE("The proof's challenge is not the one that was given.")
    return None


def _configure(proof: _Proof, suite: Cryptosuite) -> None:
    """Prepare what of the proof itself is signed."""
    contexts = proof.covered.get("@context")
    if suite.is_rdf:
        if proof.options.get("@context", contexts) != contexts:
            proof.fail(PROOF_VERIFICATION("The proof's contexts are not those of the document."))
        proof.template = configuration_by_template(proof.covered, proof.options, suite)
        proof.configuration = {**proof.options, "@context": contexts}
    elif "@context" in proof.options:
        if not _starts_with(contexts, proof.options["@context"]):
            proof.fail(PROOF_VERIFICATION("The document's contexts do not begin with those of the proof."))
        proof.covered = {**proof.covered, "@context": proof.options["@context"]}


async def _verify(
    proof: _Proof, suite: Cryptosuite, forms: Mapping[int, str | Refused], key_of: KeyOf, expected: Expected
) -> None:
    try:
        method = await _method(proof, suite, key_of, expected)
        proof.result = replace(proof.result, controller=method.controller)
        hashed = await _hashed(proof, suite, forms, method.key.algorithm)
    except _Failed as failure:
        proof.fail(failure.problem)
        return
    if method.key.verify(hashed, proof.signature):
        proof.result = replace(proof.result, verified=True)
    else:
        proof.fail(PROOF_VERIFICATION("The signature is not this key's for this document."))


async def _method(proof: _Proof, suite: Cryptosuite, key_of: KeyOf, expected: Expected) -> VerificationMethodFound:
    """Return the verification method of *proof*, which may be used for it now."""
    url = proof.result.verification_method or ""
    try:
        method = await key_of(url, expected.purpose)
    except UnknownVerificationMethod as error:
        raise _Failed(Problem(error.problem_type, error.title, error.detail)) from error
    if method.id != url or expected.purpose not in method.purposes:
        raise _Failed(INVALID_VERIFICATION_METHOD(f"The key of {url[:200]} is not for {expected.purpose}."))
    if method.key.algorithm not in suite.algorithms:
        raise _Failed(PROOF_VERIFICATION(f"{suite.name} takes no {method.key.algorithm} key."))
    for moment, what in ((method.expires, "expired"), (method.revoked, "was revoked")):
        if moment is not None and moment <= expected.now:
            raise _Failed(INVALID_VERIFICATION_METHOD(f"The key of {url[:200]} {what} at {moment.isoformat()}."))
    return method


async def _hashed(proof: _Proof, suite: Cryptosuite, forms: Mapping[int, str | Refused], algorithm: str) -> bytes:
    """Return what the signature must be of."""
    if suite.is_rdf:
        canonical = [_form(forms[id(part)]) for part in proof.rdf]
        configuration = proof.template if proof.template is not None else canonical[1]
        return hash_data(configuration.encode(), canonical[0].encode(), algorithm)
    try:
        return hash_data(canonical_json(proof.options), canonical_json(dict(proof.covered)), algorithm)
    except Malformed as error:
        raise _Failed(PROOF_TRANSFORMATION(error.detail)) from error


def _form(form: str | Refused) -> str:
    if isinstance(form, Refused):
        raise _Failed(PROOF_TRANSFORMATION(form.detail))
    return form


class _Failed(Exception):
    """A proof does not hold."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def _signature(text: object) -> bytes:
    if isinstance(text, str) and text.startswith("z") and len(text) <= _LONGEST_PROOF_VALUE:
        try:
            return base58.b58decode(text[1:])
        except ValueError:
            pass
    raise Malformed("A proofValue is a signature in base58, after the letter z.")


def _texts(value: object) -> frozenset[str]:
    """Return the strings that *value* is: one, or a list of them."""
    found = _texts_or_none(value)
    if found is None:
        raise Malformed("A previousProof and a domain are a text, or a list of texts.")
    return found


def _texts_or_none(value: object) -> frozenset[str] | None:
    values = value if isinstance(value, list | tuple | set | frozenset) else [value]
    texts = [one for one in values if isinstance(one, str)]
    return frozenset(texts) if len(texts) == len(values) else None


def _starts_with(contexts: object, beginning: object) -> bool:
    first = beginning if isinstance(beginning, list) else [beginning]
    found = contexts if isinstance(contexts, list) else [contexts]
    return found[: len(first)] == first
