"""Which representation a client gets, and whether it has it already (RFC 9110, sections 12 and 13)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import NotAcceptable

MEDIA_TYPES = ("application/vc", "application/ld+json", "application/json")
"""What a signed list is, in the order we would choose; the bytes are the same."""

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


class Negotiation:
    """Chooses by (Accept, Accept-Encoding), and remembers what it chose."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], Choice] = {}

    def choose(self, accept: str | None, accept_encoding: str | None) -> Choice:
        """Return the best representation; raise `NotAcceptable` when truly nothing fits."""
        key = (accept, accept_encoding)
        known = self._known.get(key)
        if known is None:
            known = negotiate(accept, accept_encoding)
            if len(accept or "") + len(accept_encoding or "") <= _LONGEST_REMEMBERED:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key] = known
        return known


def negotiate(accept: str | None, accept_encoding: str | None) -> Choice:
    """Return the best representation by q-values; among equals, ours first, and gzip before identity.

    Raises `NotAcceptable`.
    """
    ranges = _weights(accept) or {"*/*": 1.0}
    best = max(MEDIA_TYPES, key=lambda media_type: _media_weight(ranges, media_type))
    if _media_weight(ranges, best) <= 0:
        raise NotAcceptable(f"The list comes as {', '.join(MEDIA_TYPES)}; accept one of them, or */*.")
    codings = _weights(accept_encoding)
    gzip = codings.get("gzip", codings.get("x-gzip", codings.get("*", 0.0)))
    identity = codings.get("identity", codings.get("*", 0.001))  # acceptable unless it is excluded (section 12.5.3)
    if gzip <= 0 and identity <= 0:
        raise NotAcceptable("The list comes as gzip or uncompressed; accept one of them.")
    return Choice(best, gzip > 0 and gzip >= identity)


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
