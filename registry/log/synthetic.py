"""A registry that never was, by a seed: how many issuers, how large, and what became of their credentials. Pure.

Issuers' sizes follow Zipf's law. Credentials come in runs of one issuer, as a class graduates; a run's changes of
status follow behind it. The same plan gives the same issuers, credentials and changes; keys are as random as they
must be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from uuid import UUID

from registry.domain.names import CredentialId, IssuerId, Slug
from registry.domain.parts import IssuerKind, StatusProfile
from registry.domain.status_list import MINIMUM_SIZE

LONGEST_RUN = 400
_KINDS = tuple(IssuerKind)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make up. Shares are of all credentials; *days* is the time it is spread over, where the log is new."""

    credentials: int = 1_000_000
    issuers: int = 300
    seed: int = 1
    list_size: int = MINIMUM_SIZE
    secured: float = 0.05
    """Signed here, so that a second event says so."""
    revoked: float = 0.002
    suspended: float = 0.002
    """Half of them are reinstated."""
    superseded: float = 0.001
    days: float = 365

    def sizes(self) -> list[int]:
        """Return how many credentials each issuer has, the largest first: the n-th has 1/n of the first one's."""
        weights = [1 / (n + 1) for n in range(self.issuers)]
        spare, total = max(0, self.credentials - self.issuers), sum(weights)
        sizes = [min(1, self.credentials) + int(spare * weight / total) for weight in weights]
        sizes[0] += self.credentials - sum(sizes)
        return sizes

    def issuer_id(self, issuer: int) -> IssuerId:
        """The id of the *issuer*-th issuer, from 0."""
        return IssuerId(UUID(_uuid(f"{self.seed}/{issuer}")))

    def slug(self, issuer: int) -> Slug:
        """The slug of the *issuer*-th issuer."""
        return Slug(f"synthetic-{issuer}")

    def kind(self, issuer: int) -> IssuerKind:
        """What the *issuer*-th issuer is in the world."""
        return _KINDS[issuer % len(_KINDS)]

    def profile(self, issuer: int) -> StatusProfile:
        """Every fourth issuer issues Open Badges."""
        return StatusProfile.OB3 if issuer % 4 == 3 else StatusProfile.VC2

    def credential_id(self, issuer: int, number: int) -> CredentialId:
        """The id of the *number*-th credential of an issuer, from 0: `urn:uuid:…`."""
        return credential_id(self.seed, issuer, number)

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield (issuer, how many credentials) in the order of registration.

        No run is so long that it could fill what was left of a set when its successor had to be opened.
        """
        random = Random(self.seed)  # noqa: S311  # a shape, no secret
        longest = max(1, min(LONGEST_RUN, self.list_size // 4))
        runs = []
        for issuer, size in enumerate(self.sizes()):
            left = size
            while left:
                count = min(left, random.randint(1, longest))
                runs.append((issuer, count))
                left -= count
        random.shuffle(runs)
        yield from runs


def credential_id(seed: int, issuer: int, number: int) -> CredentialId:
    """The id of the *number*-th credential of the *issuer*-th issuer."""
    return CredentialId("urn:uuid:" + _uuid(f"{seed}/{issuer}/{number}"))


def _uuid(text: str) -> str:
    """A UUID that looks like a random one, made of *text*."""
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:]}"
