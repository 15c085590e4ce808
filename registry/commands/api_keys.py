"""Makes and revokes API keys: the fact goes into the log, the secret into the vault, the text to the caller, once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from registry.commands.handle import Commands, Outcome
from registry.commands.idempotency import Asked
from registry.domain.api_keys import ApiKeyFacts, ApiKeyRing
from registry.domain.commands import CreateApiKey, RevokeApiKey
from registry.domain.names import IssuerId, LogName, api_keys_stream
from registry.errors import SecretAlreadyShown, UnknownApiKey
from registry.vault.api_keys import ApiKeys


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as its owner may see it."""

    facts: ApiKeyFacts
    last_used_at: datetime | None


class KeyRing:
    """The API keys of issuers and of the operator."""

    def __init__(self, commands: Commands, vault: ApiKeys) -> None:
        self._commands = commands
        self._vault = vault

    async def create(
        self, asked: Asked, issuer_id: IssuerId | None, *, name: str, scopes: list[str] | None, expires: datetime | None
    ) -> tuple[Outcome, str]:
        """Return the outcome and the key's text, which is shown this once.

        Raises `TooManyApiKeys`, `Malformed`, and `SecretAlreadyShown` for a repeated request. The fact comes first:
        a crash in between leaves a key that is recorded and opens nothing, never one that opens and is not recorded.
        """
        new = await self._vault.prepare(asked.log, issuer=issuer_id, name=name, scopes=scopes, expires=expires)
        granted = tuple(sorted(new.scopes))
        command = CreateApiKey(self._commands.clock(), issuer_id, new.id, name, granted, expires)
        outcome = await self._commands.handle(asked, command)
        if outcome.replayed:
            raise SecretAlreadyShown(
                "This request was carried out before, and its key was shown then; it is not kept. Make another key.",
                keyId=outcome.answer["id"],
            )
        await self._vault.store(new)
        return outcome, new.key

    async def revoke(self, asked: Asked, issuer_id: IssuerId | None, key_id: str) -> Outcome:
        """End a key; repeating changes nothing. Raises `UnknownApiKey`."""
        outcome = await self._commands.handle(asked, RevokeApiKey(self._commands.clock(), issuer_id, key_id))
        with suppress(UnknownApiKey):  # recorded, but its secret never reached the vault: nothing opens with it
            await self._vault.revoke(asked.log, key_id, issuer=issuer_id)
        return outcome

    async def list(self, log: LogName, issuer_id: IssuerId | None) -> list[ListedKey]:
        """Return every key there ever was, oldest first."""
        ring: ApiKeyRing = await self._commands.state(log, api_keys_stream(issuer_id)) or {}
        used = {one.id: one.last_used_at for one in await self._vault.list(log, issuer_id)}
        return [ListedKey(facts, used.get(key_id)) for key_id, facts in ring.items()]
