"""The text of an API key: `reg_<env>_<id>_<secret>`, which secret scanners and people recognise."""

from __future__ import annotations

import hmac
import re
import secrets
import string

_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32: nothing to mistake when read aloud
_SECRET_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 12
_SECRET_LENGTH = 43  # 62^43 > 2^256
_ENV = re.compile(r"[a-z][a-z0-9]{0,11}")


class KeyText:
    """Writes and reads the keys of one environment; *env* is 1 to 12 lower-case letters and digits (ValueError)."""

    __slots__ = ("_length", "_pattern", "_prefix")

    def __init__(self, env: str) -> None:
        if not _ENV.fullmatch(env):
            raise ValueError(f"{env!r} is no environment's name: 1 to 12 lower-case letters and digits, a letter first")
        self._prefix = f"reg_{env}_"
        self._length = len(self._prefix) + _ID_LENGTH + 1 + _SECRET_LENGTH
        self._pattern = re.compile(
            f"{self._prefix}([{_ID_ALPHABET}]{{{_ID_LENGTH}}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})", re.ASCII
        )

    def new(self) -> tuple[str, str, str]:
        """Return a fresh (id, secret, whole key): 60 random bits to name it by, 256 to keep."""
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        secret = "".join(secrets.choice(_SECRET_ALPHABET) for _ in range(_SECRET_LENGTH))
        return key_id, secret, f"{self._prefix}{key_id}_{secret}"

    def read(self, presented: str) -> tuple[str, str] | None:
        """Return (id, secret), or None if *presented* cannot be a key of ours; looks at nothing of another length."""
        if len(presented) != self._length:
            return None
        found = self._pattern.fullmatch(presented)
        return None if found is None else (found[1], found[2])


def digest_of(pepper: bytes, secret: str) -> bytes:
    """Return what is stored of a key's secret: HMAC-SHA256 under the log's pepper (RFC 2104), 32 bytes."""
    return hmac.digest(pepper, secret.encode(), "sha256")
