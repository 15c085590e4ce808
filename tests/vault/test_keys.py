"""Signing keys and permutation keys, in a real database."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from registry.domain.mechanisms import KeyAlgorithm
from registry.domain.names import LogName
from registry.errors import MasterKeyUnusable
from registry.log.migrate import MIGRATIONS, migrate
from registry.vault.keys import Vault, bound_to
from registry.vault.lru import Lru
from registry.vault.queries import Kind
from registry.vault.signing import new_secret, opened

OTHER = LogName("other")


async def test_a_signer_signs_what_its_public_key_verifies(vault: Vault, log: LogName, clock: Any) -> None:
    key = await vault.create_signing_key(log, uuid4())
    signer = await vault.signer(log, key.id)
    assert (signer.public_key, key.created_at) == (key.public_key, clock.now)
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    public.verify(signer.sign(b"list"), b"list")
    with pytest.raises(InvalidSignature):
        public.verify(signer.sign(b"list"), b"lisp")


CURVES = {
    KeyAlgorithm.P256: (ec.SECP256R1(), hashes.SHA256(), 32),
    KeyAlgorithm.P384: (ec.SECP384R1(), hashes.SHA384(), 48),
}


@pytest.mark.parametrize("algorithm", CURVES)
async def test_an_ecdsa_signer_signs_what_its_compressed_point_verifies(
    vault: Vault, pool: Any, master: Any, clock: Any, log: LogName, algorithm: KeyAlgorithm
) -> None:
    key = await vault.create_signing_key(log, uuid4(), algorithm)
    signer = await vault.signer(log, key.id)
    curve, hashing, size = CURVES[algorithm]
    assert (signer.algorithm, signer.public_key, len(key.public_key)) == (algorithm, key.public_key, size + 1)
    signature = signer.sign(b"list")
    r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, key.public_key)
    public.verify(encode_dss_signature(r, s), b"list", ec.ECDSA(hashing))
    assert len(signature) == 2 * size
    assert signature == (await Vault(pool, master, clock).signer(log, key.id)).sign(b"list"), "RFC 6979: the same bytes"


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_a_key_is_opened_from_its_secret_and_from_no_others(algorithm: KeyAlgorithm) -> None:
    secret = new_secret(algorithm)
    assert opened(algorithm, secret).public_key == opened(algorithm, secret).public_key
    assert opened(algorithm, new_secret(algorithm)).public_key != opened(algorithm, secret).public_key
    for wrong in (b"", secret[1:], secret + b"\0"):
        with pytest.raises(ValueError):  # noqa: PT011  # whoever opens it tells what it means
            opened(algorithm, wrong)


@pytest.mark.parametrize("curve", CURVES)
def test_a_scalar_outside_the_group_is_no_key(curve: KeyAlgorithm) -> None:
    size = CURVES[curve][2]
    for wrong in (bytes(size), b"\xff" * size):
        with pytest.raises(ValueError):  # noqa: PT011  # whoever opens it tells what it means
            opened(curve, wrong)


# RFC 6979, appendix A.2.5 and A.2.6: the message "sample" under SHA-256 and SHA-384
SIGNED = {
    KeyAlgorithm.P256: (
        "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
        (
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
            "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
        ),
    ),
    KeyAlgorithm.P384: (
        "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
        (
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
            "81A648152E44ACF96E36DD1E80FABE46"
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"
            "A329C145786E679E7B82C71A38628AC8"
        ),
    ),
}


@pytest.mark.parametrize("algorithm", SIGNED)
def test_the_published_signatures_come_out(algorithm: KeyAlgorithm) -> None:
    secret, signature = map(bytes.fromhex, SIGNED[algorithm])
    assert opened(algorithm, secret).sign(b"sample") == signature


async def test_a_key_under_another_algorithms_name_stays_shut(vault: Vault, log: LogName, root: Any) -> None:
    key = await vault.create_signing_key(log, uuid4(), KeyAlgorithm.P256)
    await root.execute("UPDATE vault.signing_keys SET algorithm = 'Ed25519', public_key = substr(public_key, 2)")
    with pytest.raises(MasterKeyUnusable, match="another's public key"):
        await vault.signer(log, key.id)


async def test_a_key_from_before_there_were_others_is_opened_after_the_migration(
    empty_database: Any, master: Any, clock: Any, log: LogName, tmp_path: Path
) -> None:
    for name in ("0001_log", "0002_vault"):
        shutil.copy(MIGRATIONS / f"{name}.sql", tmp_path)
    await migrate(empty_database.owner, folder=tmp_path)
    key_id, secret = uuid4(), new_secret(KeyAlgorithm.ED25519)
    wrapped = master.wrap(secret, bound_to(Kind.SIGNING, log, key_id))
    public_key = opened(KeyAlgorithm.ED25519, secret).public_key
    async with asyncpg.create_pool(empty_database.writer, min_size=1, max_size=1) as pool:
        await pool.execute(
            "INSERT INTO vault.signing_keys (log_name, key_id, owner, public_key, wrapped, master_key_id, created_at) "
            "VALUES ($1, $2, $2, $3, $4, 'a', now())", log, key_id, public_key, wrapped.blob,
        )  # fmt: skip
        await migrate(empty_database.owner)
        await pool.expire_connections()
        signer = await Vault(pool, master, clock).signer(log, key_id)
    assert (signer.algorithm, signer.public_key) == (KeyAlgorithm.ED25519, public_key)


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
    assert repr(signer) == f"Signer(algorithm={key.algorithm!r}, public_key={key.public_key!r})"
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
