"""Verifies the embedded proofs of a document: one, a set, or a chain.

Source: Verifiable Credential Data Integrity 1.0, sections 4.4 (verify proof), 4.5 (sets and chains) and 4.7 (processing
errors). Each proof gets a result of its own; what was found wrong is told in the specification's words. Who may use a
key is asked of the controller document; whether its controller is the issuer is for the caller to compare.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from registry.domain.problem import Problem
from registry.errors import Malformed, Refused, UnknownVerificationMethod
from registry.securing.data_integrity import digest_of, hash_data
from registry.securing.jcs import canonical_json_beside
from registry.securing.problem import INVALID_VERIFICATION_METHOD, PROOF_TRANSFORMATION, PROOF_VERIFICATION
from registry.securing.proof_reading import Document, Expected, ReadProof, read_proofs, texts
from registry.securing.rdfc import Digest
from registry.securing.verification_method import VerificationMethodFound

_UNFIT: Final = "The signature does not fit: the document was changed since it was signed, or another key signed it."


class CanonicalOf(Protocol):
    """Documents → the canonical N-Quads of each, or why it has none; in their order.

    `Canonicaliser.canonicalise_all` is one. *digest* is what blank nodes are labelled by.
    """

    async def __call__(self, documents: Sequence[Document], digest: Digest = "sha256", /) -> Sequence[str | Refused]:
        """Canonicalise *documents*."""


KeyOf = Callable[[str, str], Awaitable[VerificationMethodFound]]
"""Verification method's URL, purpose → the method; raises `UnknownVerificationMethod` when it cannot be had."""

_Form = Digest | Literal["json"]
"""In what form something is signed: as N-Quads, their blank nodes labelled by a digest, or as canonical JSON."""
_Forms = Mapping[tuple[int, _Form], bytes | Refused]
"""Identity of a document in memory, form → its canonical bytes, or why there are none."""


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
    await _find_keys(every, key_of, expected)
    for one in every:
        one.parts = one.wanted()
    forms = await _canonical([part for one in every for part in one.parts], canonical_of)
    for one in every:
        one.check(forms)
    for case in cases:
        _follow_chains(case)
    return [[one.result() for one in case] for case in cases]


class _Verifying:
    """A proof, its key, and whether it holds."""

    def __init__(self, read: ReadProof) -> None:
        self.read = read
        self.method: VerificationMethodFound | None = None
        self.parts: list[tuple[Document, _Form]] = []
        """What must be canonicalised for it."""
        self.holds = False

    def use(self, found: VerificationMethodFound | UnknownVerificationMethod, expected: Expected) -> None:
        """Take the verification method that was found, if it may be used for this now."""
        read, suite = self.read, self.read.suite
        assert suite is not None
        if isinstance(found, UnknownVerificationMethod):
            read.fail(Problem(found.problem_type, found.title, found.detail))
            return
        self.method = found
        url = str(read.verification_method)
        if found.id != url or expected.purpose not in found.purposes:
            read.fail(INVALID_VERIFICATION_METHOD(f"The key of {url[:200]} is not for {expected.purpose}."))
        if found.key.algorithm not in suite.algorithms:
            read.fail(PROOF_VERIFICATION(f"{suite.name} takes no {found.key.algorithm} key."))
        for moment, what in ((found.expires, "expired"), (found.revoked, "was revoked")):
            if moment is not None and moment <= expected.now:
                read.fail(INVALID_VERIFICATION_METHOD(f"The key of {url[:200]} {what} at {moment.isoformat()}."))

    def wanted(self) -> list[tuple[Document, _Form]]:
        """Return what must be canonicalised: the document, and the proof's configuration where no template is right."""
        read, method = self.read, self.method
        if read.problem is not None or method is None or read.suite is None:
            return []
        if not read.suite.is_rdf:
            return [(read.covered, "json"), (read.options, "json")]
        digest = digest_of(method.key.algorithm)
        parts = [read.covered] if read.template is not None else [read.covered, read.configuration]
        return [(part, digest) for part in parts]

    def check(self, forms: _Forms) -> None:
        """Check the signature."""
        if self.read.problem is not None or self.method is None:
            return
        canonical = [] if self.read.template is None else [self.read.template.encode()]
        for part, kind in reversed(self.parts):
            form = forms[id(part), kind]
            if isinstance(form, Refused):
                self.read.fail(PROOF_TRANSFORMATION(form.detail))
                return
            canonical.append(form)
        configuration, document = canonical
        key = self.method.key
        self.holds = key.verify(hash_data(configuration, document, key.algorithm), self.read.signature)
        if not self.holds:
            self.read.fail(PROOF_VERIFICATION(_UNFIT))

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


async def _find_keys(every: Sequence[_Verifying], key_of: KeyOf, expected: Expected) -> None:
    """Find the verification methods of all proofs at once, each of them one time."""
    waiting = [one for one in every if one.read.problem is None]
    urls = list(dict.fromkeys(str(one.read.verification_method) for one in waiting))
    asked = [_asked(url, key_of, expected) for url in urls]
    # a task costs as much as a third of a signature check, and nearly always there is one key
    found = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
    methods = dict(zip(urls, found, strict=True))
    for one in waiting:
        one.use(methods[str(one.read.verification_method)], expected)


async def _asked(url: str, key_of: KeyOf, expected: Expected) -> VerificationMethodFound | UnknownVerificationMethod:
    try:
        return await key_of(url, expected.purpose)
    except UnknownVerificationMethod as error:
        return error


async def _canonical(wanted: Sequence[tuple[Document, _Form]], canonical_of: CanonicalOf) -> _Forms:
    """Return the canonical forms of all that is *wanted*, each made once; one call for each digest (mostly one)."""
    forms: dict[tuple[int, _Form], bytes | Refused] = {}
    over_rdf: dict[Digest, dict[int, Document]] = {}
    for part, kind in wanted:
        if kind != "json":
            over_rdf.setdefault(kind, {})[id(part)] = part
        elif (id(part), kind) not in forms:
            forms[id(part), kind] = await _json(part)
    for digest, parts in over_rdf.items():
        found = await canonical_of(list(parts.values()), digest)
        for name, form in zip(parts, found, strict=True):
            forms[name, digest] = form if isinstance(form, Refused) else form.encode()
    return forms


async def _json(document: Document) -> bytes | Refused:
    try:
        return await canonical_json_beside(document)
    except Malformed as error:
        return error


def _follow_chains(case: list[_Verifying]) -> None:
    """Fail every proof of a chain in which one before it does not hold; a cycle never begins to hold."""
    holding: set[object] = set()
    waiting = [one for one in case if one.holds]
    while ready := [one for one in waiting if holding.issuperset(one.read.previous)]:
        holding.update(id_ for one in ready if isinstance(id_ := one.read.proof.get("id"), str))
        waiting = [one for one in waiting if one not in ready]
    for one in waiting:
        one.read.fail(PROOF_VERIFICATION("A proof that this one follows does not hold."))
