"""base58btc, as multibase writes it after the letter z (Controlled Identifiers 1.0, section 2.4)."""

from __future__ import annotations

from typing import Final

from registry.errors import Malformed

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {character: value for value, character in enumerate(_ALPHABET)}


def encode(content: bytes) -> str:
    """Return *content* in base58; takes time with the square of its length, so it is for keys and signatures."""
    number, text = int.from_bytes(content, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return _ALPHABET[0] * (len(content) - len(content.lstrip(b"\0"))) + text


def decode(text: str) -> bytes:
    """Return the bytes that *text* stands for, of which there is one spelling; raise `Malformed`."""
    number = 0
    try:
        for character in text:
            number = number * 58 + _DIGITS[character]
    except KeyError as error:
        raise Malformed("Base58 has digits and letters, but neither 0, O, I nor l.") from error
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
