"""The master keys: what every other secret is wrapped under, and the one thing that is not in the database.

This is the seam for a key management service: it keeps the file's text (`MasterKeys.from_text(kms.decrypt(…))`),
or stands behind `wrap` and `unwrap`, which nothing else knows the inside of. AES-256-GCM (NIST SP 800-38D) with
a random 96-bit nonce; a key is good for 2^32 wrappings, more than any registry makes.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import MasterKeyUnusable

KEY_BYTES = 32
NONCE_BYTES = 12
_MAX_FILE_BYTES = 65_536
_MISSING = " `registry init` makes one for a new deployment; where secrets were kept before, put back the copy."
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A secret at rest: which master key opens it, and nonce ‖ ciphertext ‖ tag."""

    master_key_id: str
    blob: bytes


class MasterKeys:
    """The current master key, under which everything new is wrapped, and older ones that still unwrap.

    To rotate: add the new line *below* the first on every machine and restart; move it to the top and restart;
    `Vault.rewrap`; when `Vault.wrapped_under` names the old key no more, remove its line.
    """

    __slots__ = ("_ciphers", "current_id")

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """*keys*: 32 bytes each by id, the current one first. Raises `MasterKeyUnusable`."""
        if not keys:
            raise MasterKeyUnusable("There is no master key; `registry init` makes one.")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self.current_id = next(iter(keys))

    @classmethod
    def from_text(cls, text: str, source: str = "the master keys' text") -> Self:
        """Read lines of `id:base64 of 32 bytes`, the current key first; blank lines and # comments are skipped.

        Raises `MasterKeyUnusable`, naming *source* and the line's number, never what it says.
        """
        keys: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.lstrip().startswith("#"):
                key_id, key = _parsed(line.strip(), f"Line {number} of {source}")
                if key_id in keys:
                    raise MasterKeyUnusable(f"Line {number} of {source} repeats an id; each key needs its own.")
                keys[key_id] = key
        if not keys:
            raise MasterKeyUnusable(f"There is no master key in {source}; `registry init` makes one.")
        return cls(keys)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read *path*; raise `MasterKeyUnusable` if it is missing, malformed, or others may read it."""
        try:
            text = _private_text(path)
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not text"
            remedy = _MISSING if isinstance(error, FileNotFoundError) else ""
            raise MasterKeyUnusable(f"The master key file {path} cannot be read: {cause}.{remedy}") from error
        return cls.from_text(text, str(path))

    @classmethod
    def generate_file(cls, path: Path) -> Self:
        """Make *path* with one new key, readable by its owner only; it appears whole or not at all.

        A folder that is missing is made, for its owner only. Raises `MasterKeyUnusable` if something is there
        already: a master key is never overwritten.
        """
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        text = new_line() + "\n"
        try:
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                _write_private(draft, text)
                os.link(draft, path)  # unlike a rename, this refuses to replace what is there
            finally:
                draft.unlink(missing_ok=True)
            _sync_directory(path.parent)
        except FileExistsError as error:
            raise MasterKeyUnusable(f"{path} exists already; a master key is never overwritten.") from error
        except OSError as error:
            raise MasterKeyUnusable(f"The master key file {path} cannot be written: {error.strerror}.") from error
        return cls.from_text(text, str(path))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys at hand, the current one first."""
        return tuple(self._ciphers)

    def wrap(self, plaintext: bytes, associated: bytes) -> Wrapped:
        """Return *plaintext* under the current key, bound to *associated*, which unwrapping must repeat."""
        nonce = os.urandom(NONCE_BYTES)
        return Wrapped(self.current_id, nonce + self._ciphers[self.current_id].encrypt(nonce, plaintext, associated))

    def unwrap(self, wrapped: Wrapped, associated: bytes) -> bytes:
        """Return the plaintext; raise `MasterKeyUnusable` for an absent key, a changed byte or other *associated*."""
        cipher = self._ciphers.get(wrapped.master_key_id)
        if cipher is None:
            raise MasterKeyUnusable(
                f"A secret is wrapped under the master key {wrapped.master_key_id!r}, which is not at hand; "
                "put its line back into the master key file."
            )
        try:
            return cipher.decrypt(wrapped.blob[:NONCE_BYTES], wrapped.blob[NONCE_BYTES:], associated)
        except (InvalidTag, ValueError) as error:
            raise MasterKeyUnusable(
                f"A secret does not open with the master key {wrapped.master_key_id!r}: the key under this id "
                "is another than the one that wrapped it, or the stored secret was changed."
            ) from error

    def __repr__(self) -> str:
        return f"MasterKeys(current={self.current_id!r}, older={len(self._ciphers) - 1})"


def new_line() -> str:
    """Return a fresh `id:base64` line for a master key file; the id is random and tells nothing."""
    return f"mk-{secrets.token_hex(4)}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def _parsed(line: str, where: str) -> tuple[str, bytes]:
    key_id, separator, encoded = line.partition(":")
    if not separator or not _ID.fullmatch(key_id):
        raise MasterKeyUnusable(f"{where} is not `id:base64`, an id being up to 64 letters, digits, dots and hyphens.")
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise MasterKeyUnusable(f"{where} does not carry base64 after the colon.") from None
    if len(key) != KEY_BYTES:
        raise MasterKeyUnusable(f"{where} carries a key of {len(key)} bytes; a master key has {KEY_BYTES}.")
    return key_id, key


def _private_text(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not keep us waiting
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise MasterKeyUnusable(f"The master key file {path} is not a file.")
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise MasterKeyUnusable(
                f"The master key file {path} (mode {mode:04o}) may be read or changed by others; `chmod 600` it."
            )
        if status.st_size > _MAX_FILE_BYTES:
            raise MasterKeyUnusable(f"The master key file {path} is over {_MAX_FILE_BYTES} bytes.")
        return file.read().decode()


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
