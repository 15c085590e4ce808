"""What a credential says about where its status is: one entry, in each of the forms there are.

Sources: Bitstring Status List 1.0, section 2.1; Status List 2021 (its draft); IETF Token Status List, section 6;
1EdTech Revocation List Status Method 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from registry.domain import problem
from registry.errors import Malformed
from registry.verifier.structure.status_entry import BITSTRING_ENTRY

MAX_SIZE_BITS: Final = 16
_INDEX: Final = re.compile(r"[0-9]{1,16}")


class Kind(StrEnum):
    """Which specification the entry follows."""

    BITSTRING = BITSTRING_ENTRY
    LIST_2021 = "StatusList2021Entry"
    TOKEN = "status_list"  # noqa: S105  # the claim's name
    REVOCATION_LIST = "1EdTechRevocationList"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, read."""

    kind: Kind
    url: str
    """Of the list."""
    purpose: str
    """`revocation` for a 1EdTech list, `token` for an IETF one."""
    index: int = 0
    size_bits: int = 1
    messages: Mapping[int, str] | None = None
    """What each value means, in the issuer's words."""


def entry_of(member: Mapping[str, Any]) -> Entry:
    """Return the entry that *member* is: of `credentialStatus`, or the claim `status` of a JWT or CWT.

    Raises `Malformed` with the `problem_type` of the specification: for a type that is not understood, and for a
    member that is not as its type has it.
    """
    if "status_list" in member and "type" not in member:
        return _token(member["status_list"])
    types = member.get("type")
    known = [kind for kind in Kind if kind in (types if isinstance(types, list) else [types]) and kind != Kind.TOKEN]
    match known:
        case [Kind.BITSTRING]:
            return _bitstring(member)
        case [Kind.LIST_2021]:
            return Entry(
                Kind.LIST_2021, _text(member, "statusListCredential"), _text(member, "statusPurpose"), _index(member)
            )
        case [Kind.REVOCATION_LIST]:
            return Entry(Kind.REVOCATION_LIST, _text(member, "id"), "revocation")
        case _:
            raise malformed(f"A status entry of type {str(types)[:100]!r} is not understood here.")


def malformed(detail: str) -> Malformed:
    """Return the error for a value that is not as the specification has it."""
    return Malformed(detail, problem_type=problem.MALFORMED_VALUE_ERROR)


def _bitstring(member: Mapping[str, Any]) -> Entry:
    url, size_bits = _text(member, "statusListCredential"), member.get("statusSize", 1)
    if member.get("id") == url:
        raise malformed("The id of a status entry is not the URL of its list.")
    if not isinstance(size_bits, int) or isinstance(size_bits, bool) or not 0 < size_bits <= MAX_SIZE_BITS:
        raise malformed(f"A statusSize is a number from 1 to {MAX_SIZE_BITS}, not {str(size_bits)[:40]}.")
    messages = _messages(member.get("statusMessage"), size_bits)
    return Entry(Kind.BITSTRING, url, _text(member, "statusPurpose"), _index(member), size_bits, messages)


def _messages(listed: object, size_bits: int) -> Mapping[int, str] | None:
    if listed is None and size_bits == 1:
        return None
    if not isinstance(listed, list) or len(listed) != 1 << size_bits:
        raise malformed(f"A statusSize of {size_bits} asks for {1 << size_bits} statusMessage elements.")
    messages: dict[int, str] = {}
    for one in listed:
        status, message = (one.get("status"), one.get("message")) if isinstance(one, Mapping) else (None, None)
        if not isinstance(status, str) or not re.fullmatch(r"0x[0-9A-Fa-f]{1,8}", status):
            raise malformed("The status of a statusMessage is hexadecimal, such as 0x1.")
        if not isinstance(message, str):
            raise malformed("A statusMessage has a message.")
        messages[int(status, 16)] = message
    return messages


def _token(claim: object) -> Entry:
    uri, index = (claim.get("uri"), claim.get("idx")) if isinstance(claim, Mapping) else (None, None)
    if not isinstance(uri, str):
        raise malformed("A status_list claim names its list with uri.")
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise malformed("The idx of a status_list claim is a number, not negative.")
    return Entry(Kind.TOKEN, uri, "token", index)


def _index(member: Mapping[str, Any]) -> int:
    index = member.get("statusListIndex")
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        raise malformed("A statusListIndex is a number in base 10, not negative, written as a string.")
    return int(index)


def _text(member: Mapping[str, Any], name: str) -> str:
    value = member.get(name)
    if not isinstance(value, str) or not value:
        raise malformed(f"A status entry has {name}, a string.")
    return value
