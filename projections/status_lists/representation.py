"""The forms a published list comes in, each with the bytes, codings and entity tags it is served with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from projections.status_lists import encoded_list
from registry.domain.events import Purpose

EMBEDDED: Final = "application/vc"
"""A list credential with an embedded proof (Data Integrity): what the common wallets understand."""
VC_JWT: Final = "application/vc+jwt"
VC_COSE: Final = "application/vc+cose"
STATUSLIST_JWT: Final = "application/statuslist+jwt"
"""A Token Status List (IETF), section 5.1."""
STATUSLIST_CWT: Final = "application/statuslist+cwt"
"""A Token Status List (IETF), section 5.2."""

W3C_FORMS: Final = (EMBEDDED, VC_JWT, VC_COSE)
IETF_FORMS: Final = (STATUSLIST_JWT, STATUSLIST_CWT)


def has_w3c_form(purpose: str) -> bool:
    """Whether a list of *purpose* is published as a BitstringStatusListCredential."""
    return purpose != Purpose.TOKEN


def has_ietf_form(purpose: str) -> bool:
    """Whether a list of *purpose* is published as a Token Status List.

    There a set bit says INVALID: true of a revocation, false of a suspension, a refresh or a message.
    """
    return purpose in (Purpose.REVOCATION, Purpose.TOKEN)


@dataclass(frozen=True, slots=True)
class Representation:
    """One form of a secured list: identity and gzip, each with a strong entity tag over its own bytes."""

    media_type: str
    content: bytes
    gzip: bytes
    etag: str
    gzip_etag: str

    @classmethod
    def of(cls, media_type: str, content: bytes) -> Representation:
        """Return what is stored of *content*."""
        compressed = encoded_list.gzipped(content)
        return cls(media_type, content, compressed, entity_tag(content), entity_tag(compressed))


def entity_tag(content: bytes) -> str:
    """Return what stands between the quotes of a strong entity tag (RFC 9110, section 8.8.3) over *content*."""
    return hashlib.sha256(content).hexdigest()


def in_order(media_types: Sequence[str]) -> tuple[str, ...]:
    """Return *media_types* with the form that is served to whoever does not care first."""
    return tuple(sorted(media_types, key=(*W3C_FORMS, *IETF_FORMS).index))
