"""The kinds of badges that are known here, by the types that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.badges.achievement import achievement_credential, endorsement_credential
from registry.verifier.badges.transcript import clr_credential
from registry.verifier.structure.check import Rule
from registry.verifier.structure.parties import types_of


@dataclass(frozen=True, slots=True)
class BadgeKind:
    """A kind of badge: its types, the specification it follows, and what that asks for."""

    types: frozenset[str]
    specification: str
    rule: Rule

    def includes(self, document: Mapping[str, Any]) -> bool:
        """Whether *document* says that it is one."""
        return bool(self.types & set(types_of(document)))

    def check(self, document: Mapping[str, Any]) -> Iterator[Problem]:
        """Return what is wrong with *document*; nothing, if it is of another kind."""
        if self.includes(document):
            yield from self.rule(document)


BADGE: Final = BadgeKind(
    frozenset({"AchievementCredential", "OpenBadgeCredential"}), "Open Badges 3.0", achievement_credential
)
ENDORSEMENT: Final = BadgeKind(
    frozenset({"EndorsementCredential"}), "Open Badges 3.0 (endorsement)", endorsement_credential
)
RECORD: Final = BadgeKind(frozenset({"ClrCredential"}), "CLR 2.0", clr_credential)

KINDS: Final = (BADGE, ENDORSEMENT, RECORD)
