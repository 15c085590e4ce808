"""The public facts about API keys: which exist and which may speak; the secrets are the vault's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from registry.domain.commands import CreateApiKey, RevokeApiKey
from registry.domain.events import AnyEvent, ApiKeyCreated, ApiKeyRevoked, Recorded
from registry.errors import TooManyApiKeys, UnknownApiKey

LIVE_KEYS_PER_ISSUER = 2
"""One in use, and one to change over to. Every operator has a key of their own, so theirs are not counted."""


@dataclass(frozen=True, slots=True)
class ApiKeyFacts:
    """One key, as the log knows it."""

    created: ApiKeyCreated
    created_at: datetime
    position: int
    """Where the log says so: of the creation, or of the revocation."""
    revoked_at: datetime | None = None

    def is_live(self, at: datetime) -> bool:
        """Whether the key may speak at the moment *at*."""
        return self.revoked_at is None and (self.created.expires is None or at < self.created.expires)


ApiKeyRing = Mapping[str, ApiKeyFacts]
"""Every key there ever was of one issuer (or of the operator), by its id."""


def decide(command: CreateApiKey | RevokeApiKey, state: ApiKeyRing | None) -> list[AnyEvent]:
    """Return the fact that follows; none, if it is already so. Raises `TooManyApiKeys` and `UnknownApiKey`."""
    ring = state or {}
    match command:
        case CreateApiKey(key_id=key_id):
            if key_id in ring:
                return []
            live = sum(one.is_live(command.at) for one in ring.values())
            if command.issuer_id is not None and live >= LIVE_KEYS_PER_ISSUER:
                raise TooManyApiKeys("The issuer has two live API keys already; revoke one before making another.")
            return [ApiKeyCreated(key_id=key_id, name=command.name, scopes=command.scopes, expires=command.expires)]
        case RevokeApiKey(key_id=key_id):
            if key_id not in ring:
                raise UnknownApiKey("No API key has this id.")
            return [ApiKeyRevoked(key_id=key_id)] if ring[key_id].revoked_at is None else []
    raise TypeError(f"No decision for {type(command).__name__}.")


def evolve(state: ApiKeyRing | None, recorded: Recorded) -> ApiKeyRing:
    """Return the keys after *recorded*."""
    ring = state or {}
    match recorded.event:
        case ApiKeyCreated() as created:
            return {**ring, created.key_id: ApiKeyFacts(created, recorded.recorded_at, recorded.position)}
        case ApiKeyRevoked(key_id=key_id):
            revoked = replace(ring[key_id], position=recorded.position, revoked_at=recorded.recorded_at)
            return {**ring, key_id: revoked}
    return ring
