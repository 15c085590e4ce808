"""Who may call, and what for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from registry.domain.names import IssuerId


class Scope(StrEnum):
    """What a key may do."""

    OPERATOR = "operator"
    """Issuers, API keys, and everything below in any issuer's name."""
    ISSUE = "credentials:issue"
    """Issue, or register what is signed elsewhere."""
    STATUS = "credentials:status"
    """Revoke, suspend, reinstate, supersede."""
    READ = "credentials:read"
    """List credentials, with their entries and histories."""


ISSUER_SCOPES = frozenset({Scope.ISSUE, Scope.STATUS, Scope.READ})
"""All that an issuer's key may have, and has when nobody says less."""

OPERATOR_SCOPES = frozenset({Scope.OPERATOR})
"""What an operator's key has when nobody says less; with only others, it has those for every issuer."""

_KNOWN = {scope.value: scope for scope in Scope}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who presented a good key: an issuer, or (None) an operator."""

    key_id: str
    issuer: IssuerId | None
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the key is for *scope*; an operator's scope holds all others."""
        return scope in self.scopes or Scope.OPERATOR in self.scopes

    def speaks_for(self, issuer: IssuerId) -> bool:
        """Whether the key may act for *issuer*: its own, or any if it is an operator's."""
        return self.issuer is None or self.issuer == issuer


def known_scopes(stored: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes among *stored*; one that a newer version added grants nothing here."""
    return frozenset(_KNOWN[text] for text in stored if text in _KNOWN)
