"""Retired event shapes → today's; one function per shape, so that the log is never rewritten.

When the shape of an event changes, its `schema_number` is raised and the way from the old number to the next is
added to `UPCASTS`. `tests/vectors/events` keeps one stored example of every shape there ever was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Fields = dict[str, Any]

UPCASTS: Mapping[tuple[str, int], Callable[[Fields], Fields]] = {}
"""(type, schema number) → the function that makes the fields of the next number. No shape has been retired yet."""


def upcast(
    type_name: str,
    schema_number: int,
    fields: Fields,
    upcasts: Mapping[tuple[str, int], Callable[[Fields], Fields]] = UPCASTS,
) -> Fields:
    """Return *fields*, written as shape *schema_number* of *type_name*, in today's shape."""
    while (step := upcasts.get((type_name, schema_number))) is not None:
        fields = step(fields)
        schema_number += 1
    return fields
