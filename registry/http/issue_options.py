"""Which securing mechanism an issue request means (VCALM, issue credential, `options`). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from registry.domain.mechanisms import EMBEDDED, Mechanism
from registry.errors import Malformed, NoFittingKey
from registry.http import documents
from registry.http.bodies import IssueOptions

_Meaning = Mapping[str, frozenset[Mechanism]]

_ITSELF: Final[_Meaning] = {str(one): frozenset({one}) for one in Mechanism}
_SUITES: Final[_Meaning] = {name: found for name, found in _ITSELF.items() if found <= EMBEDDED}
_MEDIA_TYPES: Final[_Meaning] = {
    "application/vc": EMBEDDED,
    **{f"application/{name}": found for name, found in _ITSELF.items() if name not in _SUITES},
}
"""Of VCDM 2.0, section 6.2, and Securing Verifiable Credentials using JOSE and COSE, section 6.1."""

CLAIMS: Final = frozenset({"status", "vc", "vp"})
"""Members that an envelope cannot hold: `status` is ours (Token Status List, section 6), the other two must not be
there (Securing Verifiable Credentials using JOSE and COSE, section 1.1.2.1). What credentials/v2 itself defines of
JWT's claims, such as `cnf`, may be."""


def meant(options: IssueOptions) -> frozenset[Mechanism]:
    """Return the mechanisms that fit every one of *options*: all of them if there are none."""
    fitting = frozenset(Mechanism)
    for given, meanings in (
        (options.mechanism, {**_ITSELF, **_MEDIA_TYPES}),
        (options.cryptosuite, _SUITES),
        (options.media_type, _MEDIA_TYPES),
    ):
        if given is not None:
            fitting &= meanings.get(given, frozenset())
    return fitting


def chosen(allowed: Sequence[Mechanism], acceptable: Collection[Mechanism], document: dict[str, Any]) -> Mechanism:
    """Return the first of the issuer's *allowed* mechanisms that is *acceptable* and can secure *document*.

    Raises `Malformed`, naming what is allowed, and `NoFittingKey` when that is nothing.
    """
    able = _able(allowed, document)
    for mechanism in able:
        if mechanism in acceptable:
            _require_free(document, mechanism)
            return mechanism
    where = " for the data model 1.1" if len(able) < len(allowed) else ""
    raise Malformed(
        f"Nothing fits what `options` asks for; the issuer allows {', '.join(able)}{where}. "
        "Its operator allows more: PATCH /issuers/{slug} with `mechanisms`.",
        pointer="/options",
        allowed=able,
    )


def _able(allowed: Sequence[Mechanism], document: dict[str, Any]) -> list[Mechanism]:
    """Those of *allowed* that secure the data model of *document*: an envelope holds 2.0 only."""
    if not allowed:
        raise NoFittingKey(
            "The registry holds no key that the issuer's mechanisms can sign with; set its `mechanisms` again, and one "
            "is made."
        )
    able = [one for one in allowed if one in EMBEDDED or not documents.is_v1(document)]
    if not able:
        raise Malformed(
            f"{' and '.join(allowed)} secure credentials of the data model 2.0, and the issuer allows nothing else; "
            "write the credential in 2.0, or have the issuer allow a Data Integrity cryptosuite.",
            pointer="/credential/@context",
            allowed=list(allowed),
        )
    return able


def _require_free(document: dict[str, Any], mechanism: Mechanism) -> None:
    taken = sorted(CLAIMS & document.keys())
    if taken and mechanism not in EMBEDDED:
        raise Malformed(
            f"In {mechanism} the member `{taken[0]}` would be a claim about the token; call it otherwise, or choose an "
            "embedded proof.",
            pointer=f"/credential/{taken[0]}",
        )
