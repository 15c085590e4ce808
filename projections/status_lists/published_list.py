"""One form of a published list as it is served: bytes, validators, and how long they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from uuid import UUID

import asyncpg
import orjson

from projections.status_lists import encoded_list, token
from projections.status_lists.representation import EMBEDDED
from registry.domain.names import LogName
from registry.securing import base64url

SETTLED = timedelta(seconds=2)
"""`Last-Modified` has whole seconds: only when it is older than this does it tell one version from the next."""

_OVERHEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A signed list in one of its forms, identity and gzip, as the publisher stored it."""

    log: LogName
    status_list_id: UUID
    list_set: UUID
    purpose: str
    url: str
    position: int
    """The list is a replay of the log up to here."""
    sequence: int
    """Of the publication: all forms of one sequence stand for the same position."""
    media_type: str
    """The form that `body` is in."""
    body: bytes
    gzip: bytes
    etag: str
    """Strong, over `body`."""
    gzip_etag: str
    """Strong, over `gzip`."""
    ttl_s: int
    valid_from: datetime
    valid_until: datetime
    published_at: datetime
    last_modified: str
    """`published_at` as an HTTP date."""

    @classmethod
    def from_row(cls, log: LogName, row: asyncpg.Record) -> PublishedList:
        """Return the list of a row that `read_published.sql` gave."""
        last_modified = format_datetime(row["published_at"], usegmt=True)
        return cls(log=log, last_modified=last_modified, **dict(row))

    @property
    def size_bytes(self) -> int:
        """How much memory it takes, nearly."""
        return len(self.body) + len(self.gzip) + _OVERHEAD_BYTES

    def max_age_at(self, now: datetime) -> int:
        """Return for how many seconds a cache may keep it: no longer than the ttl, never past `valid_until`; ≥ 0."""
        return max(0, min(self.ttl_s, int((self.valid_until - now).total_seconds())))

    def stale_s_at(self, now: datetime) -> int:
        """Return for how long (seconds) after its max-age a cache may still answer with it when we are away; ≥ 0.

        Who is answered by the cache then keeps it for a max-age more: that, too, ends within the validity.
        """
        return max(0, int((self.valid_until - now).total_seconds()) - 2 * self.max_age_at(now))

    def is_expired_at(self, now: datetime) -> bool:
        """Whether no verifier accepts it any more; then it is never the subject of a 304."""
        return now >= self.valid_until

    def is_settled_at(self, now: datetime) -> bool:
        """Whether `last_modified` may be the basis of a 304: not within 2 s of the change."""
        return now - self.published_at > SETTLED


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a published list, inflated."""

    packed: bytes
    width: int
    """Bits of one entry."""
    is_ietf: bool
    """Whether index 0 is in the least significant bits of the first byte, instead of the most significant."""

    @property
    def is_bits(self) -> bool:
        """Whether it is a bitstring of W3C's with an entry a bit, as nearly every list is."""
        return self.width == 1 and not self.is_ietf

    def values(self, indices: Sequence[int]) -> list[int | None]:
        """Return the entries at *indices*, in order; None outside the list."""
        packed, size = self.packed, len(self.packed) * 8
        if self.is_bits:  # a tenth of the time
            if indices and min(indices) >= 0 and max(indices) < size:
                return [packed[i >> 3] >> (7 - (i & 7)) & 1 for i in indices]
            return [packed[i >> 3] >> (7 - (i & 7)) & 1 if 0 <= i < size else None for i in indices]
        return [self.value(i) if 0 <= i < size // self.width else None for i in indices]

    def value(self, index: int) -> int:
        """Return the entry at *index*; raises `IndexError` outside the list."""
        if self.is_ietf:
            return token.value(self.packed, self.width, index)
        if self.width == 1:  # nearly every list: a fifth of the time
            return encoded_list.bit(self.packed, index)
        return encoded_list.entry(self.packed, index, self.width)


def values_at(lists: Mapping[str, Entries | None], urls: Sequence[str], indices: Sequence[int]) -> list[int | None]:
    """Return the entries at *indices* ≥ 0 of the lists of *urls*, in order; None where there is no list or index."""
    if len(lists) == 1:
        [one] = lists.values()
        return [None] * len(indices) if one is None else one.values(indices)
    packed = {url: one.packed for url, one in lists.items() if one is not None and one.is_bits}
    if len(packed) == len(lists):
        with suppress(IndexError):  # which a list does not have: then one by one
            return [packed[url][i >> 3] >> (7 - (i & 7)) & 1 for url, i in zip(urls, indices, strict=True)]
    chosen = (lists[url] for url in urls)
    return [None if one is None else one.values((i,))[0] for one, i in zip(chosen, indices, strict=True)]


def entries(published: PublishedList) -> Entries:
    """Return the entries of a list whose form is JSON or a JWS; raises `Malformed` if they cannot be read."""
    if published.media_type == EMBEDDED:
        subject = orjson.loads(published.body)["credentialSubject"]
        return Entries(encoded_list.decode(subject["encodedList"]), subject.get("statusSize", 1), is_ietf=False)
    claim = orjson.loads(base64url.decode(published.body.split(b".")[1].decode("ascii"), "The payload"))["status_list"]
    return Entries(token.decode(claim["lst"]), claim["bits"], is_ietf=True)


def published_bits(body: bytes) -> bytes:
    """Return the bits that the secured list credential *body* says; raises `Malformed` if they cannot be read."""
    return encoded_list.decode(orjson.loads(body)["credentialSubject"]["encodedList"])
