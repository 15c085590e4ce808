"""Entries of a bitstring status list (Bitstring Status List 1.0, section 2.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.structure.lexical import is_url
from registry.verifier.structure.parties import types_of
from registry.verifier.structure.path import ROOT, Path, each, malformed

BITSTRING_ENTRY: Final = "BitstringStatusListEntry"

_SECTION: Final = "Bitstring Status List 1.0, section 2.1"
_INDEX: Final = re.compile(r"\d{1,15}", re.ASCII)


def status_entries(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Every BitstringStatusListEntry says which bits of which list mean what."""
    for entry, path in each(document.get("credentialStatus"), (ROOT, "credentialStatus")):
        if isinstance(entry, Mapping) and BITSTRING_ENTRY in types_of(entry):
            yield from _entry(entry, path)


def _entry(entry: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    url, purpose, index = (entry.get(name) for name in ("statusListCredential", "statusPurpose", "statusListIndex"))
    if not is_url(url):
        yield malformed((path, "statusListCredential"), "`statusListCredential` is the URL of the list.", _SECTION)
    elif entry.get("id") == url:
        yield malformed((path, "id"), "The `id` of an entry is not the URL of its list; leave it out.", _SECTION)
    if not isinstance(purpose, str) or not purpose:
        yield malformed((path, "statusPurpose"), "`statusPurpose` is a string, such as revocation.", _SECTION)
    if not isinstance(index, str) or not _INDEX.fullmatch(index):
        detail = "`statusListIndex` is a whole number from 0 on, in base 10, written as a string."
        yield malformed((path, "statusListIndex"), detail, _SECTION)
    for reference, where in each(entry.get("statusReference", []), (path, "statusReference")):
        if not is_url(reference):
            yield malformed(where, "`statusReference` is a URL, or an array of them.", _SECTION)
    yield from _messages(entry, path)


def _messages(entry: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    """`statusSize` bits have a message for each of their values; a `message` purpose has messages."""
    size = entry.get("statusSize", 1)
    if type(size) is not int or not 1 <= size <= 32:
        yield malformed((path, "statusSize"), "`statusSize` is a whole number of bits, from 1 on.", _SECTION)
        return
    messages = entry.get("statusMessage")
    if messages is None:
        if size > 1:
            yield malformed((path, "statusMessage"), "Entries of several bits say what each value means.", _SECTION)
        return
    if not isinstance(messages, list) or not all(_is_message(one) for one in messages):
        detail = '`statusMessage` is an array of objects such as {"status": "0x0", "message": "…"}.'
        yield malformed((path, "statusMessage"), detail, _SECTION)
    elif len(messages) != 2**size:
        detail = f"`statusMessage` has an object for each of the {2**size} values of {size} bits."
        yield malformed((path, "statusMessage"), detail, _SECTION)


def _is_message(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(status := value.get("status"), str)
        and re.fullmatch("0x[0-9a-fA-F]+", status) is not None
        and isinstance(value.get("message"), str)
    )
