"""Whether a credential and the status lists that came along with it agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from registry.verifier.lint.examined import Examined
from registry.verifier.lint.rule import Rule, Severity, Trip, rule
from registry.verifier.lint.verifiers import EVERY, STATUS_INDEX, STATUS_LIBRARY
from registry.verifier.structure.parties import id_of

_INDEX: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


@rule(
    "list-issuer-differs",
    Severity.WARNING,
    fails_in=f"{STATUS_LIBRARY} (lib/index.js compares both by default)",
    source=STATUS_INDEX,
    remedy="Let the credential's issuer sign the list as well, under the same DID.",
)
def list_issuer_differs(examined: Examined) -> Iterator[Trip]:
    """Whoever could sign the list could take a revocation back."""
    for entry, where in examined.entries:
        found = examined.list_of(entry)
        if found is not None and (issuer := id_of(found.document.get("issuer"))) != examined.issuer_id:
            yield where, f"The list is issued by {str(issuer)[:200]}, not by the credential's issuer."


@rule(
    "list-purpose-differs",
    Severity.ERROR,
    fails_in=EVERY,
    source="Bitstring Status List 1.0, section 3.2",
    remedy="Name the list of the entry's purpose.",
)
def list_purpose_differs(examined: Examined) -> Iterator[Trip]:
    """An entry's purpose is its list's."""
    for entry, where in examined.entries:
        found = examined.list_of(entry)
        subject = found.document.get("credentialSubject") if found is not None else None
        if isinstance(subject, Mapping) and entry.get("statusPurpose") not in _several(subject.get("statusPurpose")):
            yield f"{where}/statusPurpose", f"The list is for {str(subject.get('statusPurpose'))[:80]}."


@rule(
    "list-too-short",
    Severity.ERROR,
    fails_in=EVERY,
    source="Bitstring Status List 1.0, section 3.2 (RANGE_ERROR)",
    remedy="Use an index below the number of entries.",
)
def list_too_short(examined: Examined) -> Iterator[Trip]:
    """The index lies outside of the list."""
    for entry, where in examined.bitstring_entries:
        found, index, size = examined.list_of(entry), entry.get("statusListIndex"), entry.get("statusSize", 1)
        if found is None or found.bits is None or type(size) is not int or size < 1:
            continue
        if isinstance(index, str) and _INDEX.fullmatch(index) and int(index) >= found.bits // size:
            yield f"{where}/statusListIndex", f"The list has {found.bits // size} entries."


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


RULES: Final[tuple[Rule, ...]] = (list_issuer_differs, list_purpose_differs, list_too_short)
