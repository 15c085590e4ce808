"""The names things go by: logs, issuers, credentials, status lists, streams; one parser each.

Parsers raise `Malformed` with a sentence that says what a good name looks like.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from ipaddress import IPv6Address
from typing import NewType
from uuid import UUID

from registry.errors import Malformed

LogName = NewType("LogName", str)
"""Names one authority's log: 1 to 32 of a-z, 0-9 and hyphens, beginning with a letter."""

Slug = NewType("Slug", str)
"""An issuer's name in URLs: 2 to 64 of a-z, 0-9 and hyphens; never given to another issuer."""

IssuerId = NewType("IssuerId", UUID)
"""An issuer inside the log; slug and DIDs are attributes that may change."""

CredentialId = NewType("CredentialId", str)
"""A credential's `id`: an absolute IRI of at most 1,024 bytes; unique per issuer only."""

ListSetId = NewType("ListSetId", UUID)
"""A set of status lists that share one index space."""

Stream = NewType("Stream", str)
"""The unit of consistency: versions of one stream are 1, 2, 3, …"""

CREDENTIAL_ID_MAX_BYTES = 1024

_LOG_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])")
# RFC 3987, section 2.2: an absolute IRI. What it matches needs no escaping in N-Quads, and RDF libraries take it.
_UCS = "\xa0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(max(plane << 16, 0xE1000 if plane == 14 else 0))}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 15)
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
_PLAIN = rf"A-Za-z0-9\-._~!$&'()*+,;={_UCS}"
_ENCODED = "%[0-9A-Fa-f]{2}"
_IRI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.\-]*:(?=.)"
    rf"(?://(?:(?:[{_PLAIN}:]|{_ENCODED})*@)?(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?:[{_PLAIN}]|{_ENCODED})*)(?::[0-9]*)?"
    rf"(?=[/?#]|\Z)|(?!//))"
    rf"(?:[{_PLAIN}:@/]|{_ENCODED})*"
    rf"(?:\?(?:[{_PLAIN}:@/?{_PRIVATE}]|{_ENCODED})*)?"
    rf"(?:#(?:[{_PLAIN}:@/?]|{_ENCODED})*)?"
)

LOG_STREAM = Stream("log")
"""Facts about the log itself; its first event has position 1."""


def log_name(text: str) -> LogName:
    """Return *text* as a log's name; raise `Malformed` if it cannot be one."""
    if not _LOG_NAME.fullmatch(text):
        raise Malformed(f"{text!r} is no log name: 1 to 32 lower-case letters, digits and hyphens, a letter first.")
    return LogName(text)


def slug(text: str) -> Slug:
    """Return *text* as an issuer's slug; raise `Malformed` if it cannot be one."""
    if not _SLUG.fullmatch(text):
        raise Malformed(
            f"{text[:80]!r} is no slug: 2 to 64 lower-case letters, digits and hyphens, no hyphen at an end."
        )
    return Slug(text)


def is_absolute_iri(text: str) -> bool:
    """Whether *text* is an absolute IRI (RFC 3987, section 2.2); such one needs no escaping in N-Quads."""
    found = _IRI.fullmatch(text)
    return found is not None and (found["ipv6"] is None or _is_ipv6(found["ipv6"]))


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def credential_id(text: str) -> CredentialId:
    """Return *text* as a credential id (VCDM 2.0, section 4.4); raise `Malformed` if it cannot be one."""
    if not is_absolute_iri(text):
        raise Malformed("A credential id is an absolute URL or URN, such as urn:uuid:… or https://….")
    if len(text.encode()) > CREDENTIAL_ID_MAX_BYTES:
        raise Malformed(f"A credential id has at most {CREDENTIAL_ID_MAX_BYTES} bytes.")
    return CredentialId(text)


def credential_stream(issuer: IssuerId, credential: CredentialId) -> Stream:
    """The stream of one credential; two issuers may use the same id, and never meet."""
    return Stream(_credentials_of(issuer) + hashlib.sha256(credential.encode()).hexdigest())


@lru_cache(maxsize=4_096)  # writing a UUID takes as long as the rest
def _credentials_of(issuer: IssuerId) -> str:
    return f"credential/{issuer}/"


def issuer_stream(issuer: IssuerId) -> Stream:
    """The stream of one issuer's own facts."""
    return Stream(f"issuer/{issuer}")


def lists_stream(issuer: IssuerId) -> Stream:
    """The stream of an issuer's status list sets: their opening and closing, never one event per index."""
    return Stream(f"status-lists/{issuer}")


def own_lists_stream(issuer: IssuerId) -> Stream:
    """The stream of the lists whose indices an issuer gives out itself: their opening, never one event per index."""
    return Stream(f"own-lists/{issuer}")


def list_entry_stream(list_set: UUID, index: int) -> Stream:
    """The stream of one entry of such a list."""
    return Stream(f"list-entry/{list_set}/{index}")


def slug_stream(name: Slug) -> Stream:
    """The stream whose first version is the claim to a slug: the unique version makes the slug unique for ever."""
    return Stream(f"slug/{name}")


def api_keys_stream(issuer: IssuerId | None) -> Stream:
    """The stream of an issuer's API keys, or (None) of the operator's."""
    return Stream(f"api-keys/{issuer or 'operator'}")


def position_text(log: LogName, position: int) -> str:
    """Return a position as it goes over the wire: `main:42`."""
    return f"{log}:{position}"
