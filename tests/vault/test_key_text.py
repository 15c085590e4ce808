"""The text of API keys, and what hostile headers do to its reader: nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.vault.key_text import KeyText, digest_of

TEXT = KeyText("dev")
KEY_ID, SECRET, KEY = TEXT.new()


def test_a_key_reads_back() -> None:
    assert f"reg_dev_{KEY_ID}_{SECRET}" == KEY
    assert TEXT.read(KEY) == (KEY_ID, SECRET)


def test_a_secret_has_256_bits_of_an_alphabet_without_separators() -> None:
    assert 62 ** len(SECRET) > 2**256
    assert KEY.count("_") == 3
    assert len({TEXT.new()[1] for _ in range(200)}) == 200


@given(st.text())
def test_no_text_is_a_key_by_accident(presented: str) -> None:
    assert TEXT.read(presented) is None


@given(st.text(min_size=1, max_size=200), st.integers(0, len(KEY)))
def test_a_key_with_anything_added_is_none(added: str, at: int) -> None:
    assert TEXT.read(KEY[:at] + added + KEY[at:]) is None


@given(st.characters(), st.integers(0, len(KEY) - 1))
def test_whatever_reads_as_a_key_is_ascii_and_whole(character: str, at: int) -> None:
    changed = KEY[:at] + character + KEY[at + 1 :]
    parts = TEXT.read(changed)
    assert parts is None or (changed.isascii() and changed == f"reg_dev_{parts[0]}_{parts[1]}")


@pytest.mark.parametrize(
    "presented",
    [
        "",
        KEY[:-1],
        KEY + "\n",
        KEY[:-1] + "\n",
        KEY[:-1] + "\0",
        KEY[:-1] + "\u0665",  # a digit, but not one of ours
        KEY[:-1] + "\udc80",
        KEY.upper(),
        KEY.replace("dev", "liv"),
        KEY.replace("reg_", "rég_"),
        "x" * 10_000_000,
        "reg_dev_" + "_" * 56,
    ],
    ids=range(12),  # the key is another one in every process
)
def test_a_hostile_header_is_no_key(presented: str) -> None:
    assert TEXT.read(presented) is None


@pytest.mark.parametrize("env", ["", "Dev", "de_v", "1st", "a" * 13, "dev\n", ".*"])
def test_an_environment_is_one_short_word(env: str) -> None:
    with pytest.raises(ValueError, match="no environment's name"):
        KeyText(env)


def test_a_digest_depends_on_secret_and_pepper() -> None:
    digests = {digest_of(pepper, secret) for pepper in (bytes(32), b"x" * 32) for secret in ("a", "b")}
    assert len(digests) == 4
    assert {32} == {len(digest) for digest in digests}
