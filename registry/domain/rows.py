"""Many commands at once: a row that is refused stops no other, and is told why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from registry.domain.commands import CarryOutRows, CredentialCommand, Refusal, RefusedRow
from registry.errors import Refused

Done = TypeVar("Done")


def decide(command: CarryOutRows, carry_out: Callable[[CredentialCommand], Done]) -> list[Done | Refusal]:
    """Return what became of each row, in order: what *carry_out* made of its command, or why that was refused.

    What is not a refusal (lists that are not ready, a stream that must be loaded) concerns all rows, and is raised.
    """
    outcomes: list[Done | Refusal] = []
    for row in command.rows:
        if isinstance(row, RefusedRow):
            outcomes.append(row.refusal)
            continue
        try:
            outcomes.append(carry_out(row))
        except Refused as error:
            outcomes.append(refusal(error))
    return outcomes


def refusal(error: Refused) -> Refusal:
    """Return *error* as it is kept."""
    return Refusal(type(error).__name__, error.detail, dict(error.extra))
