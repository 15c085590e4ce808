"""Whether the document of a DID that is controlled elsewhere lists our keys: before that, none of them signs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from registry.domain.events import VerificationMethod
from registry.errors import DelegationMissing, Malformed
from registry.securing.verification_method import ASSERTION, VerificationMethodFound, verification_methods

Resolve = Callable[[str], Awaitable[Mapping[str, Any]]]
"""A DID → its document, fetched now; raises `Refused` or `Unavailable` when it cannot be had."""


def listed(
    document: Mapping[str, Any], did: str, methods: Sequence[VerificationMethod], now: datetime
) -> tuple[VerificationMethod, ...]:
    """Return *methods*, each under the id that *document* gives its key; or raise `DelegationMissing`.

    A key is known by its public half, in whichever form and under whichever id the document lists it.
    """
    if document.get("id") != did:
        raise DelegationMissing(f"The document that was found for {did} is about {str(document.get('id'))[:200]!r}.")
    try:
        found = verification_methods(document)
    except Malformed as error:
        raise DelegationMissing(f"The document of {did} cannot be read: {error.detail}") from None
    return tuple(_listed(did, one, found, now) for one in methods)


def _listed(
    did: str, method: VerificationMethod, found: Sequence[VerificationMethodFound], now: datetime
) -> VerificationMethod:
    key = method.public_key_multibase
    same = [one for one in found if one.key.multikey() == key and one.id.startswith(f"{did}#")]
    if not same:
        raise DelegationMissing(
            f"The document of {did} lists no verification method of its own with the key {key}; add it under "
            f"`verificationMethod`, with {did} as its controller, and its id under `{ASSERTION}`."
        )
    fitting = [one for one in same if ASSERTION in one.purposes]
    if not fitting:
        raise DelegationMissing(f"The document of {did} lists {same[0].id}, but not under `{ASSERTION}`; add it there.")
    lasting = [one for one in fitting if not _is_over(one, now)]
    if not lasting:
        raise DelegationMissing(f"The document of {did} says that {fitting[0].id} is revoked or expired.")
    return method.model_copy(update={"id": lasting[0].id})


def _is_over(method: VerificationMethodFound, now: datetime) -> bool:
    return any(moment is not None and moment <= now for moment in (method.expires, method.revoked))
