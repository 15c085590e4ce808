"""The public facts about API keys: which exist; the secrets are the vault's."""

from __future__ import annotations

from registry.domain.commands import CreateApiKey, RevokeApiKey
from registry.domain.events import AnyEvent, ApiKeyCreated, ApiKeyRevoked, Recorded
from registry.errors import UnknownApiKey

ApiKeyIds = dict[str, bool]
"""Every key id there ever was → whether it may still speak (its expiry aside)."""


def decide(command: CreateApiKey | RevokeApiKey, state: ApiKeyIds | None) -> list[AnyEvent]:
    """Return the fact that follows; none, if the key is created or revoked already. Raises `UnknownApiKey`."""
    keys = state or {}
    match command:
        case CreateApiKey(key_id=key_id):
            if key_id in keys:
                return []
            return [ApiKeyCreated(key_id=key_id, name=command.name, scopes=command.scopes, expires=command.expires)]
        case RevokeApiKey(key_id=key_id):
            if key_id not in keys:
                raise UnknownApiKey("No API key has this id.")
            return [ApiKeyRevoked(key_id=key_id)] if keys[key_id] else []


def evolve(state: ApiKeyIds | None, recorded: Recorded) -> ApiKeyIds:
    """Return the keys after *recorded*."""
    match recorded.event:
        case ApiKeyCreated(key_id=key_id):
            return {**(state or {}), key_id: True}
        case ApiKeyRevoked(key_id=key_id):
            return {**(state or {}), key_id: False}
    return state or {}
