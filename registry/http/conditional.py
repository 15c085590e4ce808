"""Which representation a client gets, and whether it has it already (RFC 9110, sections 12 and 13)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from projections.status_lists.representation import EMBEDDED, STATUSLIST_CWT, STATUSLIST_JWT, VC_COSE, VC_JWT
from registry.errors import NotAcceptable

JSON_TYPES = (EMBEDDED, "application/ld+json", "application/json")
"""What a list with an embedded proof is, in the order we would choose; the bytes are the same."""

SIGNED_TYPES = (VC_JWT, VC_COSE, STATUSLIST_JWT, STATUSLIST_CWT)
"""What a list inside a JWS or COSE_Sign1 is."""

MEDIA_TYPES = (*JSON_TYPES, *SIGNED_TYPES)
"""What signed lists come as, in the order we would choose; no list comes as all of them."""

FORMS = {media_type: EMBEDDED if media_type in JSON_TYPES else media_type for media_type in MEDIA_TYPES}
"""Media type → the form of a published list that it names."""

REMEMBERED = 1024
"""Pairs of headers whose outcome is remembered; real clients send a few dozen."""

_LONGEST_REMEMBERED = 512
_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Choice:
    """The representation to send."""

    media_type: str
    is_gzip: bool


@dataclass(frozen=True, slots=True, eq=False)
class Preference:
    """What a client wants, whatever a list comes as; there is one object of each, so that it is a quick key."""

    media_types: tuple[str, ...]
    """All that it accepts, the best first."""
    is_gzip: bool

    def among(self, forms: tuple[str, ...]) -> Choice:
        """Return the best representation of a list that comes in *forms*; raise `NotAcceptable` when nothing fits."""
        for media_type in self.media_types:
            if FORMS[media_type] in forms:
                return Choice(media_type, self.is_gzip)
        available = [media_type for media_type in MEDIA_TYPES if FORMS[media_type] in forms]
        raise NotAcceptable(
            f"The list comes as {', '.join(available)}; accept one of them, or */*.", available=available
        )


class Negotiation:
    """Reads (Accept, Accept-Encoding), and remembers what they come to."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], Preference] = {}

    def prefer(self, accept: str | None, accept_encoding: str | None) -> Preference:
        """Return what the client wants; raise `NotAcceptable` when it takes neither gzip nor identity."""
        key = (accept, accept_encoding)
        known = self._known.get(key)
        if known is None:
            known = preference(accept, accept_encoding)
            if len(accept or "") + len(accept_encoding or "") <= _LONGEST_REMEMBERED:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known


def preference(accept: str | None, accept_encoding: str | None) -> Preference:
    """Return what the client wants by q-values; among equals, our order, and gzip before identity.

    Raises `NotAcceptable` for a client that takes neither coding.
    """
    ranges = _weights(accept) or {"*/*": 1.0}
    weights = {media_type: _media_weight(ranges, media_type) for media_type in MEDIA_TYPES}
    accepted = [media_type for media_type in MEDIA_TYPES if weights[media_type] > 0]
    codings = _weights(accept_encoding)
    gzip = codings.get("gzip", codings.get("x-gzip", codings.get("*", 0.0)))
    identity = codings.get("identity", codings.get("*", 0.001))  # acceptable unless it is excluded (section 12.5.3)
    if gzip <= 0 and identity <= 0:
        raise NotAcceptable("The list comes as gzip or uncompressed; accept one of them.")
    by_weight = sorted(accepted, key=weights.__getitem__, reverse=True)
    return _the_one(tuple(by_weight), gzip > 0 and gzip >= identity)


@cache
def _the_one(media_types: tuple[str, ...], is_gzip: bool) -> Preference:
    """Return the one object of a preference; seven media types have some 14,000 orders, and no more."""
    return Preference(media_types, is_gzip)


def _weights(header: str | None) -> dict[str, float]:
    """Return range → q of a header's parts; parameters other than q are left aside, parts that make no sense too."""
    weights: dict[str, float] = {}
    for part in _QUOTED.sub("", header or "").lower().split(","):
        name, *parameters = (one.strip() for one in part.split(";"))
        q = next((one[2:].strip() for one in parameters if one.startswith("q=")), "1")
        if name and _Q.fullmatch(q):
            weights[name] = max(float(q), weights.get(name, 0.0))
    return weights


def _media_weight(ranges: dict[str, float], media_type: str) -> float:
    """The q of the most specific range that covers *media_type* (section 12.5.1)."""
    main = media_type.partition("/")[0]
    for name in (media_type, f"{main}/*", "*/*", "*"):
        if name in ranges:
            return ranges[name]
    return 0.0


def is_match(if_none_match: str, *etags: str) -> bool:
    """Whether the client has one of *etags* (without quotes; weak comparison, section 13.1.2)."""
    if len(if_none_match) > 1 and if_none_match[0] == if_none_match[-1] == '"' and if_none_match[1:-1] in etags:
        return True  # as nearly every client sends it; a pattern would cost a request its share
    if if_none_match.strip() == "*":
        return True
    return any(found in etags for found in _ENTITY_TAG.findall(if_none_match))
