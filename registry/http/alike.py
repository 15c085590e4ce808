"""Batches of lookups whose queries are all alike, as nearly all are: read by type, and answered column by column.

What is read here means what `registry.strict_json` and the judging of single queries would make of it, and the answer
is theirs byte for byte: tests hold both ways together. Whatever is in doubt is left to them, and so is every refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
import orjson

from registry.errors import Malformed
from registry.strict_json import MAX_MEMBERS, require_few_members

MAX_INDEX: Final = 9_999_999_999
"""Ten digits, as `STATUS_LIST_INDEX` has them at most."""
_LOOKED_AT: Final = 200
"""Bytes at a body's beginning that tell what its queries ask for."""


class _OfCredential(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    credential_id: str


class _OfEntry(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    status_list_credential: str
    status_list_index: str


class _Credentials(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    queries: list[_OfCredential]


class _Entries(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    queries: list[_OfEntry]


_credentials = msgspec.json.Decoder(_Credentials).decode
_entries = msgspec.json.Decoder(_Entries).decode
EntryAnswer = Callable[[str | None, int | None], dict[str, Any]]
"""(purpose, value) → what is said of an entry; None: there is no such list, or no such index in it."""


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries that a batch asks for, column by column: where the n-th stands is the n-th of each."""

    urls: Sequence[str]
    texts: Sequence[str]
    """Their indices as they were written."""
    indices: Sequence[int]

    def told(self, values: Sequence[int | None], purposes: Mapping[str, str | None], answer: EntryAnswer) -> list[str]:
        """Return the queries with their answers, as JSON; *values* are those of the entries, *purposes* of the lists.

        *answer* says what is told of a value in a list of one purpose.
        """
        of_purpose = {purpose: _Ends(partial(answer, purpose)) for purpose in purposes.values()}
        around = {
            url: (f'{{"statusListCredential":"{url}","statusListIndex":"', of_purpose[purpose])
            for url, purpose in purposes.items()
        }
        told = zip(map(around.__getitem__, self.urls), self.texts, values, strict=True)
        return [f"{start}{text}{ends[value]}" for (start, ends), text, value in told]


class _Ends(dict[int | None, str]):
    """How answers end, by the value that they tell."""

    def __init__(self, answer: Callable[[int | None], dict[str, Any]]) -> None:
        self._answer = answer

    def __missing__(self, value: int | None) -> str:
        self[value] = end = '",' + orjson.dumps(self._answer(value)).decode()[1:]
        return end


def credential_ids(data: bytes, most: int) -> list[str] | None:
    """Return the ids of a body that asks for 1 to *most* credentials by id alone; else, or in doubt, None."""
    queries = _queries(data, b'"credentialId"', _credentials, 2, most)
    return [one.credential_id for one in queries] if queries is not None else None


def told_of_credentials(ids: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the queries for *ids* with their *words* for answers, as JSON."""
    ends = {word: f'","status":"{word}"}}' for word in set(words)}
    return [f'{{"credentialId":"{one}{ends[word]}' for one, word in zip(ids, words, strict=True)]


def entries(data: bytes, most: int) -> Entries | None:
    """Return what a body asks for that asks for 1 to *most* entries, indices as strings; else, or in doubt, None."""
    queries = _queries(data, b'"statusList', _entries, 4, most)
    if queries is None:
        return None
    texts = [one.status_list_index for one in queries]
    indices = _indices(texts)
    return None if indices is None else Entries([one.status_list_credential for one in queries], texts, indices)


def _queries(
    data: bytes, key: bytes, read: Callable[[bytes], _Credentials | _Entries], strings: int, most: int
) -> list[Any] | None:
    """Return the queries, of so many *strings* each, of a body that means only one thing; else, or in doubt, None.

    Without a backslash, a text has two quotes for each of its strings: a member that stands twice has strings that the
    value read does not have. Nor does any string then hold what JSON would escape.
    """
    if key not in data[:_LOOKED_AT] or b"\\" in data:
        return None
    try:
        require_few_members(data, MAX_MEMBERS)
        queries = read(data).queries
    except (msgspec.DecodeError, UnicodeDecodeError, Malformed):
        return None
    is_certain = 0 < len(queries) <= most and data.count(b'"') == 2 * (1 + strings * len(queries))
    return queries if is_certain else None


def _indices(texts: Sequence[str]) -> list[int] | None:
    """Return the numbers that *texts* are the only spelling of; None if one of them is no index."""
    digits = "".join(texts)
    if not (digits.isascii() and digits.isdecimal()):
        return None
    try:
        indices: list[int] = orjson.loads(f"[{','.join(texts)}]")
    except orjson.JSONDecodeError:  # an empty text, or a zero in front
        return None
    return indices if max(indices) <= MAX_INDEX else None
