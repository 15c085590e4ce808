"""Master keys: where they come from, and what they refuse to open."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import MasterKeyUnusable
from registry.vault.master import MasterKeys, Wrapped, new_line

GOOD = "a:" + base64.b64encode(bytes(range(32))).decode()


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_wrapped_is_unwrapped(plaintext: bytes, associated: bytes) -> None:
    keys = MasterKeys.from_text(GOOD)
    assert plaintext == keys.unwrap(keys.wrap(plaintext, associated), associated)


def test_the_same_secret_never_looks_the_same_at_rest() -> None:
    keys = MasterKeys.from_text(GOOD)
    assert len({keys.wrap(b"secret", b"x").blob for _ in range(100)}) == 100


@given(st.data())
def test_a_changed_byte_stays_shut(data: st.DataObject) -> None:
    keys = MasterKeys.from_text(GOOD)
    wrapped = keys.wrap(bytes(32), b"x")
    at = data.draw(st.integers(0, len(wrapped.blob) - 1))
    flip = data.draw(st.integers(1, 255))
    blob = bytes(byte ^ flip if i == at else byte for i, byte in enumerate(wrapped.blob))
    with pytest.raises(MasterKeyUnusable, match="does not open"):
        keys.unwrap(Wrapped("a", blob), b"x")


@pytest.mark.parametrize("length", [0, 1, 11, 12, 13, 27, 28, 59])
def test_a_shortened_secret_stays_shut(length: int) -> None:
    keys = MasterKeys.from_text(GOOD)
    with pytest.raises(MasterKeyUnusable, match="does not open"):
        keys.unwrap(Wrapped("a", keys.wrap(bytes(32), b"x").blob[:length]), b"x")


def test_a_secret_stays_shut_under_another_association() -> None:
    keys = MasterKeys.from_text(GOOD)
    with pytest.raises(MasterKeyUnusable, match="does not open"):
        keys.unwrap(keys.wrap(bytes(32), b"x"), b"y")


def test_another_key_under_the_same_id_opens_nothing() -> None:
    other = MasterKeys.from_text("a:" + base64.b64encode(bytes(32)).decode())
    with pytest.raises(MasterKeyUnusable, match="another than the one that wrapped it"):
        other.unwrap(MasterKeys.from_text(GOOD).wrap(bytes(32), b"x"), b"x")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(MasterKeyUnusable, match="'gone'"):
        MasterKeys.from_text(GOOD).unwrap(Wrapped("gone", bytes(60)), b"x")


def test_the_first_line_is_current_and_all_lines_open(tmp_path: Path) -> None:
    old = MasterKeys.from_text(GOOD)
    new = MasterKeys.from_file(private(tmp_path / "key", f"# rotated\n\n{new_line()}\n{GOOD}\n"))
    assert new.current_id == new.ids[0] == new.wrap(b"", b"").master_key_id != "a"
    assert new.unwrap(old.wrap(b"secret", b"x"), b"x") == b"secret"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no master key"),
        ("# nothing\n\n", "no master key"),
        ("c2VjcmV0\n", "Line 1 of .* is not `id:base64`"),
        (f"_x:{GOOD[2:]}\n", "Line 1 of .* is not `id:base64`"),
        (f"{'x' * 65}:{GOOD[2:]}\n", "Line 1 of .* is not `id:base64`"),
        (f"{GOOD}\nb:not base64!\n", "Line 2 of .* does not carry base64"),
        (f"{GOOD}\nb:\u00e9\n", "Line 2 of .* does not carry base64"),
        (f"{GOOD}\nb:c2VjcmV0\n", "Line 2 of .* 6 bytes"),
        (f"{GOOD}\n\n{GOOD}\n", "Line 3 of .* repeats an id"),
        (f"{GOOD}\n" * 2000, "is over 65536 bytes"),
    ],
)
def test_a_malformed_file_is_refused_by_line_and_never_quoted(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(MasterKeyUnusable, match=sentence) as refused:
        MasterKeys.from_file(private(tmp_path / "key", text))
    assert "c2VjcmV0" not in str(refused.value)
    assert GOOD[2:] not in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "key", "")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MasterKeyUnusable, match="it is not text"):
        MasterKeys.from_file(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyUnusable, match="cannot be read: No such file"):
        MasterKeys.from_file(tmp_path / "none")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "key", GOOD)
    path.chmod(mode)
    with pytest.raises(MasterKeyUnusable, match="chmod 600"):
        MasterKeys.from_file(path)


def test_a_directory_and_a_pipe_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(MasterKeyUnusable, match=r"is not a file|cannot be read"):
            MasterKeys.from_file(path)


def test_a_generated_file_is_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = MasterKeys.generate_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert MasterKeys.from_file(path).unwrap(made.wrap(b"secret", b"x"), b"x") == b"secret"
    assert [path] == list(tmp_path.iterdir())


def test_a_master_key_is_never_overwritten(tmp_path: Path) -> None:
    path = private(tmp_path / "key", GOOD)
    with pytest.raises(MasterKeyUnusable, match="never overwritten"):
        MasterKeys.generate_file(path)
    assert path.read_text() == GOOD
    assert [path] == list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_made_for_its_owner_only(tmp_path: Path) -> None:
    MasterKeys.generate_file(tmp_path / "keys" / "key")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_is_one_clear_sentence(tmp_path: Path) -> None:
    private(tmp_path / "file", GOOD)
    with pytest.raises(MasterKeyUnusable, match="cannot be written: Not a directory"):
        MasterKeys.generate_file(tmp_path / "file" / "key")


def test_repr_shows_no_secret() -> None:
    assert repr(MasterKeys.from_text(GOOD)) == "MasterKeys(current='a', older=0)"
