"""The values of request bodies, each with what is asked of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from registry.domain.events import IssuerKind, LegacyList, Reason, StatusProfile
from registry.domain.mechanisms import KeyAlgorithm, Mechanism
from registry.domain.names import credential_id, is_absolute_iri, slug
from registry.errors import Malformed
from registry.http import documents
from registry.securing.did import did_web_url


def parsed_by(check: Any) -> AfterValidator:
    """Turn a parser of the domain, which raises `Malformed`, into a check of pydantic's."""

    def checked(text: str) -> str:
        try:
            check(text)
        except Malformed as error:
            raise PydanticCustomError("form", "{sentence}", {"sentence": error.detail}) from None
        return text

    return AfterValidator(checked)


YEARS = range(1900, 9999)
"""Of the moments that are recorded; at either end of the calendar, zones and databases have no room left."""


def _moment(value: object) -> datetime:
    try:
        moment = documents.date_time_stamp(value, pointer="")
    except Malformed as error:
        raise PydanticCustomError("form", "{sentence}", {"sentence": error.detail}) from None
    if moment.year not in YEARS:
        raise PydanticCustomError("form", f"A moment lies in the years {YEARS[0]} to {YEARS[-1]}.")
    return moment


def _require_iri(text: str) -> None:
    if not is_absolute_iri(text):
        raise Malformed("Write an absolute URL or URN.")


def _require_web(text: str) -> None:
    if not is_absolute_iri(text) or not text.startswith(("https://", "http://")):
        raise Malformed("Write an absolute URL that begins with https:// or http://.")


_JURISDICTION = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?", re.ASCII)
_IDENTIFIER = re.compile(r"[a-z][A-Za-z0-9]{0,31}", re.ASCII)


def _require_jurisdiction(text: str) -> None:
    if not _JURISDICTION.fullmatch(text):
        raise Malformed("A jurisdiction is a code of ISO 3166-1 or 3166-2, such as US or US-VT.")


def _require_text(text: str) -> None:
    if not text.strip() or any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text):
        raise Malformed("Write one line of text, without control characters.")


def _require_choice_of_did(text: str) -> None:
    if text != "key":
        _require_did_to_adopt(text)


def _require_did_to_adopt(text: str) -> None:
    if text != "web":
        if not text.startswith("did:web:"):
            raise Malformed("Write `web`, or a did:web whose document you control: other DIDs cannot delegate.")
        did_web_url(text)


def _require_identifiers(identifiers: dict[str, str]) -> dict[str, str]:
    if len(identifiers) > 16 or not all(_IDENTIFIER.fullmatch(name) for name in identifiers):
        raise PydanticCustomError("form", "At most 16 identifiers, named like ctid or ror: letters and digits.")
    return identifiers


def _require_each_once(names: list[Any]) -> list[Any]:
    if len(set(names)) < len(names):
        raise PydanticCustomError("form", "Name each one once.")
    return names


Line = Annotated[str, Field(min_length=1, max_length=200), parsed_by(_require_text)]
Web = Annotated[str, Field(max_length=1024), parsed_by(_require_web)]
CredentialIdText = Annotated[str, Field(max_length=1024), parsed_by(credential_id)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
]
Kind = Annotated[IssuerKind, Field(strict=False)]
Profile = Annotated[StatusProfile, Field(strict=False)]
LegacyLists = Annotated[list[Annotated[LegacyList, Field(strict=False)]], Field(max_length=len(LegacyList))]
AnyReason = Annotated[Reason, Field(strict=False)]
Mechanisms = Annotated[
    list[Annotated[Mechanism, Field(strict=False)]],
    Field(min_length=1, max_length=len(Mechanism)),
    AfterValidator(_require_each_once),
]
KeyAlgorithms = Annotated[
    list[Annotated[KeyAlgorithm, Field(strict=False)]],
    Field(max_length=len(KeyAlgorithm)),
    AfterValidator(_require_each_once),
]
Jurisdiction = Annotated[str, parsed_by(_require_jurisdiction)]
Identifiers = Annotated[
    dict[str, Annotated[str, Field(min_length=1, max_length=512)]], AfterValidator(_require_identifiers)
]


def _not_investigation(reason: Reason) -> Reason:
    if reason is Reason.INVESTIGATION:
        raise PydanticCustomError("form", "`investigation` is a reason to suspend; say another one.")
    return reason


FinalReason = Annotated[AnyReason, AfterValidator(_not_investigation)]


_STATUS = re.compile(r"0x(?:0|[1-9a-f][0-9a-f]?)", re.ASCII)


def _require_status(text: str) -> None:
    if not _STATUS.fullmatch(text):
        raise Malformed("A value is a string in hexadecimal, without leading zeros: 0x0, 0x1, … 0xff.")


StatusText = Annotated[str, Field(json_schema_extra={"pattern": f"^{_STATUS.pattern}$"}), parsed_by(_require_status)]
"""A value as the specification writes it."""

Slug = Annotated[str, parsed_by(slug)]
Iri = Annotated[str, Field(max_length=1024), parsed_by(_require_iri)]
ChoiceOfDid = Annotated[str, Field(max_length=1024), parsed_by(_require_choice_of_did)]
DidToAdopt = Annotated[str, Field(max_length=1024), parsed_by(_require_did_to_adopt)]
