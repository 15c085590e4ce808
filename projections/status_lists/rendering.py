"""A list's state → the document to secure, and its secured bytes → what is stored. Pure, and made for a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from projections.status_lists import encoded_list
from projections.status_lists.document import ListCredential
from projections.status_lists.frontier import Frontier, ListState
from projections.status_lists.guard import lost_bits, united
from projections.status_lists.published_list import published_bits
from registry.errors import Malformed

BACKDATED = timedelta(minutes=5)
"""How far `validFrom` lies in the past, so that a verifier's slow clock accepts a fresh list."""


@dataclass(frozen=True, slots=True)
class Validity:
    """When the lists of one publication hold, to the second as they say it."""

    now: datetime
    valid_from: datetime
    valid_until: datetime
    ttl_s: int

    @classmethod
    def of(cls, now: datetime, *, validity_s: float, ttl_s: int) -> Validity:
        """Return the validity of what is published at *now*."""
        second = now.replace(microsecond=0)
        return cls(now, second - BACKDATED, second + timedelta(seconds=int(validity_s)), ttl_s)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A list ready to be secured."""

    state: ListState
    document: dict[str, object]
    canonical: str
    kept_bits: int
    """How many revocations are set only because the world has seen them, before a restore."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A secured list as it is served: identity and gzip, each with a strong entity tag over its own bytes."""

    state: ListState
    body: bytes
    gzip: bytes
    etag: str
    gzip_etag: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A list that must not be published, and the sentence that says why."""

    status_list_id: UUID
    sentence: str


def render(states: Iterable[ListState], frontier: Frontier, validity: Validity) -> list[Rendered | Refusal]:
    """Return every list as the log tells it at the frontier, or why it must not be published."""
    return [_render(state, frontier, validity) for state in states]


def finish(secured: Iterable[tuple[ListState, bytes]]) -> list[Stored]:
    """Return what is stored of each secured list."""
    return [_finish(state, body) for state, body in secured]


def entity_tag(content: bytes) -> str:
    """Return what stands between the quotes of a strong entity tag (RFC 9110, section 8.8.3) over *content*."""
    return hashlib.sha256(content).hexdigest()


def _render(state: ListState, frontier: Frontier, validity: Validity) -> Rendered | Refusal:
    try:
        bits = encoded_list.bits(state.indices, state.size)
        kept = _kept(state, bits)
        if reason := _refused(state, frontier, kept):
            return Refusal(state.status_list_id, reason)
        credential = ListCredential(
            url=state.url,
            issuer=state.issuer_did,
            purpose=state.purpose,
            encoded_list=encoded_list.encode(united(bits, kept) if kept else bits),
            valid_from=validity.valid_from,
            valid_until=validity.valid_until,
            ttl_ms=validity.ttl_s * 1000,
        )
    except (IndexError, Malformed) as error:
        return Refusal(state.status_list_id, f"The list {state.url} cannot be rendered: {error}")
    return Rendered(state, credential.document(), credential.canonical(), int.from_bytes(kept, "big").bit_count())


def _kept(state: ListState, bits: bytes) -> bytes:
    if state.published_body is None:
        return b""
    return lost_bits(state.purpose, published_bits(state.published_body), bits)


def _refused(state: ListState, frontier: Frontier, kept: bytes) -> str | None:
    """Return why the guard refuses the list, if it does.

    After an accepted restore a revocation that the log lost stays set, for ever: the world was told that it is final.
    Without one the projection must be wrong, and nothing is published from it.
    """
    same_branch = state.published_restore == frontier.restore_position
    if same_branch and state.published_position is not None and state.published_position > frontier.position:
        return f"The list {state.url} was published at position {state.published_position}, beyond this snapshot."
    if kept and not frontier.restores:
        count = int.from_bytes(kept, "big").bit_count()
        return (
            f"{count} revocations in the published list {state.url} are missing in the projection. "
            f"Run `registry verify-log`, then rebuild the projection status_lists."
        )
    return None


def _finish(state: ListState, body: bytes) -> Stored:
    compressed = encoded_list.gzipped(body)
    return Stored(state, body, compressed, entity_tag(body), entity_tag(compressed))
