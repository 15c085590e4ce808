"""Is the badge about this person? (Open Badges 3.0, B.1.12: identity objects, hashed or plain)"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.verifier.badges.rules import objects
from registry.verifier.structure.path import ROOT

_HASH: Final = re.compile(r"(sha256|md5)\$([0-9a-f]{32}|[0-9a-f]{64})", re.IGNORECASE)


def is_about(document: Mapping[str, Any], identifier: str) -> bool:
    """Whether one of the subjects of *document* is identified by *identifier*: its id, or an identity object's value.

    An e-mail address is compared as it is written, and in lower case.
    """
    spellings = {identifier, identifier.lower()} if "@" in identifier else {identifier}
    for subject, path in objects(document.get("credentialSubject"), (ROOT, "credentialSubject")):
        if subject.get("id") == identifier:
            return True
        for item, _ in objects(subject.get("identifier"), (path, "identifier")):
            if any(_is(item, spelling) for spelling in spellings):
                return True
    return False


def _is(item: Mapping[str, Any], identifier: str) -> bool:
    value, salt = item.get("identityHash"), item.get("salt", "")
    if not isinstance(value, str) or not isinstance(salt, str):
        return False
    if item.get("hashed") is not True:
        return value == identifier or ("@" in identifier and value.lower() == identifier)
    match = _HASH.fullmatch(value)
    return match is not None and any(
        hmac.compare_digest(digest, match[2].lower()) for digest in _digests(match[1].lower(), identifier, salt)
    )


def _digests(name: str, identifier: str, salt: str) -> Iterator[str]:
    """The hash of the identifier with its salt behind it, in hexadecimal."""
    yield hashlib.new(name, (identifier + salt).encode(), usedforsecurity=False).hexdigest()
