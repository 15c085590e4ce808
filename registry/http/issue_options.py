"""Which securing mechanism an issue request means (VCALM, issue credential, `options`). Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from registry.domain.mechanisms import EMBEDDED, Mechanism
from registry.errors import Malformed, NoFittingKey
from registry.http import documents
from registry.http.bodies import IssueOptions

EMBEDDED_TYPE: Final = "application/vc"
"""The media type of a credential with embedded proofs (VCDM 2.0, section 6.2)."""

CLAIMS: Final = frozenset({"status", "vc", "vp"})
"""Members that an envelope cannot hold: `status` is ours (Token Status List, section 6), the other two must not be
there (Securing Verifiable Credentials using JOSE and COSE, section 1.1.2.1). What credentials/v2 itself defines of
JWT's claims, such as `cnf`, may be."""


def meant(options: IssueOptions) -> frozenset[Mechanism]:
    """Return the mechanisms that fit every one of *options*: all of them if there are none."""
    fitting = frozenset(Mechanism)
    if options.mechanism is not None:
        fitting &= _named(options.mechanism.removeprefix("application/"))
    if options.cryptosuite is not None:
        fitting &= _named(options.cryptosuite) & EMBEDDED
    if options.media_type is not None:
        name = options.media_type
        fitting &= EMBEDDED if name == EMBEDDED_TYPE else _named(name.removeprefix("application/")) - EMBEDDED
    return fitting


def _named(name: str) -> frozenset[Mechanism]:
    return frozenset(one for one in Mechanism if one == name)


def chosen(allowed: Sequence[Mechanism], acceptable: Collection[Mechanism], document: dict[str, Any]) -> Mechanism:
    """Return the first of the issuer's *allowed* mechanisms that is *acceptable* and can secure *document*.

    Raises `Malformed`, naming what is allowed, and `NoFittingKey` when that is nothing.
    """
    usable = list(allowed)
    if not usable:
        raise NoFittingKey(
            "The registry holds no key that the issuer's mechanisms can sign with; set its `mechanisms` again, and one "
            "is made."
        )
    if documents.is_v1(document):
        usable = [one for one in allowed if one in EMBEDDED]
        if not usable:
            raise Malformed(
                f"{', '.join(allowed)} secure credentials of the data model 2.0, and this issuer allows nothing else; "
                "write the credential in 2.0, or have the issuer allow a Data Integrity cryptosuite.",
                pointer="/credential/@context",
                allowed=list(allowed),
            )
    if (first := next((one for one in usable if one in acceptable), None)) is None:
        whose = "for the data model 1.1 the issuer allows" if usable != list(allowed) else "the issuer allows"
        raise Malformed(
            f"Nothing fits what `options` asks for: {whose} {', '.join(usable)}.", pointer="/options", allowed=usable
        )
    if first not in EMBEDDED:
        _require_free(document, first)
    return first


def _require_free(document: dict[str, Any], mechanism: Mechanism) -> None:
    if taken := sorted(CLAIMS & document.keys()):
        raise Malformed(
            f"In {mechanism} the member `{taken[0]}` would be a claim about the token; call it otherwise, or choose an "
            "embedded proof.",
            pointer=f"/credential/{taken[0]}",
        )
