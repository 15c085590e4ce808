"""From when until when (VCDM 2.0, section 4.9; VCDM 1.1, sections 4.6 and 4.8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from registry.domain.problem import Problem
from registry.securing.contexts import CREDENTIALS_V2
from registry.verifier.structure.contexts import base_context
from registry.verifier.structure.lexical import moment
from registry.verifier.structure.path import ROOT, malformed


@dataclass(frozen=True, slots=True)
class _Form:
    """How one version of the data model says it."""

    begins: str
    ends: str
    is_begin_required: bool
    with_zone: bool
    sections: tuple[str, str]
    example: str


_V2: Final = _Form(
    "validFrom",
    "validUntil",
    False,
    True,
    ("VCDM 2.0, section 4.9",) * 2,
    "date, time and zone, such as 2026-05-31T12:00:00Z",
)
_V1: Final = _Form(
    "issuanceDate",
    "expirationDate",
    True,
    False,
    ("VCDM 1.1, section 4.6", "VCDM 1.1, section 4.8"),
    "date and time, such as 2026-05-31T12:00:00Z",
)


@dataclass(frozen=True, slots=True)
class Validity:
    """The period in which a credential is valid; None: open at that end."""

    begins: str
    """The name of the member that says from when."""
    ends: str
    valid_from: datetime | None
    valid_until: datetime | None


def validity_of(document: Mapping[str, Any]) -> Validity:
    """Return the period that *document* states; what is malformed counts as open."""
    form = _form(document)
    return Validity(
        form.begins,
        form.ends,
        moment(document.get(form.begins), with_zone=form.with_zone),
        moment(document.get(form.ends), with_zone=form.with_zone),
    )


def validity(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Both moments are well formed, and in order."""
    form = _form(document)
    for name, section in zip((form.begins, form.ends), form.sections, strict=True):
        is_missing = name not in document
        if is_missing and name == form.begins and form.is_begin_required:
            yield malformed((ROOT, name), f"`{name}` is required: {form.example}.", section)
        elif not is_missing and moment(document[name], with_zone=form.with_zone) is None:
            yield malformed((ROOT, name), f"`{name}` is {form.example}.", section)
    found = validity_of(document)
    if found.valid_from is not None and found.valid_until is not None and found.valid_until < found.valid_from:
        yield malformed((ROOT, form.ends), f"`{form.ends}` lies before `{form.begins}`.", form.sections[1])


def _form(document: Mapping[str, Any]) -> _Form:
    return _V2 if base_context(document) == CREDENTIALS_V2 else _V1
