"""The verifier's question for a key, answered for DIDs that are their keys."""

from __future__ import annotations

from registry.errors import Malformed
from registry.securing.did import resolve_here
from registry.securing.problem import INVALID_DOCUMENT
from registry.securing.verification_method import VerificationMethodFound, controller_of, method_in, unknown


async def did_key_method(url: str, purpose: str) -> VerificationMethodFound:
    controller = controller_of(url)
    try:
        document = resolve_here(controller)
    except Malformed as error:
        raise unknown(INVALID_DOCUMENT(error.detail)) from error
    return method_in(document, url, purpose)
