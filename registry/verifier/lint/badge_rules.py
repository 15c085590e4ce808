"""Open Badges 3.0 and CLR 2.0: what displayers and the validator of 1EdTech ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.domain.problem import Problem
from registry.verifier.badges.achievement import achievement_advice
from registry.verifier.badges.kinds import BADGE, ENDORSEMENT, RECORD
from registry.verifier.lint.rule import Rule, Severity, shape
from registry.verifier.lint.verifiers import BADGE_VALIDATOR

_NAMED: Final = ("name", "description", "criteria", "hashed", "type", "id")


def _advice(document: Mapping[str, Any]) -> Iterator[Problem]:
    if BADGE.includes(document):
        yield from achievement_advice(document)


badge_name = shape(
    "badge-name",
    BADGE.check,
    at=("name",),
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1.1",
    remedy="Name the achievement.",
)
badge_description = shape(
    "badge-description",
    BADGE.check,
    at=("description",),
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1.1",
    remedy="Describe the achievement in a sentence or two.",
)
badge_criteria = shape(
    "badge-criteria",
    BADGE.check,
    at=("criteria",),
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1.1",
    remedy="Say in `criteria` what had to be done: a `narrative`, or the `id` of a page that says it.",
)
badge_identity_hashed = shape(
    "badge-identity-hashed",
    BADGE.check,
    at=("hashed",),
    fails_in=f'{BADGE_VALIDATOR}: the word "false" counts as true in many languages',
    source="Open Badges 3.0, appendix B.1.12",
    remedy="Write `hashed` as true or false, without quotation marks.",
)
badge_types = shape(
    "badge-types",
    BADGE.check,
    at=("type",),
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1",
    remedy="Give each part the type that its class has: AchievementSubject, Achievement, Profile, ….",
)
badge_ids = shape(
    "badge-ids",
    BADGE.check,
    at=("id",),
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1",
    remedy="Give credential and achievement ids that are absolute URLs.",
)
badge_shape = shape(
    "badge-shape",
    BADGE.check,
    elsewhere_than=_NAMED,
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1",
    remedy="Follow the class in appendix B.1 of Open Badges 3.0.",
)
badge_consistency = shape(
    "badge-consistency",
    _advice,
    severity=Severity.WARNING,
    fails_in="displayers that look a level or value up where it is described",
    source="Open Badges 3.0, appendix B.1.16 to B.1.18",
    remedy="Name levels and values that the result description has.",
)
endorsement_shape = shape(
    "endorsement-shape",
    ENDORSEMENT.check,
    fails_in=BADGE_VALIDATOR,
    source="Open Badges 3.0, appendix B.1.7",
    remedy="Follow EndorsementCredential in appendix B.1 of Open Badges 3.0.",
)
record_shape = shape(
    "record-shape",
    RECORD.check,
    fails_in=BADGE_VALIDATOR,
    source="CLR 2.0, ClrCredential",
    remedy="Follow ClrCredential in CLR 2.0.",
)

RULES: Final[tuple[Rule, ...]] = (
    badge_name,
    badge_description,
    badge_criteria,
    badge_identity_hashed,
    badge_types,
    badge_ids,
    badge_shape,
    badge_consistency,
    endorsement_shape,
    record_shape,
)
