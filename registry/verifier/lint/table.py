"""Every rule, in the order of a document."""

from __future__ import annotations

from typing import Final

from registry.verifier.lint import (
    badge_rules,
    context_rules,
    date_rules,
    given_list_rules,
    list_rules,
    party_rules,
    proof_rules,
    status_rules,
)
from registry.verifier.lint.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    *context_rules.RULES,
    *party_rules.RULES,
    *date_rules.RULES,
    *status_rules.RULES,
    *given_list_rules.RULES,
    *list_rules.RULES,
    *badge_rules.RULES,
    *proof_rules.RULES,
)
