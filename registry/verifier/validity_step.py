"""Is it valid at this moment?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registry.domain.problem import CREDENTIAL_EXPIRED, CREDENTIAL_NOT_YET_VALID, Problem
from registry.verifier.steps import passed, warned
from registry.verifier.structure.validity import validity_of
from registry.verifier.verification import Step, Verdict


def validity_step(document: Mapping[str, Any], moment: datetime, now: datetime) -> tuple[Step, dict[str, Any]]:
    """Return the step for a well-formed credential at *moment*, and VCALM's results, by the names of its members."""
    found = validity_of(document)
    has_begun = found.valid_from is None or found.valid_from <= moment
    has_ended = found.valid_until is not None and found.valid_until <= moment
    results = {
        name: {"verified": is_well, "input": document[name]}
        for name, is_well in ((found.begins, has_begun), (found.ends, not has_ended))
        if name in document
    }
    if has_ended:
        detail = f"The credential was valid until {document[found.ends]}."
        problem = Problem(CREDENTIAL_EXPIRED, "The credential has expired", detail, f"/{found.ends}")
        return warned("validity", detail, now, problems=[problem], verdict=Verdict.EXPIRED), results
    if not has_begun:
        detail = f"The credential is valid only from {document[found.begins]} on."
        problem = Problem(CREDENTIAL_NOT_YET_VALID, "The credential is not valid yet", detail, f"/{found.begins}")
        return warned("validity", detail, now, problems=[problem], verdict=Verdict.NOT_YET_VALID), results
    if found.valid_until is None:
        return passed("validity", "The credential is valid, without an end.", now, Verdict.VALID), results
    detail = f"The credential is valid until {document[found.ends]}."
    return passed("validity", detail, now, Verdict.VALID), results
