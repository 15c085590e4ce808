"""Signing keys and permutation keys, in a real database."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.domain.names import LogName
from registry.errors import MasterKeyUnusable
from registry.vault.keys import Vault
from registry.vault.lru import Lru
from registry.vault.queries import Kind

OTHER = LogName("other")


async def test_a_signer_signs_what_its_public_key_verifies(vault: Vault, log: LogName, clock: Any) -> None:
    key = await vault.create_signing_key(log, uuid4())
    signer = await vault.signer(log, key.id)
    assert (signer.public_key, key.created_at) == (key.public_key, clock.now)
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    public.verify(signer.sign(b"list"), b"list")
    with pytest.raises(InvalidSignature):
        public.verify(signer.sign(b"list"), b"lisp")


async def test_an_opened_key_is_kept(vault: Vault, log: LogName, root: Any) -> None:
    key = await vault.create_signing_key(log, uuid4())
    first = await vault.signer(log, key.id)
    await root.execute("DELETE FROM vault.signing_keys")
    assert first is await vault.signer(log, key.id)


async def test_the_private_key_is_not_in_the_row(vault: Vault, log: LogName, root: Any) -> None:
    key = await vault.create_signing_key(log, uuid4())
    private = (await vault.signer(log, key.id))._private.private_bytes_raw()
    row = await root.fetchrow("SELECT signing_keys::text AS text, wrapped FROM vault.signing_keys")
    assert private.hex() not in row["text"]
    assert private not in row["wrapped"]


async def test_a_set_has_one_permutation_key_however_many_ask_at_once(
    pool: Any, master: Any, clock: Any, log: LogName
) -> None:
    set_id = uuid4()
    vaults = [Vault(pool, master, clock) for _ in range(20)]
    keys = set(await asyncio.gather(*(vault.create_permutation_key(log, set_id) for vault in vaults)))
    assert len(keys) == 1
    assert keys == {await Vault(pool, master, clock).permutation_key(log, set_id)}
    assert len(keys.pop()) == 32


async def test_sets_logs_and_peppers_have_keys_of_their_own(vault: Vault, log: LogName) -> None:
    set_id = uuid4()
    keys = [
        await vault.create_permutation_key(log, set_id),
        await vault.create_permutation_key(log, uuid4()),
        await vault.create_permutation_key(OTHER, set_id),
        await vault.create_pepper(log),
        await vault.create_pepper(OTHER),
    ]
    assert len(set(keys)) == 5


async def test_an_absent_key_is_refused_by_name(vault: Vault, log: LogName) -> None:
    absent = uuid4()
    with pytest.raises(MasterKeyUnusable, match=f"no {absent} among the signing_keys of log main"):
        await vault.signer(log, absent)
    with pytest.raises(MasterKeyUnusable, match="permutation_keys"):
        await vault.permutation_key(log, absent)
    with pytest.raises(MasterKeyUnusable, match="peppers"):
        await vault.pepper(log)


async def test_rows_swapped_between_keys_stay_shut(vault: Vault, log: LogName, root: Any) -> None:
    one = (await vault.create_signing_key(log, uuid4())).id
    two = (await vault.create_signing_key(log, uuid4())).id
    await root.execute(
        "UPDATE vault.signing_keys AS to_ SET wrapped = from_.wrapped, public_key = from_.public_key "
        "FROM vault.signing_keys AS from_ WHERE to_.key_id <> from_.key_id"
    )
    for key_id in (one, two):
        with pytest.raises(MasterKeyUnusable, match="does not open"):
            await vault.signer(log, key_id)


async def test_a_row_moved_to_another_log_stays_shut(vault: Vault, log: LogName, root: Any) -> None:
    key = await vault.create_signing_key(log, uuid4())
    await root.execute("UPDATE vault.signing_keys SET log_name = 'other'")
    with pytest.raises(MasterKeyUnusable, match="does not open"):
        await vault.signer(OTHER, key.id)


async def test_a_secret_moved_to_another_kind_stays_shut(
    vault: Vault, pool: Any, master: Any, clock: Any, log: LogName, root: Any
) -> None:
    await vault.create_pepper(log)
    await root.execute("INSERT INTO vault.permutation_keys SELECT * FROM vault.peppers")
    with pytest.raises(MasterKeyUnusable, match="does not open"):
        await Vault(pool, master, clock).permutation_key(log, UUID(int=0))


async def test_a_public_key_that_was_exchanged_is_noticed(vault: Vault, log: LogName, root: Any) -> None:
    key = await vault.create_signing_key(log, uuid4())
    await root.execute("UPDATE vault.signing_keys SET public_key = $1", bytes(32))
    with pytest.raises(MasterKeyUnusable, match="another's public key"):
        await vault.signer(log, key.id)


async def test_repr_shows_no_secret(vault: Vault, log: LogName) -> None:
    key = await vault.create_signing_key(log, uuid4())
    signer = await vault.signer(log, key.id)
    assert f"Signer(public_key={key.public_key!r})" == repr(signer)
    assert repr(vault) == "Vault(MasterKeys(current='a', older=0))"
    assert repr(vault._signers) == "Lru(1 of 10000)"


async def test_check_is_content_with_good_keys_and_names_a_missing_master_key(
    vault: Vault, pool: Any, only_b: Any, clock: Any, log: LogName
) -> None:
    await Vault(pool, only_b, clock).check()
    await vault.create_signing_key(log, uuid4())
    await vault.create_permutation_key(log, uuid4())
    await vault.check()
    with pytest.raises(MasterKeyUnusable, match=r"2 secrets are wrapped under a, which .* hand \(b\)"):
        await Vault(pool, only_b, clock).check()
    with pytest.raises(MasterKeyUnusable, match="1 secrets"):
        await Vault(pool, only_b, clock).check((Kind.SIGNING,))


def test_an_lru_forgets_what_was_asked_for_longest_ago() -> None:
    lru: Lru[str, int] = Lru(2)
    lru.put("a", 1)
    lru.put("b", 2)
    assert lru.get("a") == 1
    lru.put("c", 3)
    assert (lru.get("a"), lru.get("b"), lru.get("c"), len(lru)) == (1, None, 3, 2)
