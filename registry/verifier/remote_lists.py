"""Status lists of others, once their signatures were found good: what they say, and for how long.

All pure. Sources: Bitstring Status List 1.0, sections 2.2 and 3.2; Status List 2021; IETF Token Status List, sections
4 and 5; 1EdTech Revocation List Status Method 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from registry.domain import problem
from registry.errors import Malformed
from registry.inflating import inflated
from registry.securing import base64url
from registry.securing.moment import parse_date_time_stamp
from registry.securing.status_token import token_of
from registry.verifier.status_entry import Entry, Kind, malformed

MAX_LIST_BYTES: Final = 8 * 1024 * 1024
"""The largest list that is inflated: 67 million entries of one bit."""
MINIMUM_ENTRIES: Final = 131_072
"""For herd privacy (Bitstring Status List, section 3.2)."""

_TYPES: Final = {
    Kind.BITSTRING: ("BitstringStatusListCredential", "BitstringStatusList"),
    Kind.LIST_2021: ("StatusList2021Credential", "StatusList2021"),
}


@dataclass(frozen=True, slots=True)
class RemoteList:
    """A list that can be read until `valid_until`."""

    kind: Kind
    issuer: str | None
    """None only for a 1EdTech list that names none."""
    purposes: frozenset[str]
    entries: bytes = b""
    """Inflated."""
    size_bits: int | None = None
    """Of an entry; None: the credential says."""
    revoked: Mapping[str, str] = field(default_factory=dict)
    """Credential id → reason, of a 1EdTech list."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    ttl_s: float | None = None
    methods: frozenset[str] = frozenset()
    """The verification methods whose signatures hold."""

    def value_at(self, entry: Entry) -> int:
        """Return the value of *entry*.

        Raises `Malformed` with the specification's `problem_type` for a list that is too short, or has no such entry.
        """
        size_bits = self.size_bits or entry.size_bits
        count = len(self.entries) * 8 // size_bits
        if self.kind is not Kind.TOKEN and count < MINIMUM_ENTRIES:
            raise Malformed(
                f"The list has {count} entries; fewer than {MINIMUM_ENTRIES} do not hide whose status is read.",
                problem_type=problem.STATUS_LIST_LENGTH_ERROR,
            )
        if entry.index >= count:
            raise Malformed(
                f"The list has {count} entries, so none of index {entry.index}.", problem_type=problem.RANGE_ERROR
            )
        if self.kind is Kind.TOKEN:
            return least_significant_first(self.entries, entry.index, size_bits)
        return most_significant_first(self.entries, entry.index, size_bits)


def bitstring_list(document: Mapping[str, Any], kind: Kind, methods: frozenset[str]) -> RemoteList:
    """Return the list in the status list credential *document*; *methods* signed it.

    Raises `Malformed`: a value that is not as section 2.2 has it is a MALFORMED_VALUE_ERROR (section 3). Takes some
    milliseconds for a large list.
    """
    type_, subject_type = _TYPES[kind]
    subject = document.get("credentialSubject")
    if isinstance(subject, list) and len(subject) == 1:
        subject = subject[0]
    if type_ not in _texts(document, "type"):
        raise malformed(f"What lies there is no {type_}.")
    if not isinstance(subject, Mapping) or subject_type not in _texts(subject, "type"):
        raise malformed(f"The credentialSubject of a {type_} is one {subject_type}.")
    if not (purposes := frozenset(_texts(subject, "statusPurpose"))):
        raise malformed("The list does not say what it is for (statusPurpose).")
    return RemoteList(
        kind,
        issuer_of(document),
        purposes,
        _encoded_list(subject.get("encodedList"), kind),
        valid_from=_moment(document, "validFrom", "issuanceDate"),
        valid_until=_moment(document, "validUntil", "expirationDate"),
        ttl_s=_ttl_s(subject.get("ttl")),
        methods=methods,
    )


def token_list(claims: Mapping[str, Any], url: str, issuer: str, methods: frozenset[str]) -> RemoteList:
    """Return the list in the *claims* of a status list token found at *url*, signed with *methods* of *issuer*.

    Raises `Malformed`. Its `sub` must be the URL (section 5.1), or another list would do.
    """
    token = token_of(claims)
    if token.sub != url:
        raise unusable(f"The token found there is about another list: {token.sub[:200]}.")
    try:
        entries = inflated(token.lst, "deflate", max_bytes=MAX_LIST_BYTES)
    except Malformed as error:
        raise unusable(f"The status list cannot be read. {error}") from error
    return RemoteList(
        Kind.TOKEN,
        issuer,
        frozenset({"token"}),
        entries,
        size_bits=token.bits,
        valid_from=_seconds(token.iat),
        valid_until=None if token.exp is None else _seconds(token.exp),
        ttl_s=token.ttl,
        methods=methods,
    )


def revocation_list(document: object, url: str) -> RemoteList:
    """Return the 1EdTech list *document* found at *url*; raise `Malformed`.

    It is not signed: that it comes from the URL which the signed credential names, over TLS, is all there is. Found
    in the field: an object with `revokedCredential` (or the plural), a bare array; of objects, of ids.
    """
    listed: object = document
    issuer = None
    if isinstance(document, Mapping):
        if document.get("id") not in (None, url):
            raise unusable(f"The list found there is another: {str(document.get('id'))[:200]}.")
        issuer = None if document.get("issuer") is None else issuer_of(document)
        listed = document.get("revokedCredential", document.get("revokedCredentials"))
    if isinstance(listed, Mapping):
        listed = [listed]
    if not isinstance(listed, list):
        raise unusable("A revocation list has revokedCredential, an array.")
    revoked = dict(_revoked(one) for one in listed if not (isinstance(one, Mapping) and one.get("revoked") is False))
    return RemoteList(Kind.REVOCATION_LIST, issuer, frozenset({"revocation"}), revoked=revoked)


def unusable(detail: str) -> Malformed:
    """Return the error for a list that proves nothing."""
    return Malformed(detail, problem_type=problem.STATUS_VERIFICATION_ERROR)


def issuer_of(document: Mapping[str, Any]) -> str:
    """Return the id of the issuer that *document* names; raise `Malformed`."""
    issuer = document.get("issuer")
    found = issuer.get("id") if isinstance(issuer, Mapping) else issuer
    if not isinstance(found, str) or not found:
        raise unusable("The list does not name its issuer.")
    return found


def _revoked(one: object) -> tuple[str, str]:
    if isinstance(one, str):
        return one, ""
    if isinstance(one, Mapping) and isinstance(one.get("id"), str):
        return one["id"], str(one.get("revocationReason") or "")
    raise unusable("A revoked credential is an object with an id.")


def _encoded_list(encoded: object, kind: Kind) -> bytes:
    if not isinstance(encoded, str):
        raise malformed("The list has no encodedList.")
    if encoded.startswith("u") and (kind is Kind.BITSTRING or encoded.startswith("uH4s")):
        text = encoded[1:]
    elif kind is Kind.LIST_2021:  # its drafts had base64 with and without padding, in both alphabets
        text = encoded.rstrip("=").translate(_TO_BASE64URL)
    else:
        raise malformed("An encodedList begins with the multibase prefix u (base64url without padding).")
    try:
        return inflated(base64url.decode(text, "The encodedList"), "gzip", max_bytes=MAX_LIST_BYTES)
    except Malformed as error:
        raise malformed(f"The encodedList cannot be read. {error}") from error


_TO_BASE64URL: Final = str.maketrans("+/", "-_")


def most_significant_first(entries: bytes, index: int, size_bits: int) -> int:
    """The entry at *index* as Bitstring Status List has it: bit 0 is the most significant of byte 0."""
    first, last = index * size_bits, (index + 1) * size_bits
    covering = int.from_bytes(entries[first // 8 : (last + 7) // 8], "big")
    return covering >> (-last % 8) & ((1 << size_bits) - 1)


def least_significant_first(entries: bytes, index: int, size_bits: int) -> int:
    """The entry at *index* as Token Status List has it: index 0 is the least significant bits of byte 0."""
    return entries[index * size_bits // 8] >> (index * size_bits % 8) & ((1 << size_bits) - 1)


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    value = document.get(name)
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _moment(document: Mapping[str, Any], *names: str) -> datetime | None:
    for name in names:
        if name in document:
            try:
                return parse_date_time_stamp(document[name])
            except Malformed as error:
                raise malformed(f"The {name} of the list is date, time and zone. {error}") from error
    return None


def _seconds(since_1970: int) -> datetime:
    try:
        return datetime.fromtimestamp(since_1970, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def _ttl_s(ttl_ms: object) -> float | None:
    """A W3C list counts in milliseconds."""
    if ttl_ms is None:
        return None
    if isinstance(ttl_ms, bool) or not isinstance(ttl_ms, int | float) or ttl_ms < 0:
        raise malformed("The ttl of a list is a number of milliseconds.")
    return ttl_ms / 1000
