"""Verifies the embedded proofs of a document: one, a set, or a chain.

Source: Verifiable Credential Data Integrity 1.0, sections 4.4 (verify proof), 4.5 (sets and chains) and 4.7 (processing
errors). Each proof gets a result of its own; what was found wrong is told in the specification's words. Who may use a
key is asked of the controller document; whether its controller is the issuer is for the caller to compare.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from registry.domain.problem import Problem
from registry.errors import Malformed, Refused, UnknownVerificationMethod
from registry.securing.data_integrity import digest_of, hash_data
from registry.securing.jcs import canonical_json_beside
from registry.securing.problem import INVALID_VERIFICATION_METHOD, PROOF_TRANSFORMATION, PROOF_VERIFICATION
from registry.securing.proof_reading import Document, Expected, ReadProof, read_proofs, texts
from registry.securing.rdfc import Digest
from registry.securing.verification_method import VerificationMethodFound


class CanonicalOf(Protocol):
    """Documents → the canonical N-Quads of each, or why it has none; in their order.

    `Canonicaliser.canonicalise_all` is one. *digest* is what blank nodes are labelled by.
    """

    async def __call__(self, documents: Sequence[Document], digest: Digest = "sha256", /) -> Sequence[str | Refused]:
        """Canonicalise *documents*."""


KeyOf = Callable[[str, str], Awaitable[VerificationMethodFound]]
"""Verification method's URL, purpose → the method; raises `UnknownVerificationMethod` when it cannot be had."""

_Forms = Mapping[tuple[int, Digest], str | Refused]
"""Identity of a document in memory, digest → its canonical form."""


@dataclass(frozen=True, slots=True)
class ProofResult:
    """What one proof is worth; `problem` is None exactly when it is `verified`.

    `mechanism` is the cryptosuite (or `Ed25519Signature2020`), `controller` who controls the key; both are None where
    they could not be found out.
    """

    proof: dict[str, Any]
    mechanism: str | None
    verification_method: str | None
    controller: str | None
    created: datetime | None
    verified: bool
    problem: Problem | None


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
    given. A proof of a chain holds when those before it do. Raises only what *canonical_of* and *key_of* raise, such as
    `Unavailable`; that a key or a canonical form cannot be had is a problem of the proof.
    """
    wanted = None if domain is None else texts(domain if isinstance(domain, str) else tuple(domain))
    expected = Expected(purpose, now, challenge, wanted)
    [results] = await verify_all([document], canonical_of=canonical_of, key_of=key_of, expected=expected)
    return results


async def verify_all(
    documents: Sequence[Document], *, canonical_of: CanonicalOf, key_of: KeyOf, expected: Expected
) -> list[list[ProofResult]]:
    """Return the results of each of *documents*; all that must be canonicalised is handed over together."""
    cases = [[_Verifying(read) for read in read_proofs(document, expected)] for document in documents]
    every = [one for case in cases for one in case]
    for one in every:
        await one.find_key(key_of, expected)
    forms = await _canonical([part for one in every for part in one.rdf()], canonical_of)
    for one in every:
        await one.check(forms)
    for case in cases:
        _follow_chains(case)
    return [[one.result() for one in case] for case in cases]


class _Verifying:
    """A proof, its key, and whether it holds."""

    def __init__(self, read: ReadProof) -> None:
        self.read = read
        self.method: VerificationMethodFound | None = None
        self.holds = False

    async def find_key(self, key_of: KeyOf, expected: Expected) -> None:
        """Find the verification method, which may be used for this now."""
        url, suite = self.read.verification_method, self.read.suite
        if self.read.problem is not None or url is None or suite is None:
            return
        try:
            self.method = method = await key_of(url, expected.purpose)
        except UnknownVerificationMethod as error:
            self.read.fail(Problem(error.problem_type, error.title, error.detail))
            return
        if method.id != url or expected.purpose not in method.purposes:
            self.read.fail(INVALID_VERIFICATION_METHOD(f"The key of {url[:200]} is not for {expected.purpose}."))
        if method.key.algorithm not in suite.algorithms:
            self.read.fail(PROOF_VERIFICATION(f"{suite.name} takes no {method.key.algorithm} key."))
        for moment, what in ((method.expires, "expired"), (method.revoked, "was revoked")):
            if moment is not None and moment <= expected.now:
                self.read.fail(INVALID_VERIFICATION_METHOD(f"The key of {url[:200]} {what} at {moment.isoformat()}."))

    def rdf(self) -> list[tuple[Document, Digest]]:
        """Return what must be canonicalised in RDF: the document, and the configuration where no template is right."""
        if (
            self.read.problem is not None
            or self.method is None
            or self.read.suite is None
            or not self.read.suite.is_rdf
        ):
            return []
        digest = digest_of(self.method.key.algorithm)
        parts = [self.read.covered] if self.read.template is not None else [self.read.covered, self.read.configuration]
        return [(part, digest) for part in parts]

    async def check(self, forms: _Forms) -> None:
        """Check the signature."""
        if self.read.problem is not None or self.method is None:
            return
        parts = [forms[id(part), digest] for part, digest in self.rdf()]
        for form in parts:
            if isinstance(form, Refused):
                self.read.fail(PROOF_TRANSFORMATION(form.detail))
                return
        try:
            document, configuration = await self._canonical([str(form) for form in parts])
        except Malformed as error:
            self.read.fail(PROOF_TRANSFORMATION(error.detail))
            return
        key = self.method.key
        self.holds = key.verify(hash_data(configuration, document, key.algorithm), self.read.signature)
        if not self.holds:
            self.read.fail(PROOF_VERIFICATION("The signature is not this key's for this document."))

    async def _canonical(self, forms: list[str]) -> tuple[bytes, bytes]:
        """Return the canonical document and proof configuration."""
        if forms:
            template = self.read.template
            return forms[0].encode(), (forms[1] if template is None else template).encode()
        return await canonical_json_beside(self.read.covered), await canonical_json_beside(self.read.options)

    def result(self) -> ProofResult:
        """Return what the proof is worth."""
        read = self.read
        return ProofResult(
            proof=read.proof,
            mechanism=None if read.suite is None else read.suite.name,
            verification_method=read.verification_method,
            controller=None if self.method is None else self.method.controller,
            created=read.created,
            verified=self.holds and read.problem is None,
            problem=read.problem,
        )


async def _canonical(wanted: Sequence[tuple[Document, Digest]], canonical_of: CanonicalOf) -> _Forms:
    """Return the canonical forms of all that is *wanted*, each made once; one call for each digest (mostly one)."""
    forms: dict[tuple[int, Digest], str | Refused] = {}
    for digest in dict.fromkeys(digest for _, digest in wanted):
        parts = list({id(part): part for part, needed in wanted if needed == digest}.values())
        found = await canonical_of(parts, digest)
        forms |= {(id(part), digest): form for part, form in zip(parts, found, strict=True)}
    return forms


def _follow_chains(case: list[_Verifying]) -> None:
    """Fail every proof of a chain in which one before it does not hold; a cycle never begins to hold."""
    holding: set[object] = set()
    waiting = [one for one in case if one.holds]
    while ready := [one for one in waiting if holding.issuperset(one.read.previous)]:
        holding.update(id_ for one in ready if isinstance(id_ := one.read.proof.get("id"), str))
        waiting = [one for one in waiting if one not in ready]
    for one in waiting:
        one.read.fail(PROOF_VERIFICATION("A proof that this one follows does not hold."))
