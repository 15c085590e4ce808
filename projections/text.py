"""Text on its way into PostgreSQL."""

from __future__ import annotations

from typing import overload


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
def storable(text: str | None) -> str | None:
    """Return *text* with U+FFFD for NUL, which PostgreSQL cannot hold: one odd name must not stop a projection."""
    return text.replace("\x00", "\ufffd") if text else text
