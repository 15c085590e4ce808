"""The verifier's two questions, answered here: canonical forms in this process, keys of DIDs that are their keys."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from registry.domain.mechanisms import Mechanism
from registry.errors import Malformed, Refused
from registry.securing.contexts import Contexts, load_contexts
from registry.securing.data_integrity import digest_of
from registry.securing.did import resolve_here
from registry.securing.problem import INVALID_DOCUMENT
from registry.securing.proofs import CanonicalOf, ProofResult, verify_proofs
from registry.securing.rdf import Processor, canonicalise_here
from registry.securing.rdfc import Digest
from registry.securing.secure import Secured, secure
from registry.securing.verification_method import VerificationMethodFound, controller_of, method_in, unknown
from tests.securing.signers import AnySigner, method_of

CREATED = datetime(2025, 6, 1, 12, 30, 15, 999_999, tzinfo=UTC)
NOW = datetime(2025, 7, 1, tzinfo=UTC)

KeyOf = Callable[[str, str], Awaitable[VerificationMethodFound]]


@cache
def processor() -> Processor:
    return Processor(load_contexts())


def canonical_with(contexts: Contexts | Processor) -> CanonicalOf:
    """Canonicalise like a worker, but here."""
    memory = contexts if isinstance(contexts, Processor) else Processor(contexts)

    def form(document: Any, digest: Digest) -> str | Refused:
        try:
            return canonicalise_here(document, memory, digest)
        except Refused as error:
            return error

    async def canonicalise(documents: Sequence[Any], digest: Digest = "sha256", /) -> list[str | Refused]:
        return [form(document, digest) for document in documents]

    return canonicalise


async def did_key_method(url: str, purpose: str) -> VerificationMethodFound:
    try:
        return method_in(resolve_here(controller_of(url)), url, purpose)
    except Malformed as error:
        raise unknown(INVALID_DOCUMENT(error.detail)) from error


async def verified(
    document: Any, canonical_of: CanonicalOf | None = None, *, key_of: KeyOf = did_key_method, **expected: Any
) -> list[ProofResult]:
    """The results of all proofs, by default for a credential that is verified a month after it was signed."""
    wanted = {"purpose": "assertionMethod", "now": NOW} | expected
    return await verify_proofs(
        document, canonical_of=canonical_of or canonical_with(processor()), key_of=key_of, **wanted
    )


def secured(document: dict[str, Any], mechanism: Mechanism, signer: AnySigner, **how: Any) -> Secured:
    """*document* secured by the signer's did:key."""
    is_rdf = "-rdfc-" in mechanism or how.get("ed25519_2020")
    return secure(
        document,
        mechanism,
        signer=signer,
        verification_method=method_of(signer),
        created=CREATED,
        canonical=canonicalise_here(document, processor(), digest_of(signer.algorithm)) if is_rdf else None,
        **how,
    )


def embedded(document: dict[str, Any], mechanism: Mechanism, signer: AnySigner, **how: Any) -> dict[str, Any]:
    """*document* with its proof, as it comes back from the wire."""
    made: dict[str, Any] = json.loads(secured(document, mechanism, signer, **how).content)
    return made
