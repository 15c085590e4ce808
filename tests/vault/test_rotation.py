"""Rotation of the master key: whole, interrupted, contested, and over a row that does not open."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from registry.domain.mechanisms import KeyAlgorithm
from registry.domain.names import LogName
from registry.errors import MasterKeyUnusable
from registry.vault.keys import Vault

LOGS = (LogName("main"), LogName("other"))
EACH = 7


class Cut:
    """A database that is gone after some statements."""

    def __init__(self, pool: Any, statements: int) -> None:
        self._pool, self._left = pool, statements

    async def fetch(self, query: str, /, *args: Any) -> Any:
        self._spend()
        return await self._pool.fetch(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        self._spend()
        return await self._pool.fetchrow(query, *args)

    def _spend(self) -> None:
        if self._left == 0:
            raise ConnectionResetError
        self._left -= 1


async def fill(vault: Vault) -> tuple[list[tuple[LogName, UUID, bytes]], list[tuple[LogName, UUID, bytes]]]:
    """Make keys of every kind in both logs; return the signing and the permutation keys."""
    signing, permutation = [], []
    for log in LOGS:
        await vault.create_pepper(log)
        for algorithm in (*KeyAlgorithm, *[KeyAlgorithm.ED25519] * EACH)[:EACH]:
            key = await vault.create_signing_key(log, uuid4(), algorithm)
            signing.append((log, key.id, key.public_key))
            set_id = uuid4()
            permutation.append((log, set_id, await vault.create_permutation_key(log, set_id)))
    return signing, permutation


ALL = 2 * (2 * EACH + 1)


async def test_after_rotation_the_old_key_is_not_needed(
    vault: Vault, pool: Any, rotated: Any, only_b: Any, clock: Any
) -> None:
    signing, permutation = await fill(vault)
    pepper = await vault.pepper(LOGS[0])
    seen: list[tuple[int, int]] = []
    assert await Vault(pool, rotated, clock).rewrap(lambda done, total: seen.append((done, total)), batch=3) == ALL
    after = Vault(pool, only_b, clock)
    assert await after.wrapped_under() == {"b": ALL}
    assert seen == sorted(seen)
    assert seen[-1] == (ALL, ALL)
    assert signing == [(log, key_id, (await after.signer(log, key_id)).public_key) for log, key_id, _ in signing]
    assert permutation == [(log, key_id, await after.permutation_key(log, key_id)) for log, key_id, _ in permutation]
    assert pepper == await after.pepper(LOGS[0])


async def test_a_second_rotation_finds_nothing_to_do(vault: Vault, pool: Any, rotated: Any, clock: Any) -> None:
    await fill(vault)
    await Vault(pool, rotated, clock).rewrap()
    assert await Vault(pool, rotated, clock).rewrap() == 0


async def test_an_interrupted_rotation_leaves_every_key_open_and_is_finished_by_the_next(
    vault: Vault, pool: Any, rotated: Any, only_b: Any, clock: Any
) -> None:
    signing, permutation = await fill(vault)
    interrupted = 0
    for statements in range(6, 60, 5):
        try:
            await Vault(Cut(pool, statements), rotated, clock).rewrap(batch=3)
        except ConnectionResetError:
            interrupted += 1
        reader = Vault(pool, rotated, clock)
        assert signing == [(log, key_id, (await reader.signer(log, key_id)).public_key) for log, key_id, _ in signing]
        assert permutation == [(log, key, await reader.permutation_key(log, key)) for log, key, _ in permutation]
        assert sum((await reader.wrapped_under()).values()) == ALL
    assert interrupted > 1
    await Vault(pool, rotated, clock).rewrap(batch=3)
    await Vault(pool, only_b, clock).check()


async def test_rotations_at_once_bring_every_key_over_once(
    vault: Vault, pool: Any, rotated: Any, only_b: Any, clock: Any
) -> None:
    await fill(vault)
    moved = await asyncio.gather(*(Vault(pool, rotated, clock).rewrap(batch=2) for _ in range(4)))
    assert sum(moved) == ALL
    await Vault(pool, only_b, clock).check()


async def test_rotations_in_both_directions_at_once_end_and_lose_nothing(
    vault: Vault, pool: Any, rotated: Any, rotated_back: Any, clock: Any
) -> None:
    signing, _ = await fill(vault)
    await asyncio.gather(*(Vault(pool, keys, clock).rewrap(batch=2) for keys in (rotated, rotated_back) * 2))
    reader = Vault(pool, rotated, clock)
    assert signing == [(log, key_id, (await reader.signer(log, key_id)).public_key) for log, key_id, _ in signing]


async def test_keys_made_while_a_rotation_runs_are_not_harmed(
    vault: Vault, pool: Any, rotated: Any, clock: Any
) -> None:
    await fill(vault)
    serving = Vault(pool, rotated, clock)
    made, _ = await asyncio.gather(
        asyncio.gather(*(serving.create_signing_key(LOGS[0], uuid4()) for _ in range(10))),
        Vault(pool, rotated, clock).rewrap(batch=2),
    )
    reader = Vault(pool, rotated, clock)
    assert [key.public_key for key in made] == [(await reader.signer(LOGS[0], key.id)).public_key for key in made]
    assert await reader.wrapped_under() == {"b": ALL + 10}


async def test_a_rotation_without_the_old_key_changes_nothing(vault: Vault, pool: Any, only_b: Any, clock: Any) -> None:
    await fill(vault)
    with pytest.raises(MasterKeyUnusable, match="wrapped under a, which is not among"):
        await Vault(pool, only_b, clock).rewrap()
    assert await vault.wrapped_under() == {"a": ALL}


async def test_a_broken_row_is_named_and_does_not_keep_the_others_back(
    vault: Vault, pool: Any, rotated: Any, clock: Any, root: Any
) -> None:
    signing, _ = await fill(vault)
    broken = min(key_id for log, key_id, _ in signing if log == LOGS[0])
    await root.execute("UPDATE vault.signing_keys SET wrapped = $1 WHERE key_id = $2", bytes(60), broken)
    with pytest.raises(MasterKeyUnusable, match=f"1 secrets .* {broken} among the signing_keys of log main"):
        await Vault(pool, rotated, clock).rewrap(batch=2)
    assert await vault.wrapped_under() == {"a": 1, "b": ALL - 1}
