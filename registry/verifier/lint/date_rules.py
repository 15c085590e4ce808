"""From when until when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from registry.verifier.lint.examined import Examined
from registry.verifier.lint.rule import Rule, Severity, Trip, rule, shape
from registry.verifier.lint.verifiers import DATA_MODEL_LIBRARY, JSON_LD, VC_INDEX
from registry.verifier.structure.validity import validity, validity_of

date_zone = shape(
    "date-zone",
    validity,
    fails_in=f"{DATA_MODEL_LIBRARY} (lib/helpers.js), or worse: read as another moment in another time zone",
    source="VCDM 2.0, section 4.9; VCDM 1.1, sections 4.6 and 4.8",
    remedy="Write moments as 2026-05-31T12:00:00Z: date, time and zone; the end behind the beginning.",
)


@rule(
    "dates-of-version-1",
    Severity.ERROR,
    fails_in=f"{JSON_LD}; and verifiers of the data model 2.0 never look at them: it does not expire",
    source="VCDM 2.0, section 4.9",
    remedy="Write validFrom for issuanceDate, validUntil for expirationDate.",
)
def dates_of_version_1(examined: Examined) -> Iterator[Trip]:
    """The data model 2.0 renamed both."""
    if examined.is_v2:
        for name in ("issuanceDate", "expirationDate"):
            if name in examined.document:
                yield f"/{name}", f"`{name}` is a word of the data model 1.1, and this is 2.0."


@rule(
    "dates-of-version-2",
    Severity.WARNING,
    fails_in="verifiers of the data model 1.1, which look at issuanceDate and expirationDate only",
    source=VC_INDEX,
    remedy="Write issuanceDate and expirationDate, or use the data model 2.0.",
)
def dates_of_version_2(examined: Examined) -> Iterator[Trip]:
    """The data model 1.1 reserves these words, and nobody reads them there."""
    if examined.is_v1:
        for name in ("validFrom", "validUntil"):
            if name in examined.document:
                yield f"/{name}", f"`{name}` is a word of the data model 2.0, and this is 1.1."


@rule(
    "expired",
    Severity.WARNING,
    fails_in="every verifier, as expired",
    source="VCDM 2.0, section 4.9",
    remedy="Issue it again, if it shall still count.",
)
def expired(examined: Examined) -> Iterator[Trip]:
    """Its time is over."""
    found = validity_of(examined.document)
    if found.valid_until is not None and found.valid_until < examined.now:
        yield f"/{found.ends}", f"It was valid until {examined.document[found.ends]}."


@rule(
    "not-yet-valid",
    Severity.WARNING,
    fails_in="every verifier until then, and a little longer in those whose clock is late",
    source="VCDM 2.0, section 4.9",
    remedy="Let it begin a few minutes in the past, if it shall count now.",
)
def not_yet_valid(examined: Examined) -> Iterator[Trip]:
    """Its time has not come."""
    found = validity_of(examined.document)
    if found.valid_from is not None and found.valid_from > examined.now:
        yield f"/{found.begins}", f"It is valid from {examined.document[found.begins]}."


RULES: Final[tuple[Rule, ...]] = (date_zone, dates_of_version_1, dates_of_version_2, expired, not_yet_valid)
