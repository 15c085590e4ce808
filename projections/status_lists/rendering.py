"""A list's state → what is to be secured, and its secured forms → what is stored. Pure, and made for a thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from projections.status_lists import encoded_list, token
from projections.status_lists.document import ListCredential
from projections.status_lists.frontier import Frontier, ListState
from projections.status_lists.guard import lost_bits, united
from projections.status_lists.published_list import published_bits
from projections.status_lists.representation import (
    Representation,
    has_ietf_form,
    has_w3c_form,
    in_order,
)
from registry.domain.events import Purpose
from registry.domain.names import LogName
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
class W3cList:
    """A BitstringStatusListCredential without proof, and its canonical N-Quads (RDFC-1.0)."""

    document: dict[str, object]
    canonical: str


@dataclass(frozen=True, slots=True)
class IetfList:
    """What a Token Status List claims (section 5), times in whole seconds."""

    subject: str
    """The list's URL, which `sub` must equal."""
    issued_at: datetime
    expires_at: datetime
    ttl_s: int
    bits: int
    """Of one entry."""
    lst: bytes
    """The ZLIB stream."""


@dataclass(frozen=True, slots=True)
class Unsecured:
    """One version of a list, to be secured in each of its forms by the DID that is its issuer."""

    issuer_id: UUID
    issuer_did: str
    w3c: W3cList | None
    ietf: IetfList | None


@dataclass(frozen=True, slots=True)
class Secured:
    """The forms of a list version by media type, and the verification methods that they name."""

    forms: Mapping[str, bytes]
    verification_methods: tuple[str, ...]


Secure = Callable[[LogName, Unsecured], Awaitable[Secured]]
"""`secure(log, list)` returns every form of the list that its issuer has keys for, at least one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A list ready to be secured."""

    state: ListState
    unsecured: Unsecured
    kept: tuple[int, ...]
    """The indices that are set only because the world has seen them revoked, before a restore."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A secured list as it is served, in every form, first the one for whoever does not care."""

    state: ListState
    forms: tuple[Representation, ...]
    verification_methods: tuple[str, ...]
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A list that must not be published, and the sentence that says why."""

    status_list_id: UUID
    sentence: str


def render(
    states: Iterable[ListState], frontier: Frontier, validity: Validity, settled: Collection[UUID] = ()
) -> list[Rendered | Refusal]:
    """Return every list as the log tells it at the frontier, or why it must not be published.

    Those that are *settled* have not changed since they were published last; they are compressed with more care.
    """
    return [_render(state, frontier, validity, is_settled=state.status_list_id in settled) for state in states]


def finish(secured: Iterable[tuple[Rendered, Secured]]) -> list[Stored]:
    """Return what is stored of each secured list."""
    return [
        Stored(rendered.state, representations(one), one.verification_methods, rendered.kept)
        for rendered, one in secured
    ]


def representations(secured: Secured) -> tuple[Representation, ...]:
    """Return every form of a secured list as it is served, the default one first."""
    return tuple(Representation.of(name, secured.forms[name]) for name in in_order(list(secured.forms)))


def past(state: ListState, kept: Sequence[int], validity: Validity) -> Unsecured:
    """Return a version that the world saw, to be secured anew: *state* as the log tells it, and what was *kept* then.

    Raises `Malformed`, `IndexError` and `ValueError` as lists that cannot be rendered do.
    """
    bits = _bits(state)
    return _unsecured(state, united(bits, encoded_list.bits(kept, state.size)) if kept else bits, validity)


def _render(state: ListState, frontier: Frontier, validity: Validity, *, is_settled: bool) -> Rendered | Refusal:
    try:
        bits = _bits(state)
        kept = _kept(state, bits)
        if reason := _refused(state, frontier, kept):
            return Refusal(state.status_list_id, reason)
        unsecured = _unsecured(state, united(bits, kept) if kept else bits, validity, is_settled=is_settled)
    except (IndexError, ValueError, Malformed) as error:
        return Refusal(state.status_list_id, f"The list {state.url} cannot be rendered: {error}")
    return Rendered(state, unsecured, encoded_list.indices(kept))


def _unsecured(state: ListState, bits: bytes, validity: Validity, *, is_settled: bool = False) -> Unsecured:
    return Unsecured(
        state.issuer_id,
        state.issuer_did,
        _w3c(state, bits, validity, is_settled=is_settled) if has_w3c_form(state.purpose) else None,
        _ietf(state, bits, validity, is_settled=is_settled) if has_ietf_form(state.purpose) else None,
    )


def _w3c(state: ListState, bits: bytes, validity: Validity, *, is_settled: bool) -> W3cList:
    credential = ListCredential(
        url=state.url,
        issuer=state.issuer_did,
        purpose=state.purpose,
        encoded_list=encoded_list.encode(bits, is_settled=is_settled),
        valid_from=validity.valid_from,
        valid_until=validity.valid_until,
        ttl_ms=validity.ttl_s * 1000,
        status_size=state.status_size,
        messages=state.messages,
        reference=state.reference,
    )
    return W3cList(credential.document(), credential.canonical())


def _ietf(state: ListState, revoked: bytes, validity: Validity, *, is_settled: bool) -> IetfList:
    """A revocation list's bits in the other order; for a token list, INVALID or SUSPENDED from the set's two lists."""
    width = state.status_size
    suspended = encoded_list.bits(_at(state, token.SUSPENDED), state.size) if width > 1 else b""
    return IetfList(
        subject=state.url,
        issued_at=validity.now.replace(microsecond=0),
        expires_at=validity.valid_until,
        ttl_s=validity.ttl_s,
        bits=width,
        lst=token.compressed(token.of_bitsets(revoked, suspended, width), is_settled=is_settled),
    )


def _bits(state: ListState) -> bytes:
    """The entries in the order of a W3C list; of a token list, one bit for each that is revoked."""
    if state.purpose == Purpose.TOKEN:
        return encoded_list.bits(_at(state, token.INVALID), state.size)
    return encoded_list.entries(state.indices, state.values, state.size, state.status_size)


def _at(state: ListState, value: int) -> list[int]:
    """The indices of the entries that have *value*."""
    if state.values is None:
        return state.indices
    return [index for index, found in zip(state.indices, state.values, strict=True) if found == value]


def _kept(state: ListState, bits: bytes) -> bytes:
    if state.published_body is None:
        return b""
    return lost_bits(published_bits(state.published_body), bits)


def _refused(state: ListState, frontier: Frontier, kept: bytes) -> str | None:
    """Return why the guard refuses the list, if it does.

    After an accepted restore a final bit that the log lost stays set, for ever: the world was told that it is final.
    Without one the projection must be wrong, and nothing is published from it.
    """
    same_branch = state.published_restore == frontier.restore_position
    if same_branch and state.published_position is not None and state.published_position > frontier.position:
        return f"The list {state.url} was published at position {state.published_position}, beyond this snapshot."
    if kept and not frontier.restores:
        count = int.from_bytes(kept, "big").bit_count()
        return (
            f"{count} final bits of the published list {state.url} are missing in the projection. "
            f"Run `registry verify-log`, then rebuild the projection status_lists."
        )
    return None
