"""Keys, and what their signatures count for after a compromise.

Of an issuer of ours it is known from when on a key was in wrong hands. What it signed before still counts, where its
date is before: `method_of` therefore hands such a key out, and `problem_of` looks at the date afterwards. Dates can be
written by whoever has the key, so the caller has to compare with what was recorded when the credential was issued.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from registry.domain.problem import INVALID_VERIFICATION_METHOD, Problem
from registry.securing.verification_method import VerificationMethodFound
from registry.verifier.sources import Sources


class BelievedKeys:
    """The keys that one document is verified with."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._cut_offs: dict[str, datetime] = {}

    async def key_of(self, url: str, purpose: str) -> VerificationMethodFound:
        """Return the verification method, a compromised one of ours as if it were not; raises as `KeyOf` does."""
        method = await self._sources.key_of(url, purpose)
        cut_off = await self._sources.cut_off_of(url)
        if cut_off is None:
            return method
        self._cut_offs[url] = min(cut_off, method.revoked or cut_off)
        return replace(method, revoked=None)

    def is_compromised(self, url: str | None) -> bool:
        """Whether the key that was asked for is in wrong hands by now."""
        return url in self._cut_offs

    def problem_of(self, url: str | None, created: datetime | None, pointer: str) -> Problem | None:
        """Return why a signature that says it was *created* then does not count; None: it may."""
        cut_off = self._cut_offs.get(url or "")
        if cut_off is None or (created is not None and created < cut_off):
            return None
        detail = f"The key {url} is compromised; only what it signed before {cut_off:%Y-%m-%dT%H:%M:%SZ} counts."
        return Problem(INVALID_VERIFICATION_METHOD, "The key was compromised", detail, pointer)
