"""Contexts: what gives the document's words their meaning, and a signature its reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from registry.errors import UnknownContext
from registry.securing.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, ED25519_2020_V1, STATUS_V1
from registry.verifier.badges.rules import OB_CONTEXT
from registry.verifier.lint.examined import Examined
from registry.verifier.lint.rule import Rule, Severity, Trip, rule, shape
from registry.verifier.lint.verifiers import BADGE_VALIDATOR, DATA_MODEL_LIBRARY, EVERY, JSON_LD, STATUS_INDEX
from registry.verifier.structure.contexts import contexts

_DATA_INTEGRITY: Final = ("https://w3id.org/security/data-integrity/v1", DATA_INTEGRITY_V2)

context_order = shape(
    "context-order",
    contexts,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/helpers.js looks at the first context only)",
    source="VCDM 2.0, section 4.3; VCDM 1.1, section 4.1",
    remedy=f"Write `@context` as an array that begins with {CREDENTIALS_V2}.",
)


@rule(
    "context-both-versions",
    Severity.ERROR,
    fails_in=EVERY,
    source="JSON-LD 1.1, section 4.1.11",
    remedy="Keep the context of one version of the data model, the first one.",
)
def context_both_versions(examined: Examined) -> Iterator[Trip]:
    """Both versions protect the same terms and define them differently."""
    if {CREDENTIALS_V1, CREDENTIALS_V2} <= {one for one in examined.contexts if isinstance(one, str)}:
        yield "/@context", "The contexts of both versions of the data model are there, and each protects its terms."


@rule(
    "context-open-badges-missing",
    Severity.ERROR,
    fails_in=f"{BADGE_VALIDATOR}; {JSON_LD}",
    source="Open Badges 3.0, appendix B.1.2",
    remedy=f"Add {OB_CONTEXT}-3.0.3.json behind the context of the data model.",
)
def context_open_badges_missing(examined: Examined) -> Iterator[Trip]:
    """A badge without the Open Badges context has no defined achievement."""
    if examined.is_badge and not any(str(one).startswith(OB_CONTEXT) for one in examined.contexts):
        yield "/@context", "The badge has no context of Open Badges 3.0: nothing says what an achievement is."


@rule(
    "context-unversioned",
    Severity.WARNING,
    fails_in="verifiers that pin contexts (wallets, this registry): the file behind that address was changed",
    source="1EdTech/openbadges-specification, ob_v3p0/context.json against context-3.0.3.json",
    remedy=f"Name a version that stays as it is, such as {OB_CONTEXT}-3.0.3.json.",
)
def context_unversioned(examined: Examined) -> Iterator[Trip]:
    """The unversioned addresses of 1EdTech answered with different files over time."""
    for index, one in enumerate(examined.contexts):
        if one in (f"{OB_CONTEXT}.json", "https://purl.imsglobal.org/spec/clr/v2p0/context.json"):
            yield f"/@context/{index}", f"{one} names no version."


@rule(
    "context-catch-all",
    Severity.WARNING,
    fails_in="nobody at once; but a misspelt member is signed as a claim that no one will ever read",
    source="VCDM 2.0, section 5.2",
    remedy="Define the terms you use in a context of your own, and leave `@vocab` out.",
)
def context_catch_all(examined: Examined) -> Iterator[Trip]:
    """`@vocab` gives every unknown word a meaning."""
    for index, one in enumerate(examined.contexts):
        if isinstance(one, Mapping) and one.get("@vocab") is not None:
            yield f"/@context/{index}/@vocab", "A catch-all vocabulary hides terms that nothing defines."


@rule(
    "context-inline",
    Severity.WARNING,
    fails_in="verifiers that accept only contexts they know by their address",
    source="VC Data Integrity 1.0, section 2.4.1",
    remedy="Publish the context under an address, and name it.",
)
def context_inline(examined: Examined) -> Iterator[Trip]:
    """A context inside the document cannot be known beforehand."""
    for index, one in enumerate(examined.contexts):
        if isinstance(one, Mapping) and set(one) - {"@vocab"}:
            yield f"/@context/{index}", "The document brings a context of its own."


@rule(
    "context-suite-missing",
    Severity.ERROR,
    fails_in=JSON_LD,
    source="VC Data Integrity 1.0, section 2.4.2",
    remedy=f"Add {ED25519_2020_V1} for Ed25519Signature2020; for DataIntegrityProof use the data model 2.0, or add "
    f"{DATA_INTEGRITY_V2}.",
)
def context_suite_missing(examined: Examined) -> Iterator[Trip]:
    """The terms of a proof are defined by the data model 2.0 (DataIntegrityProof), or by the suite's own context."""
    for proof, where in examined.proofs:
        match proof.get("type"):
            case "Ed25519Signature2020" if ED25519_2020_V1 not in examined.contexts:
                yield where, "No context defines the terms of Ed25519Signature2020."
            case "DataIntegrityProof" if examined.is_v1 and not any(
                one in examined.contexts for one in _DATA_INTEGRITY
            ):
                yield where, "The data model 1.1 does not define DataIntegrityProof, and no other context does."


@rule(
    "context-status-missing",
    Severity.ERROR,
    fails_in="verifiers built on digitalbazaar/vc-bitstring-status-list, which then see no status; and " + JSON_LD,
    source=STATUS_INDEX,
    remedy=f"Add {STATUS_V1}, or use the data model 2.0, which has these terms.",
)
def context_status_missing(examined: Examined) -> Iterator[Trip]:
    """The data model 1.1 does not know bitstring status lists."""
    if not examined.is_v1 or STATUS_V1 in examined.contexts:
        return
    for _, where in examined.bitstring_entries:
        yield where, "The data model 1.1 does not define a BitstringStatusListEntry, and no other context does."


@rule(
    "context-unknown",
    Severity.WARNING,
    fails_in="verifiers that never fetch contexts: wallets that are offline, this registry",
    source="VC Data Integrity 1.0, section 2.4.1",
    remedy="Use contexts that verifiers bundle, or have yours pinned where it is verified.",
)
def context_unknown(examined: Examined) -> Iterator[Trip]:
    """Contexts that are not pinned here are hardly pinned elsewhere."""
    if isinstance(examined.refusal, UnknownContext):
        url = str(examined.refusal.extra.get("context", ""))
        index = examined.contexts.index(url) if url in examined.contexts else None
        yield "/@context" if index is None else f"/@context/{index}", f"{url or 'A context'} is not known here."


@rule(
    "terms-lost",
    Severity.ERROR,
    fails_in=JSON_LD,
    source="JSON-LD 1.1 Processing Algorithms and API, section 5.1.2",
    remedy="Define the term or type in a context, write ids as absolute URLs, or leave it out.",
)
def terms_lost(examined: Examined) -> Iterator[Trip]:
    """What no context defines is dropped before signing: it can be changed afterwards."""
    if examined.refusal is not None and not isinstance(examined.refusal, UnknownContext):
        yield "", examined.refusal.detail


RULES: Final[tuple[Rule, ...]] = (
    context_order,
    context_both_versions,
    context_open_badges_missing,
    context_unversioned,
    context_catch_all,
    context_inline,
    context_suite_missing,
    context_status_missing,
    context_unknown,
    terms_lost,
)
